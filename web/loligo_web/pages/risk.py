"""Risk: every limit with its use, what is paused, and the controls of a person."""

from __future__ import annotations

from aiohttp import web

from .page import Page, ask, offers, show, waiting

PLAIN = (
    "max_consecutive_losses",
    "max_trades_per_day",
    "max_open_positions",
    "max_orders_per_minute",
    "stop_guard_count",
)


async def _risk(request: web.Request) -> web.Response:
    answer = await ask(request, "risk")
    scopes: dict[str, list[object]] = {}
    for one in answer.limits:
        scopes.setdefault(one.scope, []).append(one)
    ordered = sorted(scopes.items(), key=lambda item: (not item[0].startswith("account:"), item[0]))
    more = {"scopes": ordered, "can_pause": offers(request, "pause") and offers(request, "resume"), "plain": PLAIN}
    return await show(request, "risk.html", {"risk": answer, **await waiting(request)}, more=more)


PAGE = Page(path="/risk", label="Risk", icon="risk", routes=(web.get("/risk", _risk),), needs=frozenset({"risk"}))
