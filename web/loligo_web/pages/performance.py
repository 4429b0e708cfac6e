"""Performance: equity over time, what each day, week or month came to, and what each market and desk did."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, ask_if, show

PERIODS = ("day", "week", "month")
ROWS = 30


async def _performance(request: web.Request) -> web.Response:
    desk = request.query.get("desk", "")
    scope = {"desk": desk} if desk else {}
    by = request.query.get("by", "week")
    profit, instruments, desks, equity = await asyncio.gather(
        ask(request, "profit", by=by, limit=ROWS, **scope),
        ask(request, "performance", by="instrument", **scope),
        ask(request, "performance", by="desk"),
        ask_if(request, "equity", limit=2, **scope),
    )
    known = await ask_if(request, "desks")
    more = {"periods": PERIODS, "by": by, "desk": desk, "names": [one.name for one in known.desks] if known else []}
    data = {"profit": profit, "instruments": instruments, "desks": desks, "equity": equity}
    return await show(request, "performance.html", data, more=more)


PAGE = Page(
    path="/performance",
    label="Performance",
    icon="performance",
    routes=(web.get("/performance", _performance),),
    needs=frozenset({"profit", "performance", "equity"}),
)
