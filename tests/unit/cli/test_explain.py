"""Events in words: each kind says what a person needs, with its numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loligo.model import events as ev
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.market import Candle, Side
from loligo.model.order import Filled, OrderRequest
from loligo.model.risk import Outcome, Tier
from loligo_bot.explain import described

REQUEST = OrderRequest(
    instrument="x:BTC/USD", side=Side.BUY, quantity=Decimal("0.5"), stop_loss_price=Decimal("98"), code="breakout"
)


@pytest.mark.parametrize(
    ("event", "step", "text"),
    [
        (
            Candle("x:BTC/USD", "1h", 0, 1, 1.0, 3.0, 0.5, 2.0, 7.0),
            "candle",
            "x:BTC/USD 1h: open 1, high 3, low 0.5, close 2, volume 7",
        ),
        (
            ev.Evaluated(2, 1, 1, "", "rsi x:BTC/USD 1h", Evaluation(0.75, "oversold", (28.5, 30.0))),
            "evaluation",
            "rsi x:BTC/USD 1h: +0.750; oversold (28.5, 30)",
        ),
        (
            ev.SignalRaised(3, 1, 2, "trend", "x:BTC/USD", Signal(Direction.LONG, 0.8, "vote"), (2,)),
            "decision",
            "trend: long x:BTC/USD, confidence 0.8; vote",
        ),
        (
            ev.DecisionDeclined(3, 1, 2, "trend", "x:BTC/USD", "strategy", Declined("no_dip", (0.1,))),
            "declined",
            "trend: strategy does not act; no_dip (0.1)",
        ),
        (
            ev.OrderRequested(4, 1, 3, "trend", REQUEST),
            "request",
            "trend: entry buy 0.5 x:BTC/USD market, stop 98; breakout",
        ),
        (
            ev.RiskChecked(5, 1, 4, "trend", "exposure", Tier.ACCOUNT, Outcome.REFUSED, "exposure", (0.831, 0.8)),
            "check",
            "exposure (account) refused: exposure 83.1 % > 80 %",
        ),
        (
            ev.Approved(6, 1, 4, "trend", REQUEST, Decimal("0.7")),
            "approved",
            "entry buy 0.5 x:BTC/USD market, stop 98; breakout; reduced from 0.7",
        ),
        (
            ev.OrderReported(
                8, 1, 7, "trend", Filled("o1", 1, "f1", Decimal("99.5"), Decimal("0.5"), Decimal("0.2"), "USD", False)
            ),
            "fill",
            "o1: 0.5 at 99.5, fee 0.2 USD",
        ),
        (ev.CancelRequested(9, 1, 8, "trend", "o1", "operator"), "cancel", "order_id o1, code operator"),
    ],
)
def test_event_is_told_in_words(event: object, step: str, text: str) -> None:
    assert described(event) == (step, text)
