"""What other settings would have done: desks over their newest candles, as they are set and as they would be.

    configuration, loaded tentacles ─► the plan of one desk alone, twice ─► warm-up and candles ─► fills of both

What must hold: the bot that trades is not touched, and nothing is written; both see the same candles and begin flat,
with the capital of the configuration. Only candles are gone through: who looks at trades,
quotes, books or news is silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from loligo.api.candles import market_order
from loligo.config import LoligoConfig
from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.host import Host, LoadedTentacle
from loligo.model.command import GenerationActivated
from loligo.model.events import Input, OrderReported, OrderSubmitted, TentacleFailed, TradeClosed
from loligo.model.market import Candle
from loligo.model.order import Filled, Order
from loligo.registry.registry_file import RegistryEntry
from loligo_bot.plan import Factories, build_plan
from loligo_bot.warm_up import warm_start

Series = tuple[str, str]  # instrument and timeframe
Deed = tuple[int, str, str, str]  # instant, instrument, side, role
Known = Mapping[Series, Sequence[Candle]]  # oldest first


@dataclass(frozen=True, slots=True)
class Draft:
    """The tentacles of a host, one of them with another entry of the registry."""

    host: Host
    entry: RegistryEntry

    def factory(self, kind: str, name: str) -> LoadedTentacle:
        found = self.host.factory(kind, name)
        return replace(found, entry=self.entry) if found.entry.slot == self.entry.slot else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: as it is, or as it would be."""

    config: LoligoConfig
    factories: Factories

    def plan_of(self, desk: str) -> EnginePlan:
        """Return the plan of one desk alone, which asks nobody for consent."""
        own = self.config.desks[desk].model_copy(update={"consent_s": None})
        accounts = {own.account: self.config.accounts[own.account]}
        alone = {"desks": {desk: own}, "accounts": accounts, "experiments": {}}
        return build_plan(self.config.model_copy(update=alone), self.factories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill: when, of what kind, how much, at which price."""

    ts: int
    instrument: str
    side: str
    role: str
    quantity: Decimal
    price: Decimal

    @property
    def deed(self) -> Deed:
        """Return by what two fills are the same deed, whatever its size."""
        return self.ts, self.instrument, self.side, self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a desk came to; `share` is by what its equity grew, as a fraction of what it began with."""

    fills: Sequence[Execution]
    trades: int
    share: float
    failure: str  # the first of a tentacle, "" for none


def concerned(before: Side, after: Side) -> list[str]:
    """Return the desks that would work otherwise. ConfigError where the draft cannot be planned."""
    found = []
    for name in sorted(before.config.desks):
        if _keys(before.plan_of(name)) != _keys(after.plan_of(name)):
            found.append(name)
    return found


def _keys(plan: EnginePlan) -> list[str]:
    """Return what the parts of a plan are made of."""
    seats = [seat for desk in plan.desks for seat in desk.seats]
    rules = [rule for desk in plan.desks for rule in desk.rules]
    rules += [rule for account in plan.accounts for rule in account.rules]
    return [
        *(key for seat in seats for key in (seat.strategy_key, seat.mode_key, *(one.key for one in seat.evaluators))),
        *(rule.key for rule in rules),
        *(plan.venues[seat.instrument.venue].key for seat in seats),
    ]


def series_of(plan: EnginePlan) -> dict[Series, int]:
    """Return the series that a plan of one desk looks at, and how many candles of each its evaluators want before."""
    found: dict[Series, int] = {}
    for desk in plan.desks:
        for seat in desk.seats:
            found.setdefault((seat.instrument.id, desk.timeframe), 0)
            for one in seat.evaluators:
                if one.make is not None and one.timeframe:
                    place = seat.instrument.id, one.timeframe
                    found[place] = max(found.get(place, 0), one.make().warmup)
    return found


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Candles as a feed that can look back."""

    known: Known

    def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        found = [one for one in self.known.get((instrument, timeframe), ()) if one.ts <= until_ns]
        return found[-count:]


def outcome_of(plan: EnginePlan, known: Known, since_ns: int) -> Outcome:
    """Run a plan of one desk over the candles that close after an instant, those before warm it up. Blocks."""
    candles = sorted((one for own in known.values() for one in own if one.ts > since_ns), key=market_order)
    engine, fills, trades, failure = Engine(plan), list[Execution](), 0, ""
    orders: dict[str, Order] = {}
    engine.process(GenerationActivated(since_ns + 1, 1, plan.slots))
    book = next(iter(engine.portfolio.books.values()))
    start = 0.0
    inputs: list[Input] = [*warm_start(engine, {"": _Remembered(known)}, {})[0], *candles]
    for item in inputs:
        events = engine.process(item).events
        start = start or book.equity
        for event in events:
            if isinstance(event, OrderSubmitted):
                orders[event.order.id] = event.order
            elif isinstance(event, OrderReported) and isinstance(event.report, Filled):
                fills.append(_execution(event.ts, event.report, orders[event.report.order_id]))
            elif isinstance(event, TradeClosed):
                trades += 1
            elif isinstance(event, TentacleFailed) and not failure:
                failure = f"{event.tentacle}: {event.call}: {event.error}"
    return Outcome(fills=fills, trades=trades, share=book.equity / start - 1.0 if start else 0.0, failure=failure)


def _execution(ts: int, fill: Filled, order: Order) -> Execution:
    return Execution(
        ts=ts,
        instrument=order.instrument,
        side=str(order.side),
        role=str(order.role),
        quantity=fill.quantity,
        price=fill.price,
    )
