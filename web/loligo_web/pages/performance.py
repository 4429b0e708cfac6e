"""Performance: equity over time, what each day, week or month came to, what each market and desk did, and reports."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..rest import DOOR
from .acting import act
from .page import Page, ask, ask_if, download, offers, show

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
    known, reports = await asyncio.gather(ask_if(request, "desks"), ask_if(request, "reports"))
    more = {
        "periods": PERIODS,
        "by": by,
        "desk": desk,
        "names": [one.name for one in known.desks] if known else [],
        "can_write": offers(request, "report.write"),
    }
    data = {"profit": profit, "instruments": instruments, "desks": desks, "equity": equity, "reports": reports}
    return await show(request, "performance.html", data, more=more)


async def _write(request: web.Request) -> web.Response:
    form = {name: str(value) for name, value in (await request.post()).items()}
    verb = request.app[DOOR].verbs["report.write"]
    await act(request, verb, {"period": form.get("period", "week")}, form)
    return web.Response(status=303, headers={"Location": "/performance#reports"})


async def _report(request: web.Request) -> web.Response:
    return download(await ask(request, "report.read", name=request.match_info["name"]))


PAGE = Page(
    path="/performance",
    label="Performance",
    icon="performance",
    routes=(
        web.get("/performance", _performance),
        web.post("/performance/report", _write),
        web.get("/performance/report/{name}", _report),
    ),
    needs=frozenset({"profit", "performance", "equity"}),
)
