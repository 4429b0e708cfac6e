"""Signals to sized orders with stop and target, one position per instrument: long on spot, both ways on perpetuals.

An entry is a limit order `limit_offset` beyond the last price on the side that fills, for `limit_lifetime_s`; a market
order only by choice. Its stop is never farther from it than `limits.stop_loss`, its value never more than
`limits.max_position_share` of the desk's equity, and both lie on the instrument's steps. A signal against the position
closes it; the opposite position needs the next signal. Whatever is not done is declined with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from math import inf

from loligo.api import (
    ATR,
    SECOND_NS,
    CancelIntent,
    Candle,
    Declined,
    DeskView,
    Direction,
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
    Stateless,
    TimeInForce,
    quantity_for_risk,
    quantity_for_share,
)

from .settings import OrderStyle, Settings, Sizing

# An enum's members are slow to look up.
_BUY, _SELL, _LONG, _SHORT, _FLAT = Side.BUY, Side.SELL, Direction.LONG, Direction.SHORT, Direction.FLAT
_ENTRY, _EXIT, _LIMIT, _MARKET = OrderRole.ENTRY, OrderRole.EXIT, OrderKind.LIMIT, OrderKind.MARKET
_GTC, _GTD = TimeInForce.GTC, TimeInForce.GTD
_LIMIT_STYLE, _FIXED, _EQUITY_SHARE = OrderStyle.LIMIT, Sizing.FIXED, Sizing.EQUITY_SHARE
# The common answers, made once: a strategy repeats itself on most candles.
_ALREADY_POSITIONED = (Declined("already_positioned"),)
_ENTRY_PENDING = (Declined("entry_pending"),)
_EXIT_PENDING = (Declined("exit_pending"),)
_NO_POSITION = (Declined("no_position"),)
_NO_SHORT_ON_SPOT = (Declined("no_short_on_spot"),)
_SHORT_NOT_ALLOWED = (Declined("short_not_allowed"),)
_MARKET_RESERVE = 1.002  # a market order may fill this much beyond the last price; buying_power keeps as much


class SignalSpot(Stateless):
    """Fixed and equity-share sizing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        direction = signal.direction
        position = view.position
        if position:
            is_long = position > 0
            if direction is (_LONG if is_long else _SHORT):
                return _ALREADY_POSITIONED
            return self._exit(position, signal.code, view)
        if direction is _LONG:
            return self._enter(_BUY, signal, view)
        if direction is _SHORT and view.instrument.is_perpetual and self._settings.allow_short:
            return self._enter(_SELL, signal, view)
        cancels = _cancels(view, _ENTRY)
        if cancels:
            return cancels
        if direction is _FLAT:
            return _NO_POSITION
        return _SHORT_NOT_ALLOWED if view.instrument.is_perpetual else _NO_SHORT_ON_SPOT

    def on_order_end(self, order: Order, view: DeskView) -> Sequence[Intent]:
        """Close at the market what an expired limit exit has left open."""
        position = view.position
        if order.role is not _EXIT or order.state is not OrderState.EXPIRED or not position:
            return ()
        return (self._exit_request(position, order.code, view, OrderStyle.MARKET),)

    # Exits

    def _exit(self, position: Decimal, code: str, view: DeskView) -> Sequence[Intent]:
        if any(order.role is _EXIT for order in view.open_orders):
            return _EXIT_PENDING
        request = self._exit_request(position, code, view, self._settings.exit_kind)
        if request.quantity <= 0:
            return (Declined("dust", (float(position), float(view.instrument.quantity_step))),)
        return (*_cancels(view, _ENTRY), request)

    def _exit_request(self, position: Decimal, code: str, view: DeskView, style: OrderStyle) -> OrderRequest:
        side = _SELL if position > 0 else _BUY
        is_limit = style is _LIMIT_STYLE and 0.0 < view.price < inf
        return OrderRequest(
            instrument=view.instrument.id,
            side=side,
            quantity=view.instrument.quantity(abs(position)),
            kind=_LIMIT if is_limit else _MARKET,
            role=_EXIT,
            limit_price=self._limit_price(side, view) if is_limit else None,
            time_in_force=_GTD if is_limit else _GTC,
            expires_at_ns=view.ts + self._settings.limit_lifetime_s * SECOND_NS if is_limit else 0,
            is_reduce_only=True,
            code=code,
        )

    # Entries

    def _enter(self, side: Side, signal: Signal, view: DeskView) -> Sequence[Intent]:
        if view.open_orders:
            wrong_way = [o for o in view.open_orders if o.role is _ENTRY and o.side is not side]
            if wrong_way:
                return [CancelIntent(order.id, "signal_turned") for order in wrong_way]
            if any(order.role is _ENTRY for order in view.open_orders):
                return _ENTRY_PENDING
        price, instrument = view.price, view.instrument
        if not 0.0 < price < inf:
            return (Declined("no_price"),)
        if view.equity != view.equity:
            return (Declined("equity_unknown"),)  # the rate of a currency of the account is missing
        if not all(given is None or 0.0 < given < inf for given in (signal.stop_price, signal.target_price)):
            return (Declined("signal_price_invalid"),)
        is_limit = self._settings.entry_kind is _LIMIT_STYLE
        limit_price = self._limit_price(side, view) if is_limit else None
        entry = float(limit_price) if limit_price is not None else price
        stop = self._stop_price(side, entry, signal, view)
        target = _target_price(side, entry, signal, view)
        if (entry - float(stop)) * side.sign <= 0.0 or stop <= 0:
            return (Declined("stop_not_behind_entry", (float(stop), entry)),)
        if (float(target) - entry) * side.sign <= 0.0 or target <= 0:
            return (Declined("target_not_beyond_entry", (float(target), entry)),)
        quantity = self._quantity(entry, view, is_limit=is_limit)
        if quantity <= 0:
            return (Declined("too_small", (view.equity, entry, float(instrument.minimum_notional))),)
        return (
            OrderRequest(
                instrument=instrument.id,
                side=side,
                quantity=quantity,
                kind=_LIMIT if is_limit else _MARKET,
                limit_price=limit_price,
                time_in_force=_GTD if is_limit else _GTC,
                expires_at_ns=view.ts + self._settings.limit_lifetime_s * SECOND_NS if is_limit else 0,
                stop_loss_price=stop,
                take_profit_price=target,
                trailing_stop_rate=_rate(view.limits.trailing_stop),
                strength=signal.strength,
                leverage=self._settings.leverage if instrument.is_perpetual else Decimal(1),
                code=signal.code,
            ),
        )

    def _limit_price(self, side: Side, view: DeskView) -> Decimal:
        """The price beyond the last one on the side that fills, rounded back towards the last."""
        price = view.price * (1.0 + self._settings.limit_offset * side.sign)
        return view.instrument.price(price, ROUND_DOWN if side is _BUY else ROUND_UP)

    def _stop_price(self, side: Side, entry: float, signal: Signal, view: DeskView) -> Decimal:
        """The signal's stop, else `_stop_distance`; never farther than the limit, rounded towards the entry."""
        sign, limit = side.sign, view.limits.stop_loss
        farthest = entry * (1.0 - limit * sign)
        stop = signal.stop_price
        if stop is None:
            stop = entry - self._stop_distance(entry, limit) * sign
        stop = max(stop, farthest) if sign > 0 else min(stop, farthest)
        return view.instrument.price(stop, ROUND_UP if sign > 0 else ROUND_DOWN)

    def _stop_distance(self, entry: float, limit: float) -> float:
        return entry * limit

    def _quantity(self, entry: float, view: DeskView, *, is_limit: bool) -> Decimal:
        """The sizing's quantity, at most the desk's share of equity and at most what free money pays for."""
        instrument, settings = view.instrument, self._settings
        leverage = float(settings.leverage) if instrument.is_perpetual else 1.0
        cost_rate = (1.0 / leverage + float(instrument.taker_fee_rate)) * (1.0 if is_limit else _MARKET_RESERVE)
        share = view.limits.max_position_share
        if settings.sizing is _EQUITY_SHARE and settings.equity_share is not None:
            share = min(share, settings.equity_share)
        value = min(view.equity * share, float(view.available) / cost_rate)
        if settings.sizing is _FIXED:
            value = min(value, float(settings.amount_quote))
        return quantity_for_share(value, 1.0, entry, instrument)


class AtrSignalSpot(SignalSpot):
    """Sizing by ATR: an adverse move of `atr_multiple` x ATR loses `risk_share` of equity. The stop lies there too,
    or at the desk's limit where that is nearer."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._atr = ATR(settings.atr_period)

    def on_candle(self, candle: Candle, view: DeskView) -> Sequence[Intent]:
        self._atr.update(candle.high, candle.low, candle.close)
        return ()

    def _enter(self, side: Side, signal: Signal, view: DeskView) -> Sequence[Intent]:
        if not self._atr.value > 0.0:
            return (Declined("atr_not_warm", (float(self._atr.period),)),)
        return super()._enter(side, signal, view)

    def _stop_distance(self, entry: float, limit: float) -> float:
        return min(self._settings.atr_multiple * self._atr.value, entry * limit)

    def _quantity(self, entry: float, view: DeskView, *, is_limit: bool) -> Decimal:
        distance = self._settings.atr_multiple * self._atr.value
        risked = quantity_for_risk(view.equity, self._settings.risk_share, entry, entry + distance, view.instrument)
        return min(risked, super()._quantity(entry, view, is_limit=is_limit))

    def export_state(self) -> PlainState:
        return {"atr": self._atr.export_state()}

    def restore_state(self, state: PlainState) -> None:
        self._atr.restore_state(state["atr"])


def create(settings: Settings, context: MakeContext) -> SignalSpot:
    return AtrSignalSpot(settings) if settings.sizing is Sizing.ATR else SignalSpot(settings)


def _target_price(side: Side, entry: float, signal: Signal, view: DeskView) -> Decimal:
    """The signal's target, else the desk's; rounded towards the entry."""
    target = signal.target_price
    if target is None:
        target = entry * (1.0 + view.limits.take_profit * side.sign)
    return view.instrument.price(target, ROUND_DOWN if side is _BUY else ROUND_UP)


def _cancels(view: DeskView, role: OrderRole) -> list[Intent]:
    return [CancelIntent(order.id, "signal") for order in view.open_orders if order.role is role]


def _rate(share: float | None) -> Decimal | None:
    return Decimal(repr(share)) if share is not None else None
