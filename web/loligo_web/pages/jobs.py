"""Jobs: what runs beside the trading, of whatever kind; end one, run it once more, remove it, run all that failed."""

from __future__ import annotations

from aiohttp import web

from .page import Page, ask, offers, show

ROWS = 200
PAGES = {
    "backtest": "/backtests/",
    "historic": "/experiments/past/",
    "reality": "/backtests/reality/",
    "replay": "/backtests/replay/",
}


async def _jobs(request: web.Request) -> web.Response:
    answer = await ask(request, "jobs", limit=ROWS)
    can = {"can_change": offers(request, "job.retry"), "can_retry_all": offers(request, "jobs.retry")}
    return await show(request, "jobs.html", {"jobs": answer}, more={"pages": PAGES, **can})


PAGE = Page(path="/jobs", label="", icon="", routes=(web.get("/jobs", _jobs),), needs=frozenset({"jobs"}))
