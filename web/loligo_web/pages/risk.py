"""Risk: every limit with its use and what it does when it is reached, what is paused, what limits did, and the controls
of a person."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, ask_if, offers, show, waiting

PLAIN = (
    "max_consecutive_losses",
    "max_trades_per_day",
    "max_open_positions",
    "max_orders_per_minute",
    "stop_guard_count",
)
EFFECTS = {  # of a limit that is reached; those that only say how long are told with the one that they belong to
    "stop_loss": "An entry without a stop, or with one further away, is refused.",
    "take_profit": "Where a signal brings no target, this is it.",
    "trailing_stop": "Every entry gets a stop that follows the price at this distance.",
    "max_position_share": "An entry is made smaller, down to nothing.",
    "max_leverage": "An entry above it is refused.",
    "max_consecutive_losses": "The desk opens nothing for the loss pause.",
    "min_confidence": "A weaker signal is refused.",
    "max_trades_per_day": "No more entries until 00:00 UTC.",
    "max_open_positions": "One more entry is refused.",
    "cooldown_s": "No entry for this long after leaving a market.",
    "stop_guard_count": "So many stops in the window: the desk opens nothing for the pause.",
    "lock_below_profit": "A market that lost this share of the equity in the window is locked for the pause.",
    "max_daily_loss": "No desk of the account opens anything until 00:00 UTC.",
    "max_exposure": "An entry is made smaller, down to nothing.",
    "max_drawdown": "No desk of the account opens anything until a person resumes.",
    "max_orders_per_minute": "Entries are refused until the minute is over.",
    "price_collar": "An entry priced further from the last price is refused.",
    "minimum_balance": "An entry is made smaller so that this much stays free.",
}
ROWS = 20
NEAR = 0.8  # of a limit: it is used up soon


async def _risk(request: web.Request) -> web.Response:
    before = {"before": request.query["before"]} if request.query.get("before") else {}
    answer, hits = await asyncio.gather(ask(request, "risk"), ask_if(request, "risk.hits", limit=ROWS, **before))
    scopes: dict[str, list[object]] = {}
    for one in answer.limits:
        scopes.setdefault(one.scope, []).append(one)
    ordered = sorted(scopes.items(), key=lambda item: (not item[0].startswith("account:"), item[0]))
    more = {
        "scopes": ordered,
        "can_pause": offers(request, "pause") and offers(request, "resume"),
        "can_why": offers(request, "why"),
        "plain": PLAIN,
        "effects": EFFECTS,
        "near": NEAR,
        "before": before,
    }
    return await show(request, "risk.html", {"risk": answer, "hits": hits, **await waiting(request)}, more=more)


PAGE = Page(path="/risk", label="Risk", icon="risk", routes=(web.get("/risk", _risk),), needs=frozenset({"risk"}))
