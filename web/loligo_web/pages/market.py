"""Markets: every instrument in a table, and of each a page with its candles, opinions, orders and levels.

The chart is drawn by the browser from `market.chart`; beneath it stands the same as a table, and `?png` is a picture.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ..curve import curve
from ..wording import title
from .page import Page, ask, ask_if, offers, show, show_part

TOLD = 12
LOOKED_AT = 120  # candles in which something may have happened that stands beside the chart
LISTED = 40  # of them in the table


def address(instrument: str) -> str:
    """Return where the page of an instrument is, whatever it is called."""
    is_plain = all(part not in ("", ".", "..") for part in instrument.split("/"))
    return f"/market/{quote(instrument, safe='/:' if is_plain else '')}"


async def _markets(request: web.Request) -> web.Response:
    found = await ask(request, "market")
    drawn = {one.instrument: curve(list(zip(one.curve_at_ms, one.curve, strict=True))) for one in found.markets}
    more = {"address": address, "drawn": drawn}
    if request.query.get("part") == "table":
        return await show_part(request, "part/markets.html", {"markets": found, **more})
    return await show(request, "markets.html", {"markets": found}, more=more)


async def _market(request: web.Request) -> web.StreamResponse:
    instrument = request.match_info["instrument"]
    scope = {"instrument": instrument} | {
        name: request.query[name] for name in ("timeframe",) if request.query.get(name)
    }
    if "png" in request.query:
        return await _picture(request, scope)
    found, chart = await asyncio.gather(
        ask(request, "market", instrument=instrument), ask(request, "market.chart", count=LOOKED_AT, **scope)
    )
    data = {"market": found.markets[0], "chart": chart}
    more: dict[str, Any] = {
        "mode": found.mode,
        "listed": LISTED,
        "titles": {one.name: title(one.name) for one in chart.evaluators},
        "address": address,
        "orders": await ask_if(request, "orders", instrument=chart.instrument, is_open=True, limit=50),
        "can_why": offers(request, "why"),
        "happened": _told(chart.marks),
        "can_picture": offers(request, "chart"),
        "can_scan": offers(request, "scan.start"),
    }
    if request.query.get("part") == "facts":
        return await show_part(request, "part/market_facts.html", {**data, **more})
    return await show(request, "market.html", data, more=more)


async def _picture(request: web.Request, scope: dict[str, str]) -> web.Response:
    found = await ask(request, "chart", count=150, **scope)
    return web.Response(
        body=b64decode(found.picture.base64), content_type="image/png", headers={"Cache-Control": "no-store"}
    )


def _told(marks: Sequence[Any]) -> list[tuple[Any, int]]:
    """Return what happened, the newest first and those alike that follow one another once, and how often each did."""
    alike = groupby(reversed(marks), key=lambda one: (one.desk, one.kind, one.text))
    return [(group[0], len(group)) for group in (list(found) for _, found in alike)][:TOLD]


PAGE = Page(
    path="/market",
    label="Markets",
    icon="market",
    routes=(web.get("/market", _markets), web.get("/market/{instrument:.+}", _market)),
    needs=frozenset({"market", "market.chart"}),
)
