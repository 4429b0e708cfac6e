"""Webhooks: who outside may say something to the bot, how to tell them, and what they said."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, NotFound, Role

from ..access.gate import KEEPER, address_of, base_url, caller_of, need_role
from ..access.keeper import check_name
from ..access.passwords import hash_secret, new_secret
from ..hooks import HOOKS
from ..hooks_line import VERB
from ..hooks_store import shown_secret
from .page import Page, ask_if, offers, show

CALLS = 30
KINDS = ("tradingview", "signed")
LONGEST_SECRET = 200
Form = dict[str, str]


async def _hooks(request: web.Request) -> web.Response:
    return await _shown(request)


async def _shown(
    request: web.Request, *, once: Form | None = None, faults: dict[str, str] | None = None, status: int = 200
) -> web.Response:
    """Return the page. `once` is what is shown now and never again."""
    need_role(request, Role.TRADE)
    store = request.app[HOOKS].store
    known = await ask_if(request, "market")
    data: dict[str, Any] = {
        "hooks": [
            {
                "id": one.id,
                "kind": one.kind,
                "name": one.name,
                "source": one.source,
                "instruments": list(one.instruments),
                "has_secret": one.secret_hash is not None,
                "person": one.person,
                "used_s": one.used_s,
            }
            for one in store.hooks()
        ],
        "calls": [
            {
                "ts_s": one.ts_s,
                "hook": one.hook,
                "address": one.address,
                "status": one.status,
                "said": one.said,
                "seq": one.seq,
            }
            for one in store.calls(CALLS)
        ],
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
    given = {name: str(form.get(name, "")).strip() for name in ("kind", "name", "source", "secret", "ttl_h")}
    caller, keeper, store = caller_of(request), request.app[KEEPER], request.app[HOOKS].store
    check_name(given["name"])
    check_name(given["source"], "source")
    if "@" in given["source"]:
        raise BadArguments("source", {"source": "expected letters, digits and . _ -"})
    if given["kind"] not in KINDS:
        raise BadArguments("kind", {"kind": f"expected one of {', '.join(KINDS)}"})
    is_signed, body_secret = given["kind"] == "signed", given["secret"][:LONGEST_SECRET]
    token = secrets.token_hex(16) if is_signed else new_secret()
    try:
        store.add_hook(
            given["kind"],
            given["name"],
            token if is_signed else hash_secret(token),
            secret_hash=hash_secret(body_secret) if body_secret and not is_signed else None,
            source=given["source"],
            instruments=[str(one)[:100] for one in form.getall("instruments", [])],
            ttl_s=_hours(given["ttl_h"]),
            person=keeper.own_name(caller),
            now_s=keeper.now_s,
        )
    except sqlite3.IntegrityError as exc:
        told = f'"{given["name"]}" is taken; choose another name'
        raise BadArguments(told, {"name": told}) from exc
    keeper.note(caller.actor.name, f'made the {given["kind"]} hook "{given["name"]}"', address_of(request))
    if is_signed:
        secret = shown_secret(store.secret_of(token))
        return {"kind": "signed", "url": f"{base_url(request)}/hooks/in/{given['name']}", "secret": secret}
    told = "the secret of this hook" if body_secret else ""
    return {"kind": "tradingview", "url": f"{base_url(request)}/hooks/tv/{token}", "secret": told}


def _hours(text: str) -> float | None:
    if not text:
        return None
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 720:
        told = "expected hours, above 0 and at most 720, or nothing"
        raise BadArguments(f"ttl_h: {told}", {"ttl_h": told})
    return hours * 3600


async def _remove(request: web.Request) -> Form:
    number, store = str((await request.post()).get("id", "")), request.app[HOOKS].store
    caller = caller_of(request)
    found = next((one for one in store.hooks() if str(one.id) == number), None)
    if found is None or (found.person != caller.name and caller.actor.role < Role.ADMIN):
        raise NotFound(f"there is no hook {number[:20]} of yours")
    store.remove_hook(found.id)
    request.app[KEEPER].note(caller.actor.name, f'removed the hook "{found.name}"', address_of(request))
    return {}


_DEEDS: dict[str, Callable[[web.Request], Awaitable[Form]]] = {"make": _make, "remove": _remove}

PAGE = Page(
    path="/access/hooks",
    label="",
    icon="access",
    routes=(web.get("/access/hooks", _hooks), web.post("/access/hooks/{deed}", _change)),
    needs=frozenset({VERB}),
)
