"""Reality check: the trades that a desk made, held against those that a backtest makes of the same window, and a cause
for each difference.

A backtest of today differs from what ran by steps: the candles that were late or missing, the code, the settings, the
fees and so on. Each step is a run of its own, a *world*, in which one thing more is as it is today. A trade that
changes between two worlds has the cause of that step; what changes between reality and the first world, in which all is
as it ran, has none (`not explained`), unless a venue outside answered: then the fields that changed tell it.

What must hold: the steps of a row add up to its difference, so the causes of all rows add up to that of all trades; a
difference without a cause is counted as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from typing import Any

from loligo.api import ClosedTrade, OrderRole, OrderSubmitted, Record, TradeClosed, iso

NEAR_CANDLES = 3  # of the desk's timeframe: trades that opened further apart are not the same trade


class Cause(StrEnum):
    FEE = "fee"
    SLIPPAGE = "slippage"
    SIGNAL_TIME = "signal time"
    MISSING_CANDLE = "missing candle"
    VERSION = "version"
    SETTINGS = "settings"
    NOT_EXPLAINED = "not explained"


@dataclass(frozen=True, slots=True)
class Trip:
    """One round trip, and when the order that opened it was decided on."""

    trade: ClosedTrade
    decided_at_ns: int

    @property
    def key(self) -> tuple[str, str]:
        return self.trade.instrument, str(self.trade.side)

    @property
    def moment(self) -> tuple[str, str, int]:
        return *self.key, self.decided_at_ns

    @property
    def terms(self) -> tuple[Any, ...]:
        """Return all that makes it this trade and no other; ids count events, so they differ between worlds."""
        one = self.trade
        prices = one.quantity, one.entry_price, one.exit_price, one.fees, one.funding, one.net
        return self.key, prices, self.decided_at_ns, one.opened_at_ns, one.closed_at_ns, one.exit_role

    @property
    def net(self) -> float:
        """Return the result in the account's currency."""
        return float(self.trade.net) * self.trade.quote_rate


@dataclass(frozen=True, slots=True)
class World:
    """The trades of one run; `cause` is what is otherwise than in the world before it, `text` says it in words."""

    cause: Cause
    text: str
    trips: Sequence[Trip]


class Trips:
    """Collects the round trips of a desk, record by record."""

    def __init__(self, desk: str) -> None:
        self._desk = desk
        self._decided: dict[str, int] = {}
        self.found: list[Trip] = []

    def add(self, record: Record) -> None:
        for event in record.events:
            if type(event) is OrderSubmitted:
                if event.order.desk == self._desk and event.order.role is OrderRole.ENTRY:
                    self._decided[event.order.id] = event.ts
            elif type(event) is TradeClosed and event.trade.desk == self._desk:
                trade = event.trade
                self.found.append(Trip(trade, self._decided.get(trade.entry_order_id, trade.opened_at_ns)))


Pair = tuple[Trip | None, Trip | None]


def paired(left: Sequence[Trip], right: Sequence[Trip], near_ns: int) -> list[Pair]:
    """Return which trades are the same one, in the order of time: equal ones first, then those decided on at the same
    instant, then the nearest that opened within `near_ns`; None stands where there is none."""
    pairs: dict[int, int] = {}
    free = dict.fromkeys(range(len(right)))
    for name in ("terms", "moment", "key"):
        found: dict[Any, list[int]] = {}
        for other in free:
            found.setdefault(getattr(right[other], name), []).append(other)
        for place, trip in enumerate(left):
            known = [other for other in found.get(getattr(trip, name), ()) if place not in pairs and other in free]
            apart = {other: abs(right[other].trade.opened_at_ns - trip.trade.opened_at_ns) for other in known}
            chosen = min(known, key=lambda other: apart[other], default=None)
            if chosen is not None and (name != "key" or apart[chosen] <= near_ns):
                pairs[place] = chosen
                del free[chosen]
    rows: list[Pair] = [(one, right[pairs[at]] if at in pairs else None) for at, one in enumerate(left)]
    return sorted([*rows, *((None, right[other]) for other in free)], key=_opened)


def _opened(row: Pair) -> tuple[int, str]:
    trip = row[0] or row[1]
    return (0, "") if trip is None else (trip.trade.opened_at_ns, trip.trade.instrument)


def check(
    recorded: Sequence[Trip], worlds: Sequence[World], near_ns: int, *, is_answered_outside: bool = False
) -> dict[str, Any]:
    """Return what differs and why, as plain data. The first world is the one in which all is as it ran, the last one is
    today; `is_answered_outside`: real orders were at a real venue."""
    final = worlds[-1].trips
    then = [{id(one): other for one, other in paired(recorded, world.trips, near_ns)} for world in worlds]
    since = [{id(one): other for one, other in paired(final, world.trips, near_ns)} for world in worlds]
    rows = []
    for was, now in paired(recorded, final, near_ns):
        between = [found[id(was)] for found in then] if was is not None else [found[id(now)] for found in since]
        rows.append(_row([was, *between[:-1], now], worlds, is_answered_outside))
    differing = [row for row in rows if not row["is_same"]]
    first = paired(recorded, worlds[0].trips, near_ns)
    return {
        "trades": {"recorded": len(recorded), "as_it_ran": len(worlds[0].trips), "today": len(final)},
        "net": {name: _sum(trips) for name, trips in (("recorded", recorded), ("today", final))},
        "differences": len(differing),
        "differences_as_it_ran": sum(not _are_same(*pair) for pair in first),
        "not_explained": sum(
            not _are_same(*pair) and _told_by(*pair, is_answered_outside) is Cause.NOT_EXPLAINED for pair in first
        ),
        "causes": _by_cause(differing),
        "steps": [{"cause": str(one.cause), "text": one.text, "trades": len(one.trips)} for one in worlds[1:]],
        "rows": rows,
    }


def _row(path: Sequence[Trip | None], worlds: Sequence[World], is_answered_outside: bool) -> dict[str, Any]:
    """Return what became of a trade: `path` has it in reality, then in each world."""
    was, now = path[0], path[-1]
    trip = was or now
    assert trip is not None
    effects: dict[str, float] = {}
    for place, (before, after) in enumerate(pairwise(path)):
        if not _are_same(was, now) and not _are_same(before, after):
            cause = worlds[place].cause if place else _told_by(before, after, is_answered_outside)
            effects[cause] = effects.get(cause, 0.0) + _net(after) - _net(before)
    return {
        "instrument": trip.trade.instrument,
        "side": str(trip.trade.side),
        "opened_at": iso(trip.trade.opened_at_ns),
        "is_same": _are_same(was, now),
        "causes": list(effects),
        "effects": effects,
        "fields": [] if _are_same(was, now) else _fields(was, now),
        "recorded": None if was is None else _plain(was),
        "today": None if now is None else _plain(now),
    }


def _are_same(one: Trip | None, other: Trip | None) -> bool:
    return one is other or (one is not None and other is not None and one.terms == other.terms)


def _told_by(was: Trip | None, now: Trip | None, is_answered_outside: bool) -> Cause:
    """Return what a real venue did otherwise than the simulated one: by its first sign, in the order of time."""
    if not is_answered_outside or was is None or now is None:
        return Cause.NOT_EXPLAINED
    if was.decided_at_ns != now.decided_at_ns:
        return Cause.SIGNAL_TIME
    one, other = was.trade, now.trade
    if (one.entry_price, one.exit_price, one.quantity) != (other.entry_price, other.exit_price, other.quantity):
        return Cause.SLIPPAGE
    return Cause.FEE if one.fees != other.fees else Cause.NOT_EXPLAINED


def _net(trip: Trip | None) -> float:
    return 0.0 if trip is None or not isfinite(trip.net) else trip.net


def _sum(trips: Sequence[Trip]) -> float:
    return sum(map(_net, trips))


def _by_cause(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {}
    for cause in Cause:
        touched = [row["effects"][cause] for row in rows if cause in row["effects"]]
        if touched:
            found[str(cause)] = {"trades": len(touched), "net": sum(touched)}
    return found


def _plain(trip: Trip) -> dict[str, Any]:
    one = trip.trade
    times = {"decided_at": iso(trip.decided_at_ns), "opened_at": iso(one.opened_at_ns)}
    times["closed_at"] = iso(one.closed_at_ns)
    amounts = {name: str(getattr(one, name)) for name in _AMOUNTS}
    return {**times, **amounts, "exit_role": one.exit_role, "entry_order_id": one.entry_order_id}


_AMOUNTS = ("quantity", "entry_price", "exit_price", "fees", "net")


def _fields(was: Trip | None, now: Trip | None) -> list[str]:
    """Return what differs, in words."""
    if was is None or now is None:
        return ["only in the backtest" if was is None else "only in reality"]
    old, new = _plain(was), _plain(now)
    names = [name for name in old if name not in ("net", "entry_order_id") and old[name] != new[name]]
    return [f"{name.replace('_', ' ')} {_short(old[name])} → {_short(new[name])}" for name in names]


def _short(text: str) -> str:
    try:
        return f"{Decimal(text).normalize():f}"
    except ArithmeticError:
        return text[:19]
