"""Decisions: what strategies wanted, what came of it and why; and of one event the whole story."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, ask_if, offers, show

ROWS = 40
RESULTS = ("ordered", "refused", "declined", "asked", "nothing")
_FILTERS = ("desk", "instrument", "result", "before")


async def _decisions(request: web.Request) -> web.Response:
    given = {name: request.query[name] for name in _FILTERS if request.query.get(name)}
    scope = {name: value for name, value in given.items() if name in ("desk", "instrument")}
    decisions, nothing, desks = await asyncio.gather(
        ask(request, "decisions", limit=ROWS, **given),
        ask_if(request, "why_nothing", **scope),
        ask_if(request, "desks"),
    )
    known = desks.desks if desks else []
    more = {
        "given": given,
        "desks": [desk.name for desk in known],
        "instruments": list(dict.fromkeys(one for desk in known for one in desk.instruments)),
        "results": RESULTS,
        "can_why": offers(request, "why"),
    }
    return await show(request, "decisions.html", {"decisions": decisions, "nothing": nothing}, more=more)


async def _why(request: web.Request) -> web.Response:
    return await show(request, "why.html", {"why": await ask(request, "why", id=request.match_info["id"])})


PAGE = Page(
    path="/decisions",
    label="Decisions",
    icon="decisions",
    routes=(web.get("/decisions", _decisions), web.get("/why/{id}", _why)),
    needs=frozenset({"decisions", "why"}),
)
