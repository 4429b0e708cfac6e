"""A desk view written by hand, and orders, fills and candles for it: what the tests of all trading modes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from loligo.api import (
    Candle,
    DeskLimits,
    Factory,
    Filled,
    Instrument,
    InstrumentKind,
    MakeContext,
    Order,
    OrderRequest,
    OrderState,
)

NOON_NS = 1_700_049_600_000_000_000  # 2023-11-15T12:00:00Z
SPOT = Instrument(venue="test", symbol="BTC/USD", base="BTC", quote="USD", quantity_step=Decimal("0.0001"))
PERPETUAL = Instrument(
    venue="test",
    symbol="BTC/USD:USD",
    base="BTC",
    quote="USD",
    kind=InstrumentKind.PERPETUAL,
    quantity_step=Decimal("0.0001"),
    maximum_leverage=Decimal(10),
)


@dataclass(frozen=True, kw_only=True)
class FakeDeskView:
    """Satisfies `loligo.api.DeskView`: a desk of 10,000 USD at a price of 100, flat."""

    ts: int = NOON_NS
    desk: str = "desk"
    instrument: Instrument = SPOT
    limits: DeskLimits = field(default_factory=DeskLimits)
    price: float = 100.0
    equity: float = 10_000.0
    available: Decimal = Decimal(10_000)
    position: Decimal = Decimal(0)
    average_entry: float = 0.0
    open_orders: tuple[Order, ...] = ()


def order_of(request: OrderRequest, order_id: str = "order", **changes: Any) -> Order:
    """Return the accepted order that a request becomes, with changes."""
    terms: dict[str, Any] = {
        "id": order_id,
        "desk": "desk",
        "account": "main",
        "instrument": request.instrument,
        "side": request.side,
        "kind": request.kind,
        "role": request.role,
        "quantity": request.quantity,
        "limit_price": request.limit_price,
        "time_in_force": request.time_in_force,
        "expires_at_ns": request.expires_at_ns,
        "is_reduce_only": request.is_reduce_only,
        "is_post_only": request.is_post_only,
        "tag": request.tag,
        "state": OrderState.ACCEPTED,
    }
    return Order(**(terms | changes))


def fill_of(order: Order, price: str, quantity: str | None = None, ts: int = NOON_NS) -> tuple[Order, Filled]:
    """Return the order after a fill (of all that remains by default), and the fill."""
    amount = Decimal(quantity) if quantity else order.remaining
    fill = Filled(order.id, ts, f"{order.id}.1", Decimal(price), amount, Decimal(0), "USD", True)
    return order.with_fill(amount), fill


def candle_at(ts: int = NOON_NS, price: float = 100.0) -> Candle:
    """Return an hourly candle that closes at `ts`, one unit above and below its close."""
    return Candle(SPOT.id, "1h", ts - 3_600_000_000_000, ts, price, price + 1.0, price - 1.0, price, 10.0)


@pytest.fixture(scope="session")
def make_mode(load_tentacle: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """Make a mode by name through its hook, as the host does."""

    def make(name: str, **settings: Any) -> Any:
        factory: Factory = load_tentacle(f"trading_modes/{name}").trading_mode()
        return factory.create(factory.settings(**settings), MakeContext(desk="desk", instrument=SPOT, timeframe="1h"))

    return make


@pytest.fixture(name="view", scope="session")
def view_fixture() -> type[FakeDeskView]:
    return FakeDeskView


@pytest.fixture(name="order_of", scope="session")
def order_of_fixture() -> Callable[..., Order]:
    return order_of


@pytest.fixture(name="fill_of", scope="session")
def fill_of_fixture() -> Callable[..., tuple[Order, Filled]]:
    return fill_of


@pytest.fixture(name="candle_at", scope="session")
def candle_at_fixture() -> Callable[..., Candle]:
    return candle_at


@pytest.fixture(name="perpetual", scope="session")
def perpetual_fixture() -> Instrument:
    return PERPETUAL
