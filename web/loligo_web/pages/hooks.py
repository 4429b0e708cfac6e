"""Webhooks: who outside may say something to the bot, how to tell them, and what they said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, NotFound, Role

from ..access.gate import base_url, need_role
from ..hooks_line import VERB
from ..own import ask_own
from .page import Page, ask_if, offers, show

CALLS = 30
Form = dict[str, str]


async def _hooks(request: web.Request) -> web.Response:
    return await _shown(request)


async def _shown(
    request: web.Request, *, once: Form | None = None, faults: dict[str, str] | None = None, status: int = 200
) -> web.Response:
    """Return the page. `once` is what is shown now and never again."""
    need_role(request, Role.TRADE)
    known = await ask_if(request, "market")
    data: dict[str, Any] = {
        **ask_own(request, "access.hooks", {}).model_dump(),
        **ask_own(request, "access.hooks.calls", {"limit": CALLS}).model_dump(),
    }
    more = {
        "once": once or {},
        "faults": faults or {},
        "markets": [one.instrument for one in known.markets] if known is not None else [],
        "base": base_url(request),
        "can_why": offers(request, "why"),
    }
    return await show(request, "hooks.html", data, more=more, status=status)


async def _change(request: web.Request) -> web.StreamResponse:
    need_role(request, Role.TRADE)
    deed = request.match_info["deed"]
    if deed not in _DEEDS:
        raise NotFound(f'there is nothing to do called "{deed[:40]}"')
    try:
        once = await _DEEDS[deed](request)
    except BadArguments as exc:
        return await _shown(request, faults=exc.problems, status=422)
    if once:
        return await _shown(request, once=once)
    return web.Response(status=303, headers={"Location": PAGE.path})


async def _make(request: web.Request) -> Form:
    """Make a hook; return what its user needs, for once."""
    form = await request.post()
    given: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in ("kind", "name", "source", "secret")}
    given["instruments"] = [str(one) for one in form.getall("instruments", [])]
    if hours := str(form.get("ttl_h", "")).strip():
        given["ttl_h"] = hours
    made = ask_own(request, "access.hooks.make", given)
    secret = made.secret or ("the secret of this hook" if given["secret"] else "")
    return {"kind": made.kind, "url": made.url, "secret": secret}


async def _remove(request: web.Request) -> Form:
    ask_own(request, "access.hooks.remove", {"name": str((await request.post()).get("name", ""))})
    return {}


_DEEDS: dict[str, Callable[[web.Request], Awaitable[Form]]] = {"make": _make, "remove": _remove}

PAGE = Page(
    path="/access/hooks",
    label="",
    icon="access",
    routes=(web.get("/access/hooks", _hooks), web.post("/access/hooks/{deed}", _change)),
    needs=frozenset({VERB}),
)
