"""Orders: what a trading mode asks for, what a venue works on, what a venue says back, and the table of states.

    created ─► submitted ─► accepted ─► (triggered) ─► partially_filled ─► filled
                   │            └──────────┴───────────────┴─► canceled | expired
                   └─► rejected

Quantities are base units and prices quote units, both exact and on the instrument's steps.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from loligo.errors import OrderError, Overfilled
from loligo.model.evaluation import Numbers
from loligo.model.market import Side
from loligo.model.money import ZERO


class OrderKind(StrEnum):
    """How an order finds its price. Stops trigger against the holder, take-profits in the holder's favour."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"  # market once the stop price is reached
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"  # market once the stop price is reached from the other side
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"  # stop that follows the best price since it was placed at `trail_rate`


class TimeInForce(StrEnum):
    """How long an order lives: until cancelled, at once in part, at once or not at all, until `expires_at_ns`."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class OrderRole(StrEnum):
    """Why an order exists. Stop, target and trail protect the entry named by `parent_id`."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"
    TRAIL = "trail"
    FLATTEN = "flatten"
    LIQUIDATION = "liquidation"


PROTECTIVE_ROLES = frozenset({OrderRole.STOP, OrderRole.TARGET, OrderRole.TRAIL})


class OrderState(StrEnum):
    """Where an order stands in its life; the last four are final."""

    CREATED = "created"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    TRIGGERED = "triggered"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


_S = OrderState
_ENDS = frozenset({_S.CANCELED, _S.EXPIRED})
NEXT_STATES: dict[OrderState, frozenset[OrderState]] = {
    _S.CREATED: frozenset({_S.SUBMITTED}),
    # A fill or a trigger may overtake the acknowledgement on a real venue.
    _S.SUBMITTED: frozenset({_S.ACCEPTED, _S.REJECTED, _S.TRIGGERED, _S.PARTIALLY_FILLED, _S.FILLED}) | _ENDS,
    _S.ACCEPTED: frozenset({_S.TRIGGERED, _S.PARTIALLY_FILLED, _S.FILLED, _S.REJECTED}) | _ENDS,
    _S.TRIGGERED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.REJECTED}) | _ENDS,
    _S.PARTIALLY_FILLED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED}) | _ENDS,
    _S.FILLED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.REJECTED: frozenset(),
}
OPEN_STATES = frozenset(state for state, following in NEXT_STATES.items() if following)
_SELL, _FILLED, _PARTIALLY_FILLED = Side.SELL, _S.FILLED, _S.PARTIALLY_FILLED  # members are slow to look up


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a trading mode wants at a venue. It becomes an order only through the risk gate.

    An entry carries its protection: execution places `stop_loss_price` and `take_profit_price` on every fill, partial
    ones too, and adds a trailing stop at `trailing_stop_rate` (a fraction of the price). Modes that build a position in
    many entries (grid, DCA) set `is_whole_position_stop`: one stop at the newest `stop_loss_price` then covers it all.
    """

    instrument: str
    side: Side
    quantity: Decimal
    kind: OrderKind = OrderKind.MARKET
    role: OrderRole = OrderRole.ENTRY
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail_rate: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_ns: int = 0
    is_reduce_only: bool = False
    is_post_only: bool = False
    stop_loss_price: Decimal | None = None
    take_profit_price: Decimal | None = None
    trailing_stop_rate: Decimal | None = None
    is_whole_position_stop: bool = False  # the stop covers all of the desk's position, not only this entry's fills
    strength: float = 1.0  # confidence of the signal behind it, 0..1
    leverage: Decimal = Decimal(1)
    code: str = ""
    tag: str = ""  # the mode's own name for it, such as a grid level

    def price_at(self, last: float) -> float:
        """Return the price that an entry is judged at, quote units: its limit, else its trigger, else `last`.

        A sell limit below `last` fills at about `last`, so it counts as `last`. NaN when `last` is missing (not
        greater than 0): whoever compares with it must refuse.
        """
        if not last > 0.0:
            return float("nan")
        own = self.limit_price if self.limit_price is not None else self.trigger_price
        if own is None:
            return last
        price = float(own)
        return last if self.side is _SELL and price < last else price


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order of one desk, at one moment of its life. Each change makes a new value."""

    id: str  # client order id: [A-Za-z0-9-], at most 36 characters, the same in every replay
    desk: str
    account: str
    instrument: str
    side: Side
    kind: OrderKind
    role: OrderRole
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail_rate: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_ns: int = 0
    is_reduce_only: bool = False
    is_post_only: bool = False
    group_id: str = ""  # orders of one group cancel each other: the fill of one shrinks the rest (OCO)
    parent_id: str = ""
    leverage: Decimal = Decimal(1)
    code: str = ""
    tag: str = ""
    created_at_ns: int = 0
    state: OrderState = OrderState.CREATED
    filled: Decimal = ZERO

    @property
    def remaining(self) -> Decimal:
        """Base units not filled yet."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    def moved_to(self, state: OrderState) -> Order:
        """Return the order in its next state. OrderError if the table does not allow the step."""
        self._require(state)
        return msgspec.structs.replace(self, state=state)

    def _require(self, state: OrderState) -> None:
        if state not in NEXT_STATES[self.state]:
            raise OrderError(f"order {self.id} is {self.state} and cannot become {state}")

    def with_fill(self, quantity: Decimal) -> Order:
        """Return the order after a fill of `quantity` base units. Overfilled if that is more than remains."""
        if quantity <= 0 or quantity > self.remaining:
            raise Overfilled(f"order {self.id}: a fill of {quantity} does not fit into the remaining {self.remaining}")
        filled = self.filled + quantity
        state = _FILLED if filled == self.quantity else _PARTIALLY_FILLED
        self._require(state)
        return msgspec.structs.replace(self, state=state, filled=filled)


# What a venue says. The simulated venue returns these; a live one puts them into the inbox as `VenueReports`.


class Accepted(msgspec.Struct, frozen=True, array_like=True, tag="accepted"):
    """The venue works the order."""

    order_id: str
    ts: int


class Rejected(msgspec.Struct, frozen=True, array_like=True, tag="rejected"):
    """The venue refuses the order, or a cancel or amendment when `of` says so."""

    order_id: str
    ts: int
    code: str
    numbers: Numbers = ()
    of: str = "order"  # order | cancel | amend


class Triggered(msgspec.Struct, frozen=True, array_like=True, tag="triggered"):
    """The trigger price of a stop, take-profit or trailing stop was reached."""

    order_id: str
    ts: int
    price: float


class Filled(msgspec.Struct, frozen=True, array_like=True, tag="filled"):
    """A whole or partial fill. `fee` is positive when paid; `is_maker` when the order rested in the book."""

    order_id: str
    ts: int
    fill_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    code: str = ""  # how it came about: open, gap, through, touch, stop, target, book, liquidation ...


class Canceled(msgspec.Struct, frozen=True, array_like=True, tag="canceled"):
    """The rest of the order is gone; `code` says why: operator, mode, oco, ioc, fok, reduce_only, flat, kill_switch."""

    order_id: str
    ts: int
    code: str


class Expired(msgspec.Struct, frozen=True, array_like=True, tag="expired"):
    """A GTD order reached its time."""

    order_id: str
    ts: int


class Amended(msgspec.Struct, frozen=True, array_like=True, tag="amended"):
    """The order now has these terms; it lost its place in the queue."""

    order_id: str
    ts: int
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None


class Liquidated(msgspec.Struct, frozen=True, array_like=True, tag="liquidated"):
    """The venue closed a margined position by force; `order` is the order it made for that, already filled in full
    by the `Filled` that follows."""

    order: Order
    ts: int
    mark_price: float


class VenueFailed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """The venue's own code raised in `call`, asked about the order if there is one. It is to be called again soon."""

    order_id: str
    ts: int
    venue: str
    call: str
    error: str


VenueReport = Accepted | Rejected | Triggered | Filled | Canceled | Expired | Amended | Liquidated | VenueFailed
