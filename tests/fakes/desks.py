"""Small bots for the engine's tests: tentacles made of functions, plans of one or more desks, and a bot that is fed.

The venue is the real `SimulatedVenue` without slippage, impact and volume limit, the ledger and the gate are the real
ones; only the tentacles are tiny.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from loligo.engine.engine import Engine
from loligo.engine.plan import AccountPlan, DeskPlan, EnginePlan, EvaluatorPlan, RulePlan, SeatPlan, VenuePlan
from loligo.model.command import CommandKind, GenerationActivated, OperatorCommand
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import Event, Input, Record
from loligo.model.instrument import Instrument
from loligo.model.market import Side
from loligo.model.order import Order, OrderKind, OrderRequest, OrderRole
from loligo.model.portfolio import ClosedTrade
from loligo.model.risk import AccountLimits, DeskLimits, RiskAction, Tier, Verdict, passed
from loligo.ports.tentacles import Intent, Stateless
from loligo.ports.venue import EngineVenue
from tests.fakes.venue_scene import BTC, PERP, candle
from tests.fakes.venue_scene import venue as free_venue

Opinion = Callable[[Any], Evaluation | None]
Answer = Callable[..., Any]
_E = TypeVar("_E", bound=Event)


def opinion(value: float, code: str = "test") -> Evaluation:
    return Evaluation(value, code)


class _Says(Stateless):
    warmup = 0

    def __init__(self, answer: Opinion) -> None:
        self._answer = answer


class CandleSays(_Says):
    def on_candle(self, candle: Any) -> Evaluation | None:
        return self._answer(candle)


class TradeSays(_Says):
    def on_trade(self, trade: Any) -> Evaluation | None:
        return self._answer(trade)


class QuoteSays(_Says):
    def on_quote(self, quote: Any) -> Evaluation | None:
        return self._answer(quote)


class BookSays(_Says):
    def on_book(self, book: Any) -> Evaluation | None:
        return self._answer(book)


class NewsSays(_Says):
    def on_external(self, external: Any) -> Evaluation | None:
        return self._answer(external)


class Decides(Stateless):
    """A strategy that answers with a function of the board."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer

    def decide(self, board: Any) -> Any:
        return self._answer(board)


class Wishes(Stateless):
    """A trading mode that wants at each candle what the test put into `wishes` before; other calls have functions."""

    def __init__(self, **answers: Answer) -> None:
        self.wishes: list[Intent] = []
        self.answers = answers
        self.calls: list[str] = []

    def _answer(self, call: str, *given: Any) -> Any:
        self.calls.append(call)
        return self.answers[call](*given) if call in self.answers else ()

    def on_signal(self, signal: Any, view: Any) -> Any:
        return self._answer("signal", signal, view)

    def on_candle(self, candle: Any, view: Any) -> Any:
        wishes, self.wishes = self.wishes, []
        return [*wishes, *self._answer("candle", candle, view)]

    def on_fill(self, order: Any, fill: Any, view: Any) -> Any:
        return self._answer("fill", order, fill, view)

    def on_order_end(self, order: Any, view: Any) -> Any:
        return self._answer("end", order, view)

    def on_timer(self, timer: Any, view: Any) -> Any:
        return self._answer("timer", timer, view)


class OnlySignals(Stateless):
    """A trading mode with no optional calls."""

    def on_signal(self, signal: Any, view: Any) -> Sequence[Intent]:
        return ()


class Lets(Stateless):
    """A risk rule that lets everything through, unless told how to judge."""

    def __init__(self, tier: Tier, judge: Callable[[OrderRequest, Any], Any] | None = None) -> None:
        self.tier = tier
        self._judge = judge

    def check(self, request: OrderRequest, view: Any) -> Verdict:
        verdict: Verdict = passed("fine") if self._judge is None else self._judge(request, view)
        return verdict


class Watches(Lets):
    def __init__(self, tier: Tier, watch: Callable[[Any], RiskAction | None]) -> None:
        super().__init__(tier)
        self._watch = watch

    def watch(self, view: Any) -> RiskAction | None:
        return self._watch(view)


class Counts(Lets):
    """Acts on closed trades."""

    def __init__(self, tier: Tier, on_closed: Callable[[ClosedTrade, Any], RiskAction | None]) -> None:
        super().__init__(tier)
        self._on_closed = on_closed

    def on_trade_closed(self, trade: ClosedTrade, view: Any) -> RiskAction | None:
        return self._on_closed(trade, view)


def evaluator(make: Callable[[], Any], name: str = "says", *, timeframe: str = "1h", key: str = "") -> EvaluatorPlan:
    label = f"{name} {timeframe}".strip()
    return EvaluatorPlan(name=name, key=key or label, label=label, timeframe=timeframe, make=make)


def quiet(board: Any) -> Declined:
    return Declined("quiet")


def long_signal(strength: float = 1.0) -> Signal:
    return Signal(Direction.LONG, strength, "test")


def seat(
    mode: Callable[[], Any] = OnlySignals,
    *,
    evaluators: Sequence[EvaluatorPlan] = (),
    decide: Callable[[Any], Any] = quiet,
    instrument: Instrument = BTC,
) -> SeatPlan:
    return SeatPlan(
        instrument=instrument,
        evaluators=tuple(evaluators),
        strategy_name="strategy",
        make_strategy=lambda: Decides(decide),
        mode_name="mode",
        make_mode=mode,
    )


def rule(make: Callable[[], Any], name: str = "rule") -> RulePlan:
    return RulePlan(name=name, make=make)


LETS_POSITION = rule(lambda: Lets(Tier.POSITION), "position")
LETS_STRATEGY = rule(lambda: Lets(Tier.STRATEGY), "strategy")
LETS_ACCOUNT = rule(lambda: Lets(Tier.ACCOUNT), "account")


def desk(
    *seats: SeatPlan,
    name: str = "alpha",
    account: str = "paper",
    timeframe: str = "1h",
    capital: str = "10000",
    rules: Sequence[RulePlan] = (LETS_POSITION, LETS_STRATEGY),
    tick_ns: int = 0,
    **limits: Any,
) -> DeskPlan:
    return DeskPlan(
        name=name,
        account=account,
        timeframe=timeframe,
        capital=Decimal(capital),
        limits=DeskLimits(**limits),
        seats=seats,
        rules=tuple(rules),
        tick_ns=tick_ns,
    )


def account(
    name: str = "paper", deposit: str = "100000", rules: Sequence[RulePlan] = (LETS_ACCOUNT,), **more: str
) -> AccountPlan:
    deposits = {"USD": Decimal(deposit), **{asset: Decimal(amount) for asset, amount in more.items()}}
    return AccountPlan(name=name, reference="USD", deposits=deposits, limits=AccountLimits(), rules=tuple(rules))


def plan(
    *desks: DeskPlan,
    accounts: Sequence[AccountPlan] | None = None,
    venue: EngineVenue | None = None,
    is_live: bool = False,
    equity_every_ns: int = 1_000 * 3_600_000_000_000,
) -> EnginePlan:
    make = free_venue if venue is None else lambda: venue
    venues = {} if is_live else {"sim": VenuePlan(name="simulated", make=make)}
    return EnginePlan(
        bot="test",
        accounts=tuple(accounts if accounts is not None else (account(),)),
        desks=desks,
        venues=venues,
        equity_every_ns=equity_every_ns,
    )


@dataclass
class Bot:
    """An engine with all its records so far. It opens its desks at `start_ns`."""

    plan: EnginePlan
    start_ns: int = 0
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(self.plan)
        self.feed(GenerationActivated(self.start_ns, 1, ()))

    def feed(self, item: Input) -> Record:
        record = self.engine.process(item)
        self.records.append(record)
        return record

    def candle(
        self,
        hour: int,
        open: float,
        high: float | None = None,
        low: float | None = None,
        close: float | None = None,
        *,
        instrument: str = BTC.id,
        timeframe: str = "1h",
        volume: float = 1000.0,
    ) -> Record:
        """Feed the candle that opens at `hour`; a price alone is a candle that stands still."""
        close = open if close is None else close
        highest, lowest = max(open, close), min(open, close)
        shape = (open, highest if high is None else high, lowest if low is None else low, close)
        return self.feed(candle(hour, *shape, instrument=instrument, timeframe=timeframe, volume=volume))

    def command(self, kind: CommandKind, target: str = "*", **terms: Any) -> Record:
        return self.feed(OperatorCommand(f"c{len(self.records)}", self.engine.now_ns, kind, target, **terms))

    def events(self, kind: type[_E]) -> list[_E]:
        return [event for record in self.records for event in of(record, kind)]

    def position(self, desk: str = "alpha", instrument: str = BTC.id) -> Decimal:
        return self.engine.portfolio.position(desk, instrument)

    def open_orders(self, desk: str = "alpha", instrument: str = BTC.id) -> list[Order]:
        return self.engine.execution.open_orders((desk, instrument))

    def roles(self, desk: str = "alpha", instrument: str = BTC.id) -> list[tuple[str, str]]:
        """(role, remaining) of each open order."""
        return [(order.role.value, f"{order.remaining.normalize():f}") for order in self.open_orders(desk, instrument)]


def of(record: Record, kind: type[_E]) -> list[_E]:
    """Return the events of one kind in a record."""
    return [event for event in record.events if isinstance(event, kind)]


def causes(records: Sequence[Record], seq: int) -> Iterator[Event]:
    """Yield the event `seq` and those before it that led to it, newest first, down to an input."""
    known = {event.seq: event for record in records for event in record.events}
    while seq in known:
        yield known[seq]
        seq = known[seq].cause


def buy(quantity: str = "1", stop: str | None = "90", **terms: Any) -> OrderRequest:
    """Return a market entry with a stop at 90; prices may be given as text."""
    return _request(Side.BUY, quantity, stop_loss_price=stop, **terms)


def sell(quantity: str = "1", **terms: Any) -> OrderRequest:
    """Return a market exit."""
    return _request(Side.SELL, quantity, **{"role": OrderRole.EXIT, **terms})


def _request(side: Side, quantity: str, **terms: Any) -> OrderRequest:
    exact = {
        name: Decimal(value) if isinstance(value, str) and name.endswith(_EXACT) else value
        for name, value in terms.items()
    }
    base: dict[str, Any] = {
        "instrument": BTC.id,
        "kind": OrderKind.LIMIT if "limit_price" in terms else OrderKind.MARKET,
    }
    return OrderRequest(side=side, quantity=Decimal(quantity), **{**base, **exact})


_EXACT = ("_price", "_rate", "leverage")
__all__ = ["BTC", "PERP", "candle", "free_venue"]
