"""Decisions: what strategies wanted, what came of it and why; and of one event the whole story."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..wording import instant, milliseconds
from .page import Page, ask, ask_if, offers, show
from .start import ASKED_WHY, choose

ROWS = 40
RESULTS = ("ordered", "refused", "declined", "asked", "nothing")
_FILTERS = ("desk", "instrument", "result", "before")
_OVER = {"day": 1, "week": 7, "month": 30, "all": 0}  # days of the data in which reasons are counted


async def _decisions(request: web.Request) -> web.Response:
    given = {name: request.query[name] for name in _FILTERS if request.query.get(name)}
    scope = {name: value for name, value in given.items() if name in ("desk", "instrument")}
    over = request.query.get("over", "") if request.query.get("over") in _OVER else "week"
    if (days := _OVER[over]) and (now := (await ask(request, "status")).time):
        scope["since"] = instant(milliseconds(now) / 1000 - days * 86_400)
    decisions, nothing, desks = await asyncio.gather(
        ask(request, "decisions", limit=ROWS, **given),
        ask_if(request, "why_nothing", **scope),
        ask_if(request, "desks"),
    )
    known = desks.desks if desks else []
    more = {
        "given": given,
        "over": over,
        "spans": list(_OVER),
        "desks": [desk.name for desk in known],
        "instruments": list(dict.fromkeys(one for desk in known for one in desk.instruments)),
        "results": RESULTS,
        "can_why": offers(request, "why"),
    }
    return await show(request, "decisions.html", {"decisions": decisions, "nothing": nothing}, more=more)


async def _why(request: web.Request) -> web.Response:
    answer = await ask(request, "why", id=request.match_info["id"])
    choose(request, {ASKED_WHY}, set())
    return await show(request, "why.html", {"why": answer})


PAGE = Page(
    path="/decisions",
    label="Decisions",
    icon="decisions",
    routes=(web.get("/decisions", _decisions), web.get("/why/{id}", _why)),
    needs=frozenset({"decisions", "why"}),
)
