"""The dashboard: what it is worth, what it holds, what it thinks, and what needs somebody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from loligo.api import timeframe_ns

from ..curve import curve
from ..wording import milliseconds
from .page import Page, ask, ask_if, offers, show, show_part, waiting
from .start import choices, choose, on_dashboard
from .views import brought, cards

DECISIONS = 6
POINTS = 240  # of the curve


CARDS = {  # that can be hidden, and what they are called
    "kpis": "Figures",
    "candles": "Candles",
    "worth": "Equity",
    "held": "Positions and orders",
    "experiment_cards": "A/B tests",
    "switches": "Tentacles",
    "thoughts": "Last decisions",
}
_HIDDEN = "hide: "  # begins a choice of a person


async def _dashboard(request: web.Request) -> web.Response:
    hidden = _hidden(request)
    wanted = {name: part for name, part in _PARTS.items() if name not in hidden}
    parts = await asyncio.gather(*(part(request) for part in wanted.values()), on_dashboard(request))
    data = {name: value for part in parts for name, value in part.items()}
    markets = [] if "candles" in hidden else await _markets(request)
    names = CARDS | {name: one.title for name, one in (await brought(request)).items()}
    more = {"markets": markets, "hidden": hidden, "names": names, **_can(request)}
    return await show(request, "dashboard.html", data, more=more)


def _hidden(request: web.Request) -> frozenset[str]:
    """Return the cards that whoever looks does not want to see."""
    return frozenset(one.removeprefix(_HIDDEN) for one in choices(request) if one.startswith(_HIDDEN))


async def _choose_cards(request: web.Request) -> web.Response:
    """Show those that are ticked, and hide the others; what is brought later is shown."""
    ticked = set((await request.post()).getall("shown", []))
    names = {*CARDS, *await brought(request)}
    choose(request, {_HIDDEN + name for name in names - ticked}, {_HIDDEN + name for name in names})
    return web.Response(status=303, headers={"Location": "/"})


def _can(request: web.Request) -> dict[str, bool]:
    return {
        "can_chart": all(offers(request, verb) for verb in ("candles", "fills")),
        "can_why": offers(request, "why"),
        "can_switch": offers(request, "tentacle.switch"),
    }


async def _figures(request: web.Request) -> dict[str, Any]:
    series, risk = await asyncio.gather(ask_if(request, "equity", limit=2), ask_if(request, "risk"))
    newest = series.points[-1] if series and series.points else None
    return {"portfolio": await ask_if(request, "portfolio"), "newest": newest, "risk": risk}


async def _worth(request: web.Request) -> dict[str, Any]:
    series, worth = await asyncio.gather(ask_if(request, "equity", limit=POINTS), ask_if(request, "portfolio"))
    known = [(one.at_ms, one.equity) for one in series.points if one.equity is not None] if series else []
    if known and worth:  # nothing is marked while nothing is held: the newest holds until now
        known.append((max(milliseconds(worth.time), known[-1][0]), known[-1][1]))
    return {"series": series, "drawn": curve(known)}


async def _held(request: web.Request) -> dict[str, Any]:
    positions, orders = await asyncio.gather(
        ask_if(request, "positions"), ask_if(request, "orders", is_open=True, limit=50)
    )
    return {"positions": positions, "orders": orders}


async def _tentacles(request: web.Request) -> dict[str, Any]:
    return {"tentacles": await ask_if(request, "tentacle.list")}


async def _trouble(request: web.Request) -> dict[str, Any]:
    return {"health": await ask_if(request, "health")}


async def _decisions(request: web.Request) -> dict[str, Any]:
    return {"decisions": await ask_if(request, "decisions", limit=DECISIONS)}


async def _cards(request: web.Request) -> dict[str, Any]:
    return {"cards": await cards(request, _hidden(request))}


async def _experiments(request: web.Request) -> dict[str, Any]:
    return {"experiments": await ask_if(request, "experiments")}


async def _markets(request: web.Request) -> list[dict[str, str]]:
    """Return what can be drawn: the series that desks look at, each once."""
    if not offers(request, "desks"):
        return []
    answer = await ask(request, "desks")
    found = dict.fromkeys((instrument, desk.timeframe) for desk in answer.desks for instrument in desk.instruments)
    ordered = sorted(found, key=lambda one: timeframe_ns(one[1]))
    return [{"instrument": instrument, "timeframe": timeframe} for instrument, timeframe in ordered]


_PARTS: Mapping[str, Any] = {
    "kpis": _figures,
    "worth": _worth,
    "held": _held,
    "switches": _tentacles,
    "trouble": _trouble,
    "consents": waiting,
    "thoughts": _decisions,
    "experiment_cards": _experiments,
    "cards": _cards,
}


_OF_FRAME = ("bar", "stop_state")


async def _part(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name in _OF_FRAME:
        return await show_part(request, f"part/{name}.html", {})
    if name not in _PARTS:
        raise web.HTTPNotFound(text=f'there is no part "{name[:40]}"')
    return await show_part(request, f"part/{name}.html", {**await _PARTS[name](request), **_can(request)})


PAGE = Page(
    path="/",
    label="Dashboard",
    icon="dashboard",
    routes=(web.get("/", _dashboard), web.post("/cards", _choose_cards), web.get("/part/{name}", _part)),
    needs=frozenset({"status"}),
)
