"""Trades and portfolio: what is held and ordered now, what was traded (trades, fills, orders, by desk and market, page
by page), what it cost, and what every book holds."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from .page import Page, ask, ask_if, download, offers, show

ROWS = 50
TABLES = {"trades": "Closed trades", "fills": "Fills", "orders": "Orders"}  # by verb
SCOPE = ("desk", "instrument")


async def _trades(request: web.Request) -> web.Response:
    table, scope = _table(request.query.get("show", "")), _scope(request)
    before = request.query.get("before")
    paging = {"before": before} if before else {}
    traded, portfolio, positions, orders, fees, balance, desks = await asyncio.gather(
        ask(request, table, limit=ROWS, **scope, **paging),
        ask_if(request, "portfolio"),
        ask_if(request, "positions"),
        ask_if(request, "orders", is_open=True, limit=200),
        ask_if(request, "fees"),
        ask_if(request, "balance"),
        ask_if(request, "desks"),
    )
    data = {"portfolio": portfolio, "positions": positions, "orders": orders, "fees": fees, "balance": balance}
    more = {
        "table": table,
        "rows": getattr(traded, table),
        "next_before": traded.next_before,
        "before": before,
        "scope": scope,
        "query": urlencode(scope),
        "tables": {name: label for name, label in TABLES.items() if offers(request, name)},
        **_choices(desks),
        "can_why": offers(request, "why"),
        "can_export": offers(request, "trades.export"),
    }
    return await show(request, "trades.html", {"trades" if table == "trades" else "traded": traded, **data}, more=more)


def _table(name: str) -> str:
    return name if name in TABLES else "trades"


def _scope(request: web.Request) -> dict[str, str]:
    """Return of which desk and market, where somebody chose."""
    return {name: request.query[name][:200] for name in SCOPE if request.query.get(name)}


def _choices(desks: Any) -> dict[str, list[str]]:
    known = desks.desks if desks else []
    return {
        "desks": [one.name for one in known],
        "instruments": sorted({instrument for one in known for instrument in one.instruments}),
    }


async def _export(request: web.Request) -> web.Response:
    return download(await ask(request, "trades.export", table=request.match_info["table"], **_scope(request)))


PAGE = Page(
    path="/trades",
    label="Trades",
    icon="trades",
    routes=(web.get("/trades", _trades), web.get("/trades/export/{table}", _export)),
    needs=frozenset({"trades"}),
)
