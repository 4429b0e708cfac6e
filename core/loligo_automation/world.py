"""The bot as an automation sees it: newest prices, what desks hold and are worth, who is paused. Made of records alone,
from a seed at the place where it begins, so the same records show the same world.

Prices, equity and drawdown are marks and so float64; nothing here decides about money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from loligo.api import (
    ActionKind,
    Candle,
    EquityMarked,
    KillSwitchSet,
    PositionChanged,
    Quote,
    Record,
    Resumed,
    RiskActed,
    Trade,
)


@dataclass(slots=True)
class Holding:
    """A position: signed quantity, average entry in quote units, when it was opened."""

    quantity: float
    entry: float
    opened_at_ns: int


@dataclass(slots=True)
class Worth:
    """What a desk, or "account:NAME", is worth in its reference currency."""

    equity: float | None = None
    drawdown: float = 0.0  # a fraction of the highest equity
    capital: float = 0.0  # of a desk


@dataclass(slots=True)
class World:
    now_ns: int = 0
    seq: int = 0  # of the newest record
    prices: dict[str, float] = field(default_factory=dict)
    holdings: dict[str, dict[str, Holding]] = field(default_factory=dict)  # by desk and instrument
    worth: dict[str, Worth] = field(default_factory=dict)
    paused: dict[str, int] = field(default_factory=dict)  # scope, until when in ns; 0: until somebody resumes
    kill_level: int = 0

    def hear(self, record: Record) -> None:
        """Take a record in."""
        given = record.input
        self.now_ns, self.seq = given.ts, record.seq
        if isinstance(given, Candle):
            self.prices[given.instrument] = given.close
        elif isinstance(given, Trade):
            self.prices[given.instrument] = given.price
        elif isinstance(given, Quote):
            self.prices[given.instrument] = (given.bid + given.ask) / 2
        for event in record.events:
            self._take(event)

    def _take(self, event: Any) -> None:
        if isinstance(event, PositionChanged):
            self._hold(event)
        elif isinstance(event, EquityMarked):
            worth = self.worth.setdefault(event.desk or f"account:{event.account}", Worth())
            worth.equity, worth.drawdown = event.equity, event.drawdown
        elif isinstance(event, RiskActed):
            if event.action.kind is not ActionKind.TIGHTEN:
                self.paused[event.scope] = event.action.until_ns
        elif isinstance(event, Resumed):
            self.paused.pop(event.scope, None)
        elif isinstance(event, KillSwitchSet):
            self.kill_level = int(event.level)

    def _hold(self, event: PositionChanged) -> None:
        position = event.position
        held = self.holdings.setdefault(position.desk, {})
        if position.quantity:
            entry = float(position.average_entry)
            held[position.instrument] = Holding(float(position.quantity), entry, position.opened_at_ns)
        else:
            held.pop(position.instrument, None)

    # What automations ask

    def is_paused(self, desk: str) -> bool:
        until = self.paused.get(desk)
        return self.kill_level > 0 or (until is not None and (not until or until > self.now_ns))

    def held(self, desk: str, instrument: str = "") -> dict[str, Holding]:
        """Return what a desk holds, or every desk ("" and "*"), of one instrument or of all, by desk and instrument."""
        desks = self.holdings if desk in ("", "*") else {desk: self.holdings.get(desk, {})}
        return {
            f"{name} {key}": one for name, held in desks.items() for key, one in held.items() if instrument in ("", key)
        }

    # To disk and back

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> World:
        holdings = {
            desk: {key: Holding(**one) for key, one in held.items()} for desk, held in plain["holdings"].items()
        }
        worth = {scope: Worth(**one) for scope, one in plain["worth"].items()}
        return cls(**{**plain, "holdings": holdings, "worth": worth})
