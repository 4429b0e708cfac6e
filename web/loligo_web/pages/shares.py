"""Shared views: links by which investors see results, made by the owner, each with an end and what it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, NotFound, Role

from ..access.gate import need_role
from ..investor import VERB
from ..own import ask_own
from .hooks import Form
from .page import Page, show

DAYS = (7, 30, 90, 365)


async def _shares(request: web.Request) -> web.Response:
    return await _shown(request)


async def _shown(
    request: web.Request, *, once: Form | None = None, faults: dict[str, str] | None = None, status: int = 200
) -> web.Response:
    """Return the page. `once` is what is shown now and never again."""
    need_role(request, Role.ADMIN)
    data: dict[str, Any] = ask_own(request, "access.shares", {}).model_dump()
    more = {"once": once or {}, "faults": faults or {}, "days": DAYS}
    return await show(request, "shares.html", data, more=more, status=status)


async def _change(request: web.Request) -> web.StreamResponse:
    need_role(request, Role.ADMIN)
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
    form = await request.post()
    given = {name: str(form.get(name, "")).strip() for name in ("name", "days")}
    made = ask_own(request, "access.shares.make", {**given, "shows": form.getall("shows", [])})
    return {"link": made.link}


async def _remove(request: web.Request) -> Form:
    ask_own(request, "access.shares.remove", {"name": str((await request.post()).get("name", ""))})
    return {}


_DEEDS: dict[str, Callable[[web.Request], Awaitable[Form]]] = {"make": _make, "remove": _remove}

PAGE = Page(
    path="/access/shares",
    label="",
    icon="access",
    routes=(web.get("/access/shares", _shares), web.post("/access/shares/{deed}", _change)),
    needs=frozenset({VERB}),
)
