"""Events in words: each kind says what a person needs, with its numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loligo.model import events as ev
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.market import Candle, Side
from loligo.model.order import Filled, OrderRequest
from loligo.model.risk import Outcome, Tier
from loligo_bot.explain import described, reason_text

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
            "rsi x:BTC/USD 1h: +0.750; oversold 28.5 against 30",
        ),
        (
            ev.SignalRaised(3, 1, 2, "trend", "x:BTC/USD", Signal(Direction.LONG, 0.8, "vote"), (2,)),
            "decision",
            "trend: long x:BTC/USD, confidence 0.8; vote",
        ),
        (
            ev.DecisionDeclined(3, 1, 2, "trend", "x:BTC/USD", "strategy", Declined("no_dip", (0.1,))),
            "declined",
            "trend: strategy does not act; no dip 0.1",
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


@pytest.mark.parametrize(
    ("code", "numbers", "text"),
    [
        ("paused", (1_515_213_399.0,), "paused until 2018-01-06 04:37"),
        ("paused", (0.0,), "paused until a person resumes"),
        ("stop", (0.01999863, 0.02), "stop 1.999863 % < 2 %"),
        ("exposure", (0.8310001, 0.8), "exposure 83.1 % > 80 %"),
        ("position_size", (0.1 - 1e-12, 0.1), "position size 10 % = 10 %"),
        ("below_threshold", (0.455809, 0.7), "below threshold 0.456 against 0.7"),
        ("vote", (), "vote"),
    ],
)
def test_a_reason_has_digits_enough_to_tell_its_numbers_apart(code: str, numbers: tuple[float, ...], text: str) -> None:
    assert reason_text(code, numbers) == text
