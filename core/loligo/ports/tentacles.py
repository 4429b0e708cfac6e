"""The contracts of the tentacle kinds. A tentacle implements one of these; `loligo_testing` checks that it does.

Calls in the engine (evaluator, strategy, trading mode, risk rule) are synchronous and pure: no I/O, no clock, no
randomness; everything they need is in their arguments and their own state, which they export and restore as plain data
(dict, list, str, int, float, bool, None). Optional calls are left out, not stubbed: the engine binds what is there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loligo.model.evaluation import Declined, Evaluation, Signal
from loligo.model.events import Input, TimerFired
from loligo.model.instrument import Instrument
from loligo.model.market import BookUpdate, Candle, ExternalSignal, Quote, Trade
from loligo.model.order import Filled, Order, OrderRequest
from loligo.model.portfolio import ClosedTrade
from loligo.model.risk import RiskAction, Tier, Verdict
from loligo.ports.door import Door
from loligo.ports.views import Board, BoardInput, DeskView, RiskView

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
PlainState = dict[str, Any]


class TentacleSettings(BaseModel):
    """Base of every tentacle's settings: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleArrays:
    """A candle series as float64 arrays of equal length, oldest first; times are int64 ns UTC."""

    opened_at_ns: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeContext:
    """What a factory is told about the place a new instance will work in. Empty where it does not apply."""

    desk: str = ""
    instrument: Instrument | None = None
    timeframe: str = ""  # of an evaluator; the trigger timeframe of a strategy or trading mode
    inputs: tuple[BoardInput, ...] = ()  # of a strategy, in the order of its board
    instruments: tuple[Instrument, ...] = ()  # of a venue
    home: str = ""  # the bot folder, for tentacles of the edge
    door: Door | None = None  # to the running bot, for interfaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """How the host makes instances of a tentacle: `create(settings, context)` returns one, for one place."""

    settings: type[TentacleSettings]
    create: Callable[[Any, MakeContext], Any]


class Stateful(Protocol):
    """Everything whose state survives a restart or a swap."""

    state_version: int

    def export_state(self) -> PlainState:
        """Return all state that later calls depend on, as plain data."""
        ...

    def restore_state(self, state: PlainState) -> None:
        """Take back what `export_state` of the same state_version returned."""
        ...


class Stateless:
    """Base of a tentacle with no state of its own: nothing to export, nothing to take back."""

    state_version = 1

    def export_state(self) -> PlainState:
        return {}

    def restore_state(self, state: PlainState) -> None:
        """There is nothing to take back."""


class Evaluator(Stateful, Protocol):
    """Market data or news in, evaluation in [-1, +1] with a reason out; one instance per instrument and timeframe.

    It has at least one of the calls below; each returns None until the evaluator is warm or has no opinion.
    """

    warmup: int  # candles (or other inputs) before its state no longer depends on where it began

    # def on_candle(self, candle: Candle) -> Evaluation | None
    # def on_trade(self, trade: Trade) -> Evaluation | None
    # def on_quote(self, quote: Quote) -> Evaluation | None
    # def on_book(self, book: BookUpdate) -> Evaluation | None
    # def on_external(self, external: ExternalSignal) -> Evaluation | None
    # def evaluate_series(self, candles: CandleArrays) -> FloatArray: value per candle, NaN where on_candle gives None


@runtime_checkable
class CandleEvaluator(Protocol):
    def on_candle(self, candle: Candle) -> Evaluation | None: ...


@runtime_checkable
class TradeEvaluator(Protocol):
    def on_trade(self, trade: Trade) -> Evaluation | None: ...


@runtime_checkable
class QuoteEvaluator(Protocol):
    def on_quote(self, quote: Quote) -> Evaluation | None: ...


@runtime_checkable
class BookEvaluator(Protocol):
    def on_book(self, book: BookUpdate) -> Evaluation | None: ...


@runtime_checkable
class ExternalEvaluator(Protocol):
    def on_external(self, external: ExternalSignal) -> Evaluation | None: ...


@runtime_checkable
class SeriesEvaluator(Protocol):
    def evaluate_series(self, candles: CandleArrays) -> FloatArray: ...


class Strategy(Stateful, Protocol):
    """A board of evaluations in, a signal or a declined decision out; one instance per desk and instrument."""

    def decide(self, board: Board) -> Signal | Declined: ...


class CancelIntent(msgspec.Struct, frozen=True):
    """A trading mode takes back one of its open orders."""

    order_id: str
    code: str = "mode"


class AmendIntent(msgspec.Struct, frozen=True):
    """A trading mode changes an open order; None leaves a price as it is."""

    order_id: str
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    code: str = "mode"


class TimerIntent(msgspec.Struct, frozen=True):
    """A trading mode wants `on_timer` at `due_ns`; a timer of the same name is replaced."""

    name: str
    due_ns: int


Intent = OrderRequest | CancelIntent | AmendIntent | TimerIntent | Declined


class TradingMode(Stateful, Protocol):
    """Signals, fills and timers in, intents out; one instance per desk and instrument."""

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]: ...

    # def on_candle(self, candle: Candle, view: DeskView) -> Sequence[Intent]: before the strategy, trigger timeframe
    # def on_fill(self, order: Order, fill: Filled, view: DeskView) -> Sequence[Intent]
    # def on_order_end(self, order: Order, view: DeskView) -> Sequence[Intent]: cancelled, expired, rejected
    # def on_timer(self, timer: TimerFired, view: DeskView) -> Sequence[Intent]


@runtime_checkable
class CandleMode(Protocol):
    def on_candle(self, candle: Candle, view: DeskView) -> Sequence[Intent]: ...


@runtime_checkable
class FillMode(Protocol):
    def on_fill(self, order: Order, fill: Filled, view: DeskView) -> Sequence[Intent]: ...


@runtime_checkable
class OrderEndMode(Protocol):
    def on_order_end(self, order: Order, view: DeskView) -> Sequence[Intent]: ...


@runtime_checkable
class TimerMode(Protocol):
    def on_timer(self, timer: TimerFired, view: DeskView) -> Sequence[Intent]: ...


class RiskRule(Stateful, Protocol):
    """One limit. Position and strategy rules have one instance per desk, account rules one per account.

    The counters a rule needs are on the view and survive a restart; a rule with state of its own exports it.
    """

    tier: Tier

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        """Judge an entry. Exits and reduce-only orders never come here."""
        ...

    # def watch(self, view: RiskView) -> RiskAction | None: after each change of the account's equity


@runtime_checkable
class WatchingRule(Protocol):
    def watch(self, view: RiskView) -> RiskAction | None: ...


@runtime_checkable
class TradeClosedRule(Protocol):
    def on_trade_closed(self, trade: ClosedTrade, view: RiskView) -> RiskAction | None: ...


class InboxPort(Protocol):
    """The way into the engine, from the edges."""

    async def put(self, item: Input) -> None:
        """Hand over one input; waits while the inbox is full. Quotes may be conflated, all else is kept."""
        ...

    async def put_many(self, items: Sequence[Input]) -> None:
        """Hand over inputs that belong together in order, with one wait."""
        ...


class Feed(Protocol):
    """Publishes market data, news or webhooks."""

    async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
        """Publish until cancelled or at the end, from the cursor on: `since_ns` is the `ts` of the newest input of this
        feed that the engine already has, or of the start, `since_count` how many of that very `ts` it has (None: all of
        them)."""
        ...


@runtime_checkable
class HistoricalFeed(Protocol):
    """A feed that can also be read without a clock, for backtests."""

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, since_count: int | None = None
    ) -> Iterator[Input]:
        """Yield inputs in time order, later than `since_ns`, at most `until_ns`; with `since_count` also those at
        `since_ns` itself after the first so many."""
        ...


@runtime_checkable
class ReplayingFeed(HistoricalFeed, Protocol):
    """A historical feed that lives in the past when it runs, too: what several of them read is merged in time order."""

    async def replay(self, inbox: InboxPort, inputs: Iterator[Input]) -> None:
        """Publish inputs, read by this feed and others: each once, in this order, at the pace of the settings."""
        ...


@runtime_checkable
class HistoryFeed(Protocol):
    """A feed that can look back, so that evaluators need not start cold."""

    def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        """Return the newest `count` candles of a series that were known at `until_ns`, oldest first: fewer where there
        are no more, none of a series that it does not have. It may block, within a time limit of its own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something to tell a person: level is info, warning or problem; `fields` the numbers behind the text; `kind` one
    of `loligo.api.notify.Kind`, "" where none fits."""

    level: str
    text: str
    kind: str = ""
    seq: int = 0
    desk: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


class Notifier(Protocol):
    """Tells people."""

    async def notify(self, message: Message) -> None: ...


class Venue(Protocol):
    """A live venue: takes approved orders, reports what happened; the only kind that may hold `keys`. One that answers
    inside the engine is a `loligo.ports.venue.EngineVenue` instead."""

    async def submit(self, order: Order) -> None: ...
    async def cancel(self, order: Order) -> None: ...
    async def reports(self) -> AsyncIterator[Input]: ...


class Interface(Protocol):
    """A door for people: web page, chat. Runs until cancelled."""

    async def run(self) -> None: ...


class Automation(Protocol):
    """Trigger, condition, action: commands that follow from records."""

    def on_record(self, events: Sequence[Any]) -> Sequence[Any]: ...
