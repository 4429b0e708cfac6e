"""Short ways to set a scene at the simulated venue: one instrument, hourly candles, orders of one desk."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from loligo.model.instrument import Instrument, InstrumentKind
from loligo.model.market import Candle, Side
from loligo.model.order import Filled, Order, OrderKind, OrderRole, VenueReport
from loligo.model.timeframe import HOUR_NS, timeframe_ns
from loligo.ports.tentacles import MakeContext
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tentacles.venues.simulated.simulated import SimulatedVenue

BTC = Instrument(
    venue="sim",
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
    minimum_quantity=Decimal("0.001"),
    maker_fee_rate=Decimal("0.0005"),
    taker_fee_rate=Decimal("0.001"),
)
PERP = Instrument(
    venue="sim",
    symbol="BTC/USD:USD",
    base="BTC",
    quote="USD",
    kind=InstrumentKind.PERPETUAL,
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
    maximum_leverage=Decimal(20),
    maintenance_margin_rate=Decimal("0.005"),
    liquidation_fee_rate=Decimal("0.005"),
)
FREE: dict[str, Any] = {"slippage_rate": Decimal(0), "max_volume_share": None, "impact_threshold": 10.0}


# The same market where the fee of a buy comes out of what is bought; 1.7 % leaves rests of every size below a lot.
BASE_FEE = msgspec.structs.replace(BTC, fee_in="base", maker_fee_rate=Decimal("0.017"), taker_fee_rate=Decimal("0.017"))


def venue(spot: Instrument = BTC, /, **settings: Any) -> SimulatedVenue:
    """A venue without slippage, impact and volume limit, so that a test adds only what it is about."""
    return SimulatedVenue(SimulatedVenueSettings(**{**FREE, **settings}), MakeContext(instruments=(spot, PERP)))


def play(v: SimulatedVenue, newest: Candle) -> list[VenueReport]:
    """Let the venue serve a candle to its end, as the engine does."""
    reports = list(v.on_candle(newest))
    while more := v.settle(newest.instrument):
        reports += more
    return reports


def candle(
    hour: int,
    open: float,
    high: float,
    low: float,
    close: float,
    *,
    volume: float = 1000.0,
    instrument: str = BTC.id,
    timeframe: str = "1h",
) -> Candle:
    start = hour * HOUR_NS
    return Candle(instrument, timeframe, start, start + timeframe_ns(timeframe), open, high, low, close, volume)


def order(id: str, side: Side, quantity: str = "1", kind: OrderKind = OrderKind.MARKET, **terms: Any) -> Order:
    """Prices may be given as text."""
    prices = ("limit_price", "trigger_price", "trail_rate", "leverage")
    exact: dict[str, Any] = {name: Decimal(value) if name in prices else value for name, value in terms.items()}
    place: dict[str, Any] = {"desk": "alpha", "account": "paper", "instrument": BTC.id, "role": OrderRole.ENTRY}
    return Order(id=id, side=side, quantity=Decimal(quantity), kind=kind, **{**place, **exact})


def text(value: Decimal) -> str:
    """Two digits at least, no more than it has."""
    short = f"{value.normalize():f}"
    return short if len(short.partition(".")[2]) > 2 else f"{value:.2f}"


def fills(reports: Sequence[VenueReport]) -> list[Filled]:
    return [report for report in reports if isinstance(report, Filled)]


def prices(reports: Sequence[VenueReport]) -> list[tuple[str, str, str]]:
    """(order, price, code) of each fill."""
    return [(fill.order_id, text(fill.price), fill.code) for fill in fills(reports)]


def names(reports: Sequence[VenueReport]) -> list[str]:
    return [f"{type(report).__name__} {_order_id(report)}" for report in reports]


def _order_id(report: VenueReport) -> str:
    return getattr(report, "order_id", "") or "by venue"
