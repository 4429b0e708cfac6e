"""The net position of one desk in one instrument as the venue knows it, and its isolated margin.

Built from the venue's own fills. Quantity is exact; cost and margin are float64, since they only mark where the
position is liquidated: money itself moves in the portfolio's ledger. Spot positions carry no margin.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from loligo.api import DOWN, UP, ZERO, Instrument, Side, exact, money_from_float, round_to_step

_BUY, _SELL = Side.BUY, Side.SELL  # an enum's members are slow to look up


class NetPosition(msgspec.Struct, eq=False):
    """Signed base units, with what its open part cost and the margin set aside for it, both in quote units."""

    quantity: Decimal = ZERO
    cost: float = 0.0
    margin: float = 0.0
    account: str = ""
    liquidations: int = 0

    @property
    def side(self) -> Side:
        """The side that opened it; buy when flat."""
        return _SELL if self.quantity < 0 else _BUY

    def reducible(self, side: Side) -> Decimal:
        """Return how many base units an order of `side` can close."""
        return abs(self.quantity) if self.quantity * side.sign < 0 else ZERO

    def fill(self, side: Side, quantity: Decimal, price: Decimal, leverage: Decimal) -> None:
        """Take in a fill: the part against the position closes it at its average cost, the rest opens."""
        closing = min(quantity, self.reducible(side))
        if closing:
            kept = float((abs(self.quantity) - closing) / abs(self.quantity))
            self.cost *= kept
            self.margin *= kept
        opening = float(quantity - closing) * float(price)
        self.cost += opening
        self.margin += opening / float(leverage)
        self.quantity += quantity * side.sign

    def drop_dust(self, side: Side, lot: Decimal) -> None:
        """Forget what a fill of `side` has left of the position it closes when that is less than a lot: nobody can sell
        it. It comes from fees in the base asset, and the portfolio hands it to the house."""
        if ZERO < self.reducible(side) < lot:
            self.quantity, self.cost = ZERO, 0.0

    def liquidation_price(self, instrument: Instrument) -> float:
        """Return the price at which what is left of the margin is the maintenance margin; 0.0 if there is none.

        Isolated, linear contract, one tier: margin + side x quantity x (price - entry) = rate x quantity x price,
        solved for the price (Binance, "How to Calculate Liquidation Price of USD-M Futures Contracts", with TMM and
        UPNL 0 and maintenance amount 0). The last price stands for the mark price.
        """
        if not self.quantity or not instrument.is_perpetual:
            return 0.0
        rate = float(instrument.maintenance_margin_rate)
        sign = self.side.sign
        return max(self._bankruptcy_price() / (1 - sign * rate), 0.0)

    def liquidation_fill(self, price: float, instrument: Instrument) -> tuple[Decimal, Decimal]:
        """Return price and fee at which the venue closes the whole position when the market stands at `price`.

        Never worse than the bankruptcy price, and the fee never more than the margin that is left: an isolated
        position loses no more than its margin, the insurance fund bears the rest (Binance, "Liquidation Protocols";
        Bybit, "Liquidation Process"). Fee: the instrument's liquidation rate on the notional, in place of the taker's.
        """
        is_long = self.quantity > 0
        shown = instrument.price(price, DOWN if is_long else UP)
        bankrupt = instrument.price(self._bankruptcy_price(), UP if is_long else DOWN)
        at = max(shown, bankrupt) if is_long else min(shown, bankrupt)
        with exact():
            cost = at * abs(self.quantity) * instrument.liquidation_fee_rate
        left = self.margin + float(at) * float(self.quantity) - self.cost * self.side.sign
        room = money_from_float(max(left, 0.0), instrument.quote_step, DOWN)
        return at, min(round_to_step(cost, instrument.quote_step, UP), room)

    def _bankruptcy_price(self) -> float:
        """Return the price at which the margin is used up."""
        return (self.cost - self.side.sign * self.margin) / float(abs(self.quantity))
