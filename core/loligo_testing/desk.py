"""A desk for tests: a tentacle at work in the real engine, against the simulated venue, over given market data.

Places that a test leaves empty hold the plain tentacles of `loligo_testing.parts`. Nothing is faked: a request goes
through the risk gate, is filled by the venue, and is booked; every event is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from loligo.api import (
    ClosedTrade,
    Declined,
    DeskLimits,
    Direction,
    Filled,
    Input,
    Instrument,
    MakeContext,
    Order,
    Record,
    Refused,
    Signal,
    TentacleFailed,
    Tier,
)
from loligo.engine.engine import Engine
from loligo.engine.plan import AccountPlan, DeskPlan, EnginePlan, EvaluatorPlan, RulePlan, SeatPlan, VenuePlan
from loligo.model.command import GenerationActivated, SlotVersion, TimeAdvanced
from loligo.model.events import (
    DecisionDeclined,
    Evaluated,
    Event,
    OrderReported,
    OrderRequested,
    OrderSubmitted,
    SignalRaised,
    TradeClosed,
)
from loligo.model.order import OrderRequest
from loligo.model.risk import AccountLimits
from loligo_testing.parts import BuyAndSell, FollowOpinions, Maker, Passes, Script, bundled, maker, simulated_venue
from loligo_testing.tape import BTC
from loligo_testing.views import ACCOUNT_LIMITS, LIMITS

_E = TypeVar("_E", bound=Event)
DESK, ACCOUNT = "test", "paper"
RULES = (Tier.POSITION, Tier.STRATEGY, Tier.ACCOUNT)


@dataclass(frozen=True, slots=True)
class DeskRun:
    """What came of a run: all records, and what tests mostly ask of them. In the order in which it happened."""

    records: Sequence[Record]
    equity: float  # of the desk at the end, quote units
    position: Decimal  # base units at the end
    open_orders: Sequence[Order]

    def events(self, kind: type[_E]) -> list[_E]:
        """Return every event of a kind (`loligo.model.events`)."""
        return [event for record in self.records for event in record.events if isinstance(event, kind)]

    @property
    def evaluations(self) -> list[Any]:
        return [event.evaluation for event in self.events(Evaluated)]

    @property
    def signals(self) -> list[Signal]:
        return [event.signal for event in self.events(SignalRaised)]

    @property
    def declined(self) -> list[Declined]:
        """Decisions of strategy and mode not to act."""
        return [event.declined for event in self.events(DecisionDeclined)]

    @property
    def requests(self) -> list[OrderRequest]:
        """What the trading mode asked for, before risk judged it."""
        return [event.request for event in self.events(OrderRequested)]

    @property
    def refusals(self) -> list[Refused]:
        """What risk let not through."""
        return self.events(Refused)

    @property
    def orders(self) -> list[Order]:
        """Every order as it was sent, stops and targets among them."""
        return [event.order for event in self.events(OrderSubmitted)]

    @property
    def fills(self) -> list[Filled]:
        reports = [event.report for event in self.events(OrderReported)]
        return [report for report in reports if isinstance(report, Filled)]

    @property
    def trades(self) -> list[ClosedTrade]:
        """Round trips that ended."""
        return [event.trade for event in self.events(TradeClosed)]

    @property
    def failures(self) -> list[TentacleFailed]:
        """Calls of tentacles that raised, or gave an answer out of bounds."""
        return self.events(TentacleFailed)


@dataclass(slots=True, kw_only=True)
class SimulatedDesk:
    """One desk on one instrument with a paper account; what is given takes its place, the rest is plain.

    A tentacle is given as what makes an instance for a place: `lambda context: Sample(Settings(), context)`.
    `signals` puts a script in the strategy's place: by the number of the candle, from 0, a signal or just a direction.
    `rules` are names of risk rules that come with Loligo, or makers; tiers without one let everything pass.
    """

    evaluators: Mapping[str, Maker] = field(default_factory=dict)  # by name, in the order of the board
    strategy: Maker | None = None
    mode: Maker | None = None
    rules: Sequence[str | Maker] = ()
    signals: Mapping[int, Signal | Direction] | None = None
    instrument: Instrument = BTC
    timeframe: str = "1h"  # whose candles trigger the strategy; "" lets every new evaluation do
    capital: Decimal = Decimal(10_000)
    limits: DeskLimits = LIMITS
    account_limits: AccountLimits = ACCOUNT_LIMITS
    fills: Mapping[str, object] = field(default_factory=dict)  # settings of the simulated venue
    venue: Maker | None = None  # another one in its place; its context has the instruments
    tick_s: float = 0.0  # a tick of the mode this often; 0: none

    def run(self, inputs: Iterable[Input]) -> DeskRun:
        """Feed the inputs, in time order, to a new bot and return what came of it.

        LoligoError when they are not in order, or the desk cannot be made.
        """
        engine, records = self.engine(), list[Record]()
        for item in inputs:
            if not records:
                records.append(engine.process(GenerationActivated(started_at(item), 1, engine.plan.slots)))
            records.append(engine.process(item))
        return result(engine, records, self.instrument)

    def engine(self) -> Engine:
        """Return the bot, not yet fed; the first input to give it is a `GenerationActivated` of its plan."""
        return Engine(self.plan())

    def plan(self, version: str = "") -> EnginePlan:
        """Return the plan of the bot; plans of another `version` are exchanged for one another, with all tentacles."""
        rules = self._rules(version)
        desk = DeskPlan(
            name=DESK,
            account=ACCOUNT,
            timeframe=self.timeframe,
            capital=self.capital,
            limits=self.limits,
            seats=(self._seat(version),),
            rules=tuple(plan for plan, tier in rules if tier is not Tier.ACCOUNT),
            tick_ns=int(self.tick_s * 1_000_000_000),
        )
        account = AccountPlan(
            name=ACCOUNT,
            reference=self.instrument.quote,
            deposits={self.instrument.quote: self.capital},
            limits=self.account_limits,
            rules=tuple(plan for plan, tier in rules if tier is Tier.ACCOUNT),
        )
        venues = {self.instrument.venue: self._venue(version)}
        slots = (SlotVersion("test", version, ""),)
        return EnginePlan(bot="test", accounts=(account,), desks=(desk,), venues=venues, slots=slots)

    def _venue(self, version: str) -> VenuePlan:
        if self.venue is None:
            return VenuePlan(name="simulated", make=partial(simulated_venue, (self.instrument,), **self.fills))
        made: Any = partial(self.venue, MakeContext(instruments=(self.instrument,)))
        return VenuePlan(name="venue", make=made, key=f"venue{version}")

    def _seat(self, version: str) -> SeatPlan:
        places = tuple(self._evaluator(name, make, version) for name, make in self.evaluators.items())
        context = MakeContext(desk=DESK, instrument=self.instrument, timeframe=self.timeframe, inputs=places)
        return SeatPlan(
            instrument=self.instrument,
            evaluators=places,
            strategy_name="strategy",
            make_strategy=partial(self._strategy(), context),  # type: ignore[arg-type]
            strategy_key=f"strategy{version}",
            mode_name="mode",
            make_mode=partial(self.mode or _buy_and_sell, context),  # type: ignore[arg-type]
            mode_key=f"mode{version}",
        )

    def _evaluator(self, name: str, make: Maker, version: str) -> EvaluatorPlan:
        timeframe = self.timeframe or "1h"
        context = MakeContext(instrument=self.instrument, timeframe=timeframe)
        label = f"{name} {self.instrument.id} {timeframe}"
        made: Any = partial(make, context)
        return EvaluatorPlan(name=name, key=label + version, label=label, timeframe=timeframe, make=made)

    def _strategy(self) -> Maker:
        if self.signals is None:
            return self.strategy or (lambda context: FollowOpinions())
        script = {
            place: said if isinstance(said, Signal) else Signal(said, 1.0, "script")
            for place, said in self.signals.items()
        }
        return lambda context: Script(script)

    def _rules(self, version: str) -> list[tuple[RulePlan, Tier]]:
        context = MakeContext(desk=DESK)
        plans = []
        for number, given in enumerate(self.rules):
            name = given if isinstance(given, str) else f"rule{number}"
            make: Any = partial(maker(bundled("risk_rule", given)) if isinstance(given, str) else given, context)
            plans.append((RulePlan(name=name, make=make, key=name + version), Tier(make().tier)))
        free = [tier for tier in RULES if tier not in {tier for _, tier in plans}]
        return plans + [(RulePlan(name=f"passes_{tier}", make=partial(Passes, tier)), tier) for tier in free]


def result(engine: Engine, records: Sequence[Record], instrument: Instrument) -> DeskRun:
    """Return where a simulated desk's engine stands."""
    return DeskRun(
        records=records,
        equity=engine.portfolio.books[DESK].equity,
        position=engine.portfolio.position(DESK, instrument.id),
        open_orders=engine.execution.open_orders((DESK, instrument.id)),
    )


def _buy_and_sell(context: MakeContext) -> BuyAndSell:
    return BuyAndSell()


def started_at(item: Input) -> int:
    """Return when a bot must have started to take this input as its first."""
    return item.ts if isinstance(item, TimeAdvanced) else getattr(item, "opened_at_ns", item.ts)
