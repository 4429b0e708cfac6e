"""Shared views: links by which investors see results, made by the owner, each with an end and what it shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, NotFound, Role

from ..access.gate import KEEPER, address_of, base_url, caller_of, need_role
from ..access.keeper import check_name
from ..access.passwords import hash_secret, new_secret
from ..hooks import HOOKS
from ..investor import SHOWS, VERB
from .hooks import Form
from .page import Page, show

DAY_S = 86_400.0
DAYS = (7, 30, 90, 365)


async def _shares(request: web.Request) -> web.Response:
    return await _shown(request)


async def _shown(
    request: web.Request, *, once: Form | None = None, faults: dict[str, str] | None = None, status: int = 200
) -> web.Response:
    """Return the page. `once` is what is shown now and never again."""
    need_role(request, Role.ADMIN)
    now_s = request.app[KEEPER].now_s
    data: dict[str, Any] = {
        "shares": [
            {
                "id": one.id,
                "name": one.name,
                "person": one.person,
                "shows": sorted(one.shows),
                "until_s": one.until_s,
                "used_s": one.used_s,
            }
            for one in request.app[HOOKS].store.shares(now_s)
        ]
    }
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
    form, caller, keeper = await request.post(), caller_of(request), request.app[KEEPER]
    name, days = str(form.get("name", "")).strip(), str(form.get("days", ""))
    check_name(name)
    if days not in map(str, DAYS):
        raise BadArguments("days", {"days": f"expected one of {', '.join(map(str, DAYS))}"})
    shows, secret = [one for one in SHOWS if one in form.getall("shows", [])], new_secret()
    until_s = keeper.now_s + int(days) * DAY_S
    person = keeper.own_name(caller)
    try:
        request.app[HOOKS].store.add_share(hash_secret(secret), name, person, shows, keeper.now_s, until_s)
    except sqlite3.IntegrityError as exc:
        told = f'"{name}" is taken; choose another name'
        raise BadArguments(told, {"name": told}) from exc
    what = f", with {', '.join(shows)}" if shows else ""
    keeper.note(caller.actor.name, f'shared a view as "{name}" for {days} days{what}', address_of(request))
    return {"link": f"{base_url(request)}/investor/{secret}"}


async def _remove(request: web.Request) -> Form:
    number, keeper = str((await request.post()).get("id", "")), request.app[KEEPER]
    store = request.app[HOOKS].store
    found = next((one for one in store.shares(keeper.now_s) if str(one.id) == number), None)
    if found is None:
        raise NotFound(f"there is no shared view {number[:20]}")
    store.remove_share(found.id)
    keeper.note(caller_of(request).actor.name, f'took back the shared view "{found.name}"', address_of(request))
    return {}


_DEEDS: dict[str, Callable[[web.Request], Awaitable[Form]]] = {"make": _make, "remove": _remove}

PAGE = Page(
    path="/access/shares",
    label="",
    icon="access",
    routes=(web.get("/access/shares", _shares), web.post("/access/shares/{deed}", _change)),
    needs=frozenset({VERB}),
)
