"""Trades and portfolio: what is held, what is ordered, what was filled and closed, and what it cost."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, ask_if, offers, show

ROWS = 50


async def _trades(request: web.Request) -> web.Response:
    before = request.query.get("before")
    paging = {"before": before} if before else {}
    trades, portfolio, orders, fees = await asyncio.gather(
        ask(request, "trades", limit=ROWS, **paging),
        ask_if(request, "portfolio"),
        ask_if(request, "orders", is_open=True, limit=200),
        ask_if(request, "fees"),
    )
    held = [position for desk in (portfolio.desks if portfolio else []) for position in desk.positions]
    data = {"trades": trades, "portfolio": portfolio, "orders": orders, "fees": fees}
    return await show(request, "trades.html", data, more={"held": held, "can_why": offers(request, "why")})


PAGE = Page(
    path="/trades", label="Trades", icon="trades", routes=(web.get("/trades", _trades),), needs=frozenset({"trades"})
)
