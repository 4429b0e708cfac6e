"""A grid of resting limit orders, long only: buys below the market, each fill sold one level higher, then bought again.

The grid hangs from an anchor price: level n (0 is the highest) lies at anchor / (1 + spacing) ** (n + 1). Every buy
carries one stop for the whole position, `stop_loss` below the lowest level. After each fill the opposite order follows
at once; every `upkeep_s` lost orders are placed again, and a grid that is flat and that the price has left is taken
down and hung anew. After a stop it stays down for `upkeep_s`. An order's tag names its grid, side and level.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_UP, Decimal
from math import inf

from pydantic import Field

from loligo.api import (
    SECOND_NS,
    CancelIntent,
    Candle,
    Declined,
    DeskView,
    Filled,
    Instrument,
    Intent,
    MakeContext,
    Order,
    OrderKind,
    OrderRequest,
    OrderRole,
    OrderState,
    PlainState,
    Side,
    Signal,
    TentacleSettings,
    quantity_for_share,
)

_NOT_SIGNAL_DRIVEN = (Declined("not_signal_driven"),)
_NO_PRICE = (Declined("no_price"),)
_CANCEL_PENDING = (Declined("cancel_pending"),)
_REST = "rest"  # the level of an exit for quantity that no level's exit covers


class Settings(TentacleSettings):
    levels: int = Field(default=4, ge=1, le=50, description="Buy levels below the anchor")
    spacing: float = Field(default=0.01, gt=0.0, le=0.5, description="Distance between levels, share of the price")
    amount_quote: Decimal = Field(default=Decimal(40), gt=0, description="Value of each level's buy, quote units")
    stop_loss: float = Field(
        default=0.02, gt=0.0, lt=1.0, description="Stop for the whole position below the lowest level, share of it"
    )
    post_only: bool = Field(default=True, description="Orders only ever rest, for the maker fee")
    upkeep_s: int = Field(
        default=3600, ge=1, le=604_800, description="Seconds between looks at lost orders and at the anchor"
    )


class Grid:
    state_version = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._anchor = Decimal(0)  # 0 while the grid is down
        self._number = 0  # of the grid: orders of earlier ones are told apart by it
        self._next_upkeep_ns = 0

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        return _NOT_SIGNAL_DRIVEN

    def on_candle(self, candle: Candle, view: DeskView) -> Sequence[Intent]:
        return () if view.ts < self._next_upkeep_ns else self._upkeep(view)

    def on_fill(self, order: Order, fill: Filled, view: DeskView) -> Sequence[Intent]:
        place = _place_of(order)
        if place is None:
            return () if view.position else self._take_down(view, restart_ns=self._upkeep_ns)
        if order.is_open:  # the rest of it still rests; the opposite order comes when it is whole
            return ()
        if order.side is Side.BUY:
            return (self._sell(order, order.filled, view.instrument, is_post_only=self._settings.post_only),)
        number, level = place
        if number != self._number or not self._anchor or level == _REST:
            return ()
        return (self._buy(int(level), view),)

    def on_order_end(self, order: Order, view: DeskView) -> Sequence[Intent]:
        """Sell what an ended buy has bought; place an exit that would have taken again, to take this time."""
        if _place_of(order) is None or not view.position:
            return ()
        if order.side is Side.BUY and order.filled:
            return (self._sell(order, order.filled, view.instrument, is_post_only=self._settings.post_only),)
        if order.side is Side.SELL and order.state is OrderState.REJECTED and order.is_post_only:
            return (self._exit(order.remaining, order.limit_price, order.tag, view.instrument, is_post_only=False),)
        return ()

    # Upkeep

    def _upkeep(self, view: DeskView) -> Sequence[Intent]:
        price = view.price
        if not 0.0 < price < inf:
            return _NO_PRICE
        is_out = self._anchor and not float(self._level_price(self._settings.levels, view)) < price <= self._top()
        if is_out and not view.position:
            # Down now, up again with the next candle: until then the cancelled orders still count as pending.
            return self._take_down(view, restart_ns=0)
        if not self._anchor and not view.position:
            return self._hang(view)
        self._next_upkeep_ns = view.ts + self._upkeep_ns
        return self._uncovered(view) or self._missing_buys(view)

    def _hang(self, view: DeskView) -> Sequence[Intent]:
        """Put up a new grid below the last price."""
        if any(order.role is OrderRole.ENTRY for order in view.open_orders):
            return _CANCEL_PENDING
        step, gap = float(view.instrument.price_step), view.price * self._settings.spacing
        if gap < 2.0 * step:
            return (Declined("spacing_below_tick", (gap, step)),)
        self._anchor = view.instrument.price(view.price)
        self._number += 1
        self._next_upkeep_ns = view.ts + self._upkeep_ns
        return [self._buy(level, view) for level in range(self._settings.levels)]

    def _take_down(self, view: DeskView, *, restart_ns: int) -> list[Intent]:
        """Cancel the buys; exits are reduce-only and end with the position."""
        self._anchor = Decimal(0)
        self._next_upkeep_ns = view.ts + restart_ns
        return [CancelIntent(order.id, "grid_down") for order in view.open_orders if order.role is OrderRole.ENTRY]

    def _uncovered(self, view: DeskView) -> list[Intent]:
        """An exit one level above the average entry for what neither an exit nor an unfinished buy accounts for."""
        covered = Decimal(0)
        for order in view.open_orders:
            if _place_of(order) is not None:
                covered += order.remaining if order.side is Side.SELL else order.filled
        quantity = view.instrument.quantity(max(view.position - covered, Decimal(0)))
        if quantity <= 0:
            return []
        price = view.instrument.price(view.average_entry * (1.0 + self._settings.spacing), ROUND_UP)
        tag = f"{self._number}:sell:{_REST}"
        return [self._exit(quantity, price, tag, view.instrument, is_post_only=False)]

    def _missing_buys(self, view: DeskView) -> list[Intent]:
        """The buys of levels below the market that have neither a buy nor an exit open."""
        if not self._anchor:
            return []
        places = [_place_of(order) for order in view.open_orders]
        taken = {level for number, level in filter(None, places) if number == self._number}
        return [
            self._buy(level, view)
            for level in range(self._settings.levels)
            if str(level) not in taken and float(self._level_price(level, view)) < view.price
        ]

    # Levels

    @property
    def _upkeep_ns(self) -> int:
        return self._settings.upkeep_s * SECOND_NS

    def _top(self) -> float:
        """Above this the highest buy is more than two levels away."""
        return float(self._anchor) * (1.0 + self._settings.spacing)

    def _level_price(self, level: int, view: DeskView) -> Decimal:
        return view.instrument.price(float(self._anchor) / (1.0 + self._settings.spacing) ** (level + 1))

    def _buy(self, level: int, view: DeskView) -> OrderRequest | Declined:
        settings, instrument = self._settings, view.instrument
        price = self._level_price(level, view)
        quantity = quantity_for_share(float(settings.amount_quote), 1.0, float(price), instrument)
        if quantity <= 0:
            return Declined("too_small", (float(settings.amount_quote), float(instrument.minimum_notional)))
        lowest = float(self._level_price(settings.levels - 1, view))
        return OrderRequest(
            instrument=instrument.id,
            side=Side.BUY,
            quantity=quantity,
            kind=OrderKind.LIMIT,
            limit_price=price,
            is_post_only=settings.post_only,
            stop_loss_price=instrument.price(lowest * (1.0 - settings.stop_loss), ROUND_UP),
            is_whole_position_stop=True,
            code="grid_buy",
            tag=f"{self._number}:buy:{level}",
        )

    def _sell(self, bought: Order, quantity: Decimal, instrument: Instrument, *, is_post_only: bool) -> OrderRequest:
        """The exit of a buy, one level above it, whatever has become of the anchor since."""
        assert bought.limit_price is not None
        price = instrument.price(float(bought.limit_price) * (1.0 + self._settings.spacing))
        return self._exit(quantity, price, bought.tag.replace("buy", "sell"), instrument, is_post_only=is_post_only)

    @staticmethod
    def _exit(
        quantity: Decimal, price: Decimal | None, tag: str, instrument: Instrument, *, is_post_only: bool
    ) -> OrderRequest:
        return OrderRequest(
            instrument=instrument.id,
            side=Side.SELL,
            quantity=quantity,
            kind=OrderKind.LIMIT,
            role=OrderRole.EXIT,
            limit_price=price,
            is_reduce_only=True,
            is_post_only=is_post_only,
            code="grid_sell",
            tag=tag,
        )

    # State

    def export_state(self) -> PlainState:
        return {"anchor": str(self._anchor), "number": self._number, "next_upkeep_ns": self._next_upkeep_ns}

    def restore_state(self, state: PlainState) -> None:
        self._anchor = Decimal(state["anchor"])
        self._number, self._next_upkeep_ns = state["number"], state["next_upkeep_ns"]


def create(settings: Settings, context: MakeContext) -> Grid:
    return Grid(settings)


def _place_of(order: Order) -> tuple[int, str] | None:
    """Return grid number and level of an order of this mode, None for any other order of the desk."""
    if order.role not in (OrderRole.ENTRY, OrderRole.EXIT):
        return None
    number, _, place = order.tag.partition(":")
    return (int(number), place.rpartition(":")[2]) if place else None
