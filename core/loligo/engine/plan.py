"""What the engine is built from: desks, accounts and markets, with makers for the tentacles that work in them.

The composition root fills these from the configuration; the engine never reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from loligo.model.command import SlotVersion
from loligo.model.instrument import Instrument
from loligo.model.risk import AccountLimits, DeskLimits
from loligo.ports.tentacles import Evaluator, RiskRule, Strategy, TradingMode
from loligo.ports.venue import EngineVenue


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorPlan:
    """One evaluator on one instrument and timeframe. Plans with equal `key` share one instance between desks."""

    name: str
    key: str  # tentacle, version, settings, instrument, timeframe, lineage
    label: str  # how events and boards call it
    timeframe: str  # "" for evaluators of trades, quotes, books and news
    make: Callable[[], Evaluator] | None  # None: switched off, so it has no opinion
    settings: str = ""  # their hash: a version with other settings cannot go on with the state of this one


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPlan:
    """A desk's work on one instrument: its evaluators, and a strategy and a trading mode of its own."""

    instrument: Instrument
    evaluators: tuple[EvaluatorPlan, ...]
    strategy_name: str
    make_strategy: Callable[[], Strategy] | None  # None: switched off, so no entries; protection stays
    mode_name: str
    make_mode: Callable[[], TradingMode] | None
    strategy_key: str = ""  # code and settings: what has another key is exchanged
    mode_key: str = ""

    def places(self, renamed: Mapping[str, str]) -> list[tuple[str, bool]]:
        """Return what stands where on the board: keys of evaluators, and whether they are off."""
        return [(renamed.get(one.key, one.key), one.make is None) for one in self.evaluators]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """One risk rule."""

    name: str
    make: Callable[[], RiskRule]
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPlan:
    """One desk. `timeframe` triggers its strategy; "" lets every new evaluation trigger it."""

    name: str
    account: str
    timeframe: str
    capital: Decimal  # reference currency of the account
    balances: Mapping[str, Decimal] = field(default_factory=dict)  # what it gets of other assets
    limits: DeskLimits
    seats: tuple[SeatPlan, ...]
    rules: tuple[RulePlan, ...]  # of the position and strategy tiers
    tick_ns: int = 0  # 0: no tick
    consent_ns: int = 0  # within which a person must agree to an entry; 0: nobody is asked
    flattens_orphans: bool = False  # close the positions of a seat whose strategy or mode is off; else hold them


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """One account: what it was opened with, in which currency it is measured, and its rules."""

    name: str
    reference: str
    deposits: Mapping[str, Decimal]
    limits: AccountLimits
    rules: tuple[RulePlan, ...]  # of the account tier
    rates: Mapping[str, object] = field(default_factory=dict)  # of other currencies, for `EnginePlan.currencies`


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePlan:
    """One venue that answers inside the engine; live ones have none."""

    name: str  # of the tentacle
    make: Callable[[], EngineVenue]
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlan:
    """The whole bot. Desks and accounts are served in the order of their names, whatever the order here."""

    bot: str
    accounts: tuple[AccountPlan, ...]
    desks: tuple[DeskPlan, ...]
    venues: Mapping[str, VenuePlan] = field(default_factory=dict)  # by venue name; others are live
    slots: tuple[SlotVersion, ...] = ()  # what a generation that runs this plan is called
    equity_every_ns: int = 3_600_000_000_000
    currencies: tuple[type, type] | None = None  # in place of PortfolioStage and SeatView
    execution: Callable[..., Any] | None = None  # makes what works in place of ExecutionStage


def paired(before: Sequence[EvaluatorPlan], after: Sequence[EvaluatorPlan]) -> list[int | None]:
    """Return for each evaluator of `after` its place in `before`: the one of equal label, else the first left of equal
    name and timeframe, None for one that is new."""
    free = dict(enumerate(before))
    places: list[int | None] = []
    for plan in after:
        alike = [place for place, old in free.items() if (old.name, old.timeframe) == (plan.name, plan.timeframe)]
        place = next((place for place in alike if free[place].label == plan.label), alike[0] if alike else None)
        if place is not None:
            del free[place]
        places.append(place)
    return places
