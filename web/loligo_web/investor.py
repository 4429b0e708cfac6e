"""The view of an investor: results in percent, by a link that needs no sign-in, has an end, and can be taken back.

What must hold: it shows fractions, and amounts, positions or names of strategies only where the link says so; nothing
can be changed by it or asked beside it; nobody's search engine is meant to find it; it cannot be called without end.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from aiohttp import web

from loligo.api import Actor, Door, LoligoError, NotFound, Role

from .access.gate import KEEPER, address_of, is_open
from .access.passwords import hash_secret
from .curve import curve
from .hooks import HOOKS
from .hooks_line import Allowance
from .hooks_store import Share
from .look import render
from .rest import DOOR

VERB = "track_record"
PER_MINUTE = 60  # views by one link; and as many wrong links of one address
FRESH_S = 10.0  # an answer is shown again for so long
MOST = 50  # answers kept
PER_ROW = 12  # months


@dataclass(slots=True)
class Investors:
    """What the route works with."""

    allowance: Allowance = field(default_factory=lambda: Allowance(PER_MINUTE))
    shown: OrderedDict[int, tuple[float, dict[str, Any]]] = field(default_factory=OrderedDict)  # by link, and when


INVESTORS = web.AppKey("investors", Investors)


def routes() -> list[web.RouteDef]:
    return [web.get("/investor/{secret}", _investor)]


@is_open
async def _investor(request: web.Request) -> web.Response:
    keeper, investors = request.app[KEEPER], request.app[INVESTORS]
    share = request.app[HOOKS].store.share(hash_secret(request.match_info["secret"]), keeper.now_s)
    person = keeper.store.person(share.person) if share is not None else None
    who = f"link {share.id}" if share is not None else address_of(request)
    if wait_s := investors.allowance.wait_s(who, monotonic()):
        raise web.HTTPTooManyRequests(text=f"too often; try again in {wait_s:.0f} s")
    if share is None or person is None or person.role < Role.ADMIN:
        raise NotFound("this link has ended, was taken back, or never was")
    response = render(request, "investor.html", {**await _data(request, share), "share": share})
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


async def _data(request: web.Request, share: Share) -> dict[str, Any]:
    """Return what may be shown, asked anew when it is not fresh."""
    kept = request.app[INVESTORS].shown
    known = kept.get(share.id)
    if known is not None and monotonic() - known[0] < FRESH_S:
        return known[1]
    data = await _asked(request, share)
    kept[share.id] = monotonic(), data
    while len(kept) > MOST:
        kept.popitem(last=False)
    return data


async def _asked(request: web.Request, share: Share) -> dict[str, Any]:
    actor, door = Actor(name=f"share:{share.name}", role=Role.VIEW), request.app[DOOR]

    async def ask(verb: str, is_shown: bool, **arguments: Any) -> Any:
        if not is_shown or verb not in door.verbs:
            return None
        try:
            return await door.ask(actor, verb, arguments)
        except LoligoError:
            return None  # one part is missing, the others are shown

    shows = share.shows
    record, worth, held, by_desk = await asyncio.gather(
        _record(door, actor),
        ask("portfolio", "amounts" in shows),
        ask("positions", "positions" in shows),
        ask("performance", "strategies" in shows, by="desk"),
    )
    return {
        "record": record,
        "years": _by_year(record.months),
        "drawn": curve([(one.at_ms, one.result) for one in record.points]),
        "fallen": curve([(one.at_ms, -one.drawdown) for one in record.points]),
        "accounts": worth.accounts[:1] if worth is not None else [],
        "positions": _positions(held, shows),
        "desks": [(one.of, one.trades, one.win_share) for one in by_desk.results] if by_desk is not None else [],
    }


async def _record(door: Door, actor: Actor) -> Any:
    return await door.ask(actor, VERB, {})


def _positions(held: Any, shows: frozenset[str]) -> list[dict[str, Any]]:
    """Return what is held: the market, the side, and how it stands; quantities only with amounts."""
    found = []
    for one in held.positions if held is not None else []:
        entry = float(one.average_entry)
        change = one.mark / entry - 1 if one.mark is not None and entry else None
        gain = None if change is None else change if one.quantity > 0 else -change
        quantity = one.quantity if "amounts" in shows else None
        desk = one.desk if "strategies" in shows else ""
        side = "long" if one.quantity > 0 else "short"
        found.append({"market": one.instrument, "side": side, "gain": gain, "quantity": quantity, "desk": desk})
    return found


def _by_year(months: list[Any]) -> list[dict[str, Any]]:
    """Return rows of twelve months, and what each year came to: its months one after the other."""
    years: dict[str, dict[str, Any]] = {}
    for one in months:
        year, _, month = one.month.partition("-")
        row = years.setdefault(year, {"year": year, "months": [None] * PER_ROW, "result": 1.0})
        row["months"][int(month) - 1] = one.result
        row["result"] *= 1 + one.result
    for row in years.values():
        row["result"] -= 1
    return list(reversed(years.values()))
