"""What a fill costs: fee, spread, slippage and market impact of one instrument, and how much of the volume it may take.

Spread, slippage and impact only move the price of takers, always against them, rounded to the tick against them; they
apply where the data does not show them (candles, trades). Quotes and books carry their own spread and depth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from math import sqrt

from loligo.api import DAY_NS, DOWN, UP, ZERO, Instrument, Side, exact, round_to_step, timeframe_ns

from .settings import SimulatedVenueSettings, SlippageModel

_BUY, _FIXED = Side.BUY, SlippageModel.FIXED  # an enum's members are slow to look up


class CostModel:
    """Fees and price concessions of one instrument. `volumes` are those of the last 24 hours' candles, oldest first."""

    __slots__ = (
        "_candles_per_day",
        "_fixed_rate",
        "_impact_threshold",
        "_instrument",
        "_settings",
        "_share",
        "volumes",
    )

    def __init__(
        self, instrument: Instrument, settings: SimulatedVenueSettings, timeframe: str, volumes: Iterable[float] = ()
    ) -> None:
        self._instrument = instrument
        self._settings = settings  # a model's attributes are slow to look up: those of every fill are copied
        is_fixed = settings.slippage_model is _FIXED
        self._fixed_rate = settings.half_spread_rate + settings.slippage_rate if is_fixed else None
        self._impact_threshold = settings.impact_threshold
        self._share = settings.max_volume_share
        self.start_volumes(timeframe or "1d", volumes)

    def start_volumes(self, timeframe: str, volumes: Iterable[float] = ()) -> None:
        """Forget the volumes and collect those of candles of `timeframe`, beginning with `volumes`."""
        self._candles_per_day = DAY_NS / timeframe_ns(timeframe)
        self.volumes: deque[float] = deque(volumes, maxlen=max(1, int(self._candles_per_day)))

    def daily_volume(self) -> float:
        """Return the base units traded in 24 hours, scaled up while fewer candles were seen; 0.0 before the first."""
        if not self.volumes:
            return 0.0
        return sum(self.volumes) / len(self.volumes) * self._candles_per_day

    def fee(self, price: Decimal, quantity: Decimal, *, is_maker: bool) -> Decimal:
        """Return the fee in the quote asset, rounded up to its step (a maker's rebate is rounded down).

        Rate times notional, as spot venues charge it (Binance and Coinbase fee schedules: separate maker and taker
        rates). Rounding up never understates a cost.
        """
        rate = self._instrument.maker_fee_rate if is_maker else self._instrument.taker_fee_rate
        with exact():
            cost = price * quantity * rate
        return round_to_step(cost, self._instrument.quote_step, UP if rate > 0 else DOWN)

    def base_fee(self, quantity: Decimal, *, is_maker: bool) -> Decimal:
        """Return the fee of a buy that is charged in the base asset: rate times what was bought, rounded likewise.

        Binance spot, "How to Calculate Fees": the commission of a buy is taken from the asset that is bought.
        """
        rate = self._instrument.maker_fee_rate if is_maker else self._instrument.taker_fee_rate
        with exact():
            cost = quantity * rate
        return min(round_to_step(cost, self._instrument.base_step, UP if rate > 0 else DOWN), quantity)

    def taker_price(
        self, side: Side, price: float, quantity: Decimal, *, of_order: Decimal, volume: float, limit: Decimal | None
    ) -> Decimal:
        """Return what a taker pays for `quantity` when the market stands at `price`: on the tick, never beyond `limit`.

        `of_order` is the whole order's quantity, which makes the impact; `volume` that of the candle or trade.
        """
        rate = self._fixed_rate
        if rate is None:
            rate = self._settings.half_spread_rate + self._volume_rate(quantity, volume)
        rate += self._impact_rate(of_order)
        shown = Decimal(f"{price:.14g}")  # without float noise, which would round a path price to the next tick
        with exact():
            moved = shown + shown * rate * side.sign
        on_tick = self._instrument.price(moved, UP if side is _BUY else DOWN)
        if limit is None:
            return on_tick
        return min(on_tick, limit) if side is _BUY else max(on_tick, limit)

    def volume_cap(self, volume: float) -> Decimal | None:
        """Return the base units that one desk may fill in a candle of `volume`, None without a limit.

        A share of the candle's volume, as in zipline's VolumeShareSlippage and LEAN's VolumeShareSlippageModel (there
        2.5 % of a stock's minute); the default here is 10 %, since crypto candles are mostly longer and more liquid.
        """
        share = self._share
        if share is None:
            return None
        with exact():
            cap = Decimal(repr(volume)) * share
        return self._instrument.quantity(cap)

    def _volume_rate(self, quantity: Decimal, volume: float) -> Decimal:
        """Impact x share^2 with the share of the candle's volume capped.

        zipline `VolumeShareSlippage` and LEAN `VolumeShareSlippageModel`: volume_limit 0.025, price_impact 0.1.
        """
        settings = self._settings
        share = min(float(quantity) / volume, float(settings.volume_share_limit)) if volume > 0 else 0.0
        return _rate(float(settings.volume_share_impact) * share * share)

    def _impact_rate(self, quantity: Decimal) -> Decimal:
        """Square-root law: coefficient x sqrt(quantity / daily volume), for orders above the threshold only.

        Y x sigma_day x sqrt(Q / V) with Y near 1 (Almgren, Thum, Hauptmann and Li 2005, "Direct estimation of equity
        market impact"; Toth et al. 2011); the default 0.03 is a day's volatility of a major crypto asset. Below the
        threshold the plain slippage stands for it.
        """
        wanted, volumes = float(quantity), self.volumes
        newest = volumes[-1] / len(volumes) * self._candles_per_day if volumes else 0.0
        if newest > 0 and wanted / newest <= self._impact_threshold:
            return ZERO  # small beside the newest candle alone: no need to add up the day
        daily = self.daily_volume()
        share = wanted / daily if daily > 0 else 0.0
        if share <= self._impact_threshold:
            return ZERO
        return _rate(self._settings.impact_coefficient * sqrt(min(share, 1.0)))


def _rate(value: float) -> Decimal:
    """Cross over at twelve decimals, so that the rounding of the last float digit never moves a price by a tick."""
    return Decimal(repr(round(value, 12)))
