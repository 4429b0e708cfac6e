"""Everything that the engine may say, and the record that holds it.

One input makes one `Record`: the input itself and all its consequences in order. The input has the record's `seq`, the
consequences the numbers after it. Each consequence names the event that led to it (`cause`, always older) and the desk
it belongs to ("" for those of evaluators and accounts). Times are integer ns UTC.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from loligo.model.command import Control, WarmUp
from loligo.model.evaluation import Declined, Evaluation, Numbers, Signal
from loligo.model.market import MarketData
from loligo.model.order import Order, OrderRequest, VenueReport
from loligo.model.portfolio import ClosedTrade, Position, Posting, PostingKind
from loligo.model.risk import KillLevel, Outcome, RiskAction, Tier

Input = MarketData | WarmUp | Control


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What all consequences share."""

    seq: int
    ts: int
    cause: int
    desk: str


class Evaluated(Event, frozen=True, array_like=True, gc=False, tag="evaluated"):
    """An evaluator gave its opinion. `evaluator` is its label: name, instrument, timeframe."""

    evaluator: str
    evaluation: Evaluation


class SignalRaised(Event, frozen=True, array_like=True, gc=False, tag="signal"):
    """A strategy wants a position. `board` holds the seq of each evaluation it looked at, 0 where there was none."""

    instrument: str
    signal: Signal
    board: tuple[int, ...]


class DecisionDeclined(Event, frozen=True, array_like=True, gc=False, tag="declined"):
    """A strategy or a trading mode (`by`) decided not to act."""

    instrument: str
    by: str
    declined: Declined


class OrderRequested(Event, frozen=True, array_like=True, gc=False, tag="requested"):
    request: OrderRequest


class RiskChecked(Event, frozen=True, array_like=True, gc=False, tag="checked"):
    """One rule looked at one request."""

    rule: str
    tier: Tier
    outcome: Outcome
    code: str
    numbers: Numbers


class Approved(Event, frozen=True, array_like=True, gc=False, tag="approved"):
    """The risk stage let a request through, perhaps smaller. Only the risk stage makes this value, and execution
    accepts nothing else."""

    request: OrderRequest
    reduced_from: Decimal | None


class ConsentAsked(Event, frozen=True, array_like=True, gc=False, tag="consent_asked"):
    """Every rule lets a request through, and the desk wants a person's yes, until `until_ns`. Its id is its seq."""

    request: OrderRequest
    until_ns: int


class Refused(Event, frozen=True, array_like=True, gc=False, tag="refused"):
    """The risk stage refused a request; the strictest rule is named."""

    instrument: str
    rule: str
    tier: Tier
    code: str
    numbers: Numbers


class OrderHeld(Event, frozen=True, array_like=True, gc=False, tag="held"):
    """An order would trade with another of its own account: it waits, and the venue does not know it yet. Then
    `OrderSubmitted` follows, or the `OrderReported` of its end."""

    order: Order
    other: str  # id of the order in its way


class OrderSubmitted(Event, frozen=True, array_like=True, gc=False, tag="submitted"):
    """An order is on its way to its venue. Durable before it leaves."""

    order: Order


class CancelRequested(Event, frozen=True, array_like=True, gc=False, tag="cancel"):
    order_id: str
    code: str


class AmendRequested(Event, frozen=True, array_like=True, gc=False, tag="amend"):
    order_id: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    code: str


class OrderReported(Event, frozen=True, array_like=True, gc=False, tag="reported"):
    """What a venue said of an order, after it was applied."""

    report: VenueReport


class LedgerPosted(Event, frozen=True, array_like=True, gc=False, tag="posted"):
    """A booking; its postings sum to zero per asset. `ref` is a fill id, an order id or a command id."""

    kind: PostingKind
    ref: str
    postings: tuple[Posting, ...]


class PositionChanged(Event, frozen=True, array_like=True, gc=False, tag="position"):
    """What a desk holds of an instrument is another than before."""

    position: Position


class TradeClosed(Event, frozen=True, array_like=True, gc=False, tag="trade_closed"):
    """A desk went flat in an instrument: the round trip that ended."""

    trade: ClosedTrade


class EquityMarked(Event, frozen=True, array_like=True, gc=False, tag="equity"):
    """Equity of a desk, or of an account when `desk` is empty, in the reference currency. Shares are fractions."""

    account: str
    equity: float
    drawdown: float
    exposure: float


class RiskActed(Event, frozen=True, array_like=True, gc=False, tag="risk_acted"):
    """A watching rule, the loss counter or the kill switch acted on `scope` (a desk or "account:NAME")."""

    scope: str
    rule: str
    tier: Tier
    action: RiskAction


class Resumed(Event, frozen=True, array_like=True, gc=False, tag="resumed"):
    """Entries are allowed again on `scope`; `by` is a person or "time"."""

    scope: str
    by: str


class KillSwitchSet(Event, frozen=True, array_like=True, gc=False, tag="kill_switch"):
    """The kill switch was pulled, or let go."""

    level: KillLevel
    by: str


class TimerSet(Event, frozen=True, array_like=True, gc=False, tag="timer_set"):
    instrument: str
    name: str
    due_ns: int


class TimerFired(Event, frozen=True, array_like=True, gc=False, tag="timer"):
    """A timer of a desk came due. `missed` counts the ticks of a repeating timer that passed unserved."""

    instrument: str
    name: str
    missed: int = 0


class CommandHandled(Event, frozen=True, array_like=True, gc=False, tag="command_handled"):
    command_id: str
    is_done: bool
    message: str


class TentacleFailed(Event, frozen=True, array_like=True, gc=False, tag="tentacle_failed"):
    """A tentacle raised. `error` is type and text; `count` its failures so far.

    `is_interrupted`: its call did not return and was ended from outside. A replay reads that from here.
    """

    tentacle: str
    call: str
    error: str
    count: int
    is_interrupted: bool = False


class SwapStep(StrEnum):
    """What happened to an exchange of tentacles."""

    SHADOWING = "shadowing"  # the new instance runs beside the old one
    REFUSED = "refused"  # it could not be made, or not take over the state
    DIFFERS = "differs"  # it said something else than the old one
    FAILED = "failed"  # the one that does not lead raised, or gave an answer out of bounds
    ACTIVATED = "activated"
    ROLLED_BACK = "rolled_back"  # it failed while it led; the old one leads again
    SETTLED = "settled"  # probation is over, the old one is gone
    STOPPED = "stopped"  # the new one is gone


class SwapStepped(Event, frozen=True, array_like=True, gc=False, tag="swap"):
    """A step of the exchange that prepares generation `number`, at one place where `tentacle` works ("" for all)."""

    number: int
    tentacle: str
    step: SwapStep
    text: str


Consequence = (
    Evaluated
    | SignalRaised
    | DecisionDeclined
    | OrderRequested
    | RiskChecked
    | Approved
    | ConsentAsked
    | Refused
    | OrderHeld
    | OrderSubmitted
    | CancelRequested
    | AmendRequested
    | OrderReported
    | LedgerPosted
    | PositionChanged
    | TradeClosed
    | EquityMarked
    | RiskActed
    | Resumed
    | KillSwitchSet
    | TimerSet
    | TimerFired
    | CommandHandled
    | SwapStepped
    | TentacleFailed
)


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One call of `Engine.process`: an input with all its consequences. The next record's seq is `next_seq`.

    `feed` names the feed that the input came from ("" for all others): records in order are the cursors of the feeds.
    """

    seq: int
    input: Input
    events: list[Consequence]
    feed: str = ""

    @property
    def next_seq(self) -> int:
        return self.seq + 1 + len(self.events)
