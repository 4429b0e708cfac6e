"""A risk view written by hand, and requests to judge: what the tests of all rules share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from loligo.api import ClosedTrade, Factory, Instrument, InstrumentKind, MakeContext, OrderKind, OrderRequest, Side
from loligo_testing import FilledRiskView

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
class FakeRiskView(FilledRiskView):
    """A desk of 10,000 USD at a price of 100, flat, on an account of 10,000 USD, with the times of its losses."""

    ts: int = NOON_NS
    desk: str = "desk"
    account: str = "main"
    instrument: Instrument = SPOT
    account_equity: float = 10_000.0
    account_day_start_equity: float = 10_000.0
    account_peak_equity: float = 10_000.0
    stop_times_ns: tuple[int, ...] = ()
    results: tuple[tuple[int, float], ...] = ()  # (closed at ns, net)

    def stops_since(self, ts_ns: int) -> int:
        return sum(at >= ts_ns for at in self.stop_times_ns)

    def net_since(self, ts_ns: int) -> float:
        return sum(net for at, net in self.results if at >= ts_ns)


def buy(quantity: str, **terms: Any) -> OrderRequest:
    """Return a limit buy at 100 with a stop at 98, unless told otherwise."""
    given: dict[str, Any] = {
        "instrument": SPOT.id,
        "side": Side.BUY,
        "quantity": Decimal(quantity),
        "kind": OrderKind.LIMIT,
        "limit_price": Decimal(100),
        "stop_loss_price": Decimal(98),
    }
    return OrderRequest(**(given | terms))


def closed_trade(closed_at_ns: int = NOON_NS, exit_role: str = "stop") -> ClosedTrade:
    """Return a round trip of one unit from 100 to 98."""
    return ClosedTrade(
        desk="desk",
        account="main",
        instrument=SPOT.id,
        side=Side.BUY,
        quantity=Decimal(1),
        entry_price=Decimal(100),
        exit_price=Decimal(98),
        opened_at_ns=closed_at_ns - 3_600_000_000_000,
        closed_at_ns=closed_at_ns,
        gross=Decimal(-2),
        fees=Decimal(0),
        funding=Decimal(0),
        net=Decimal(-2),
        exit_role=exit_role,
        entry_order_id="entry",
    )


@pytest.fixture(scope="session")
def make_rule(load_tentacle: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """Make a rule by name through its hook, as the host does."""

    def make(name: str, **settings: Any) -> Any:
        factory: Factory = load_tentacle(f"risk_rules/{name}").risk_rule()
        return factory.create(factory.settings(**settings), MakeContext(desk="desk"))

    return make


@pytest.fixture(name="view", scope="session")
def view_fixture() -> type[FakeRiskView]:
    return FakeRiskView


@pytest.fixture(name="buy", scope="session")
def buy_fixture() -> Callable[..., OrderRequest]:
    return buy


@pytest.fixture(name="closed_trade", scope="session")
def closed_trade_fixture() -> Callable[..., ClosedTrade]:
    return closed_trade


@pytest.fixture(name="perpetual", scope="session")
def perpetual_fixture() -> Instrument:
    return PERPETUAL
