"""The position tier: protective_stop, position_size, leverage. Desk of 10,000 USD, price 100, tick 0.01."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import DeskLimits, Instrument, OrderKind, Outcome, Side

MARKET = {"kind": OrderKind.MARKET, "limit_price": None}


def test_entry_without_a_stop_is_refused(make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]) -> None:
    verdict = make_rule("protective_stop").check(buy("1", stop_loss_price=None), view())
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "no_stop")


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [
        ("98.01", Outcome.PASSED),  # 1.99 %
        ("98", Outcome.PASSED),  # exactly 2 %
        ("97.99", Outcome.PASSED),  # 2.01 %: within one tick of the limit
        ("97.98", Outcome.REFUSED),
    ],
)
def test_stop_may_be_two_per_cent_and_one_tick_away(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], stop: str, outcome: Outcome
) -> None:
    verdict = make_rule("protective_stop").check(buy("1", stop_loss_price=Decimal(stop)), view())
    assert verdict.outcome is outcome
    assert verdict.numbers == pytest.approx(((100 - float(stop)) / 100, 0.02))


def test_stop_of_a_market_entry_is_measured_from_the_last_price(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    rule = make_rule("protective_stop")
    assert rule.check(buy("1", **MARKET, stop_loss_price=Decimal(98)), view(price=100.0)).outcome is Outcome.PASSED
    verdict = rule.check(buy("1", **MARKET, stop_loss_price=Decimal(98)), view(price=101.0))
    assert verdict.code == "stop_too_far"
    assert verdict.numbers == pytest.approx((3 / 101, 0.02))


@pytest.mark.parametrize(("limit", "stop"), [("100", "100"), ("100", "101"), ("100.1", "100.05")])
def test_stop_of_a_buy_must_lie_below_its_entry_and_the_last_price(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], limit: str, stop: str
) -> None:
    request = buy("1", limit_price=Decimal(limit), stop_loss_price=Decimal(stop))
    assert make_rule("protective_stop").check(request, view()).code == "stop_on_wrong_side"


def test_stop_of_a_short_lies_above_it(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], perpetual: Instrument
) -> None:
    rule, short = make_rule("protective_stop"), view(instrument=perpetual)
    assert rule.check(buy("1", side=Side.SELL, stop_loss_price=Decimal(102)), short).outcome is Outcome.PASSED
    assert rule.check(buy("1", side=Side.SELL, stop_loss_price=Decimal("102.02")), short).code == "stop_too_far"
    assert rule.check(buy("1", side=Side.SELL, stop_loss_price=Decimal(98)), short).code == "stop_on_wrong_side"


@pytest.mark.parametrize(
    ("quantity", "outcome", "left"),
    [
        ("1.999", Outcome.PASSED, None),
        ("2", Outcome.PASSED, None),  # 2 x (100 - 90) = 20 = 0.02 x 0.10 x 10,000
        ("2.001", Outcome.REDUCED, "2"),
    ],
)
def test_whole_position_stop_may_lose_what_the_largest_ordinary_position_loses(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], quantity: str, outcome: Outcome, left: str | None
) -> None:
    request = buy(quantity, stop_loss_price=Decimal(90), is_whole_position_stop=True)
    verdict = make_rule("protective_stop").check(request, view())
    assert verdict.outcome is outcome
    assert verdict.quantity == (Decimal(left) if left else None)
    assert verdict.numbers == pytest.approx((float(quantity) * 10 / 10_000, 0.002))


def test_whole_position_stop_counts_what_is_held_and_pending(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    # Held 0.5 from 110: loses 0.5 x 20 = 10 at 90; pending 0.5 at 100 or less: 5; so 5 of 20 are left: 0.5 units.
    held = view(position=Decimal("0.5"), average_entry=110.0, pending_entries=Decimal("0.5"))
    rule, terms = make_rule("protective_stop"), {"stop_loss_price": Decimal(90), "is_whole_position_stop": True}
    assert rule.check(buy("0.5", **terms), held).outcome is Outcome.PASSED
    verdict = rule.check(buy("0.6", **terms), held)
    assert (verdict.outcome, verdict.quantity) == (Outcome.REDUCED, Decimal("0.5"))
    full = replace(held, pending_entries=Decimal(1))  # 10 + 10 = 20: nothing is left
    assert rule.check(buy("0.5", **terms), full).code == "whole_position_loss"


def test_whole_position_loss_can_be_set(make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]) -> None:
    rule = make_rule("protective_stop", whole_position_loss=0.01)  # 100 USD: 10 units that fall from 100 to 90
    terms = {"stop_loss_price": Decimal(90), "is_whole_position_stop": True}
    assert rule.check(buy("10", **terms), view()).outcome is Outcome.PASSED
    assert rule.check(buy("10.1", **terms), view()).outcome is Outcome.REDUCED


@pytest.mark.parametrize(
    ("quantity", "outcome", "left"),
    [
        ("9.9999", Outcome.PASSED, None),
        ("10", Outcome.PASSED, None),  # 10 x 100 = 10 % of 10,000
        ("10.0001", Outcome.REDUCED, "10"),
    ],
)
def test_position_is_cut_to_its_share_of_equity(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], quantity: str, outcome: Outcome, left: str | None
) -> None:
    verdict = make_rule("position_size").check(buy(quantity), view())
    assert verdict.outcome is outcome
    assert verdict.quantity == (Decimal(left) if left else None)
    assert verdict.numbers == pytest.approx((float(quantity) / 100, 0.10))


def test_position_size_counts_what_is_held_and_pending(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    # 6 held and 3 pending at 100 leave 1,000 - 900 = 100 USD: one unit; with 3.95 pending it is 5 USD, below 10.
    rule = make_rule("position_size")
    verdict = rule.check(buy("2"), view(position=Decimal(6), pending_entries=Decimal(3)))
    assert (verdict.outcome, verdict.quantity) == (Outcome.REDUCED, Decimal(1))
    verdict = rule.check(buy("2"), view(position=Decimal(6), pending_entries=Decimal("3.95")))
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "position_size")
    assert verdict.numbers == pytest.approx((0.1195, 0.10))


@given(
    quantity=st.decimals("0.1", "500", places=4),
    held=st.decimals("0", "12", places=4),
    equity=st.floats(100.0, 50_000.0),
    share=st.floats(0.01, 1.0),
)
def test_what_position_size_lets_through_never_exceeds_the_share(
    make_rule: Callable[..., Any],
    view: Any,
    buy: Callable[..., Any],
    quantity: Decimal,
    held: Decimal,
    equity: float,
    share: float,
) -> None:
    desk = view(equity=equity, position=held, limits=DeskLimits(max_position_share=share))
    verdict = make_rule("position_size").check(buy(str(quantity)), desk)
    allowed = {Outcome.PASSED: quantity, Outcome.REDUCED: verdict.quantity, Outcome.REFUSED: Decimal(0)}
    let_through = allowed[verdict.outcome]
    if let_through:
        assert float(held + let_through) * 100.0 <= equity * share * (1 + 1e-8)
        assert let_through * 100 >= desk.instrument.minimum_notional
        assert let_through % desk.instrument.quantity_step == 0


@pytest.mark.parametrize(("leverage", "outcome"), [("2.9", "passed"), ("3", "passed"), ("3.1", "refused")])
def test_leverage_is_held_to_the_desk_limit(
    make_rule: Callable[..., Any],
    view: Any,
    buy: Callable[..., Any],
    perpetual: Instrument,
    leverage: str,
    outcome: str,
) -> None:
    desk = view(instrument=perpetual, limits=DeskLimits(max_leverage=3.0))
    verdict = make_rule("leverage").check(buy("1", leverage=Decimal(leverage)), desk)
    assert (verdict.outcome.value, verdict.numbers) == (outcome, (float(leverage), 3.0))


def test_leverage_is_held_to_the_instrument_too(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    verdict = make_rule("leverage").check(buy("1", leverage=Decimal(2)), view(limits=DeskLimits(max_leverage=5.0)))
    assert (verdict.outcome, verdict.numbers) == (Outcome.REFUSED, (2.0, 1.0))  # spot: 1


@pytest.mark.parametrize("price", [0.0, -1.0, nan, inf])
@pytest.mark.parametrize("rule", ["protective_stop", "position_size"])
def test_position_rules_refuse_without_a_price(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], rule: str, price: float
) -> None:
    assert make_rule(rule).check(buy("1", **MARKET), view(price=price)).outcome is Outcome.REFUSED


@pytest.mark.parametrize("equity", [0.0, -5.0, nan, inf])
def test_position_rules_refuse_without_equity(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], equity: float
) -> None:
    whole = buy("1", stop_loss_price=Decimal(90), is_whole_position_stop=True)
    assert make_rule("position_size").check(buy("1"), view(equity=equity)).outcome is Outcome.REFUSED
    assert make_rule("protective_stop").check(whole, view(equity=equity)).outcome is Outcome.REFUSED


@pytest.mark.parametrize("entry", [float("nan"), float("inf"), -1.0])
def test_whole_position_stop_is_refused_while_nobody_knows_what_was_paid(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], entry: float
) -> None:
    whole = buy("0.1", stop_loss_price=Decimal(90), is_whole_position_stop=True)
    held = view(position=Decimal("0.5"), average_entry=entry)
    assert make_rule("protective_stop").check(whole, held).code == "price_missing"


def test_sell_limit_below_the_market_is_valued_at_the_market(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], perpetual: Instrument
) -> None:
    # At its limit of 96, 10.2 units were worth 979; they fill at about 100: 1,020 > 10 % of 10,000.
    short = buy("10.2", side=Side.SELL, limit_price=Decimal(96), stop_loss_price=Decimal(101))
    verdict = make_rule("position_size").check(short, view(instrument=perpetual))
    assert (verdict.outcome, verdict.quantity) == (Outcome.REDUCED, Decimal(10))
