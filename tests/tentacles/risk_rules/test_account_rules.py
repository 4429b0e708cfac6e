"""The account tier, at, just below and just above each limit. Account of 10,000 USD, price 100, taker fee 0.1 %."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import DAY_NS, AccountLimits, ActionKind, Instrument, OrderKind, Outcome, Side

MARKET = {"kind": OrderKind.MARKET, "limit_price": None}
NOON_NS = 1_700_049_600_000_000_000


@pytest.mark.parametrize(("equity", "is_held"), [(9500.01, False), (9500.0, True), (9499.99, True)])
def test_five_per_cent_lost_in_a_day_stop_entries_until_midnight(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], equity: float, is_held: bool
) -> None:
    rule, account = make_rule("daily_loss"), view(account_equity=equity)
    verdict, action = rule.check(buy("1"), account), rule.watch(account)
    assert verdict.outcome is (Outcome.REFUSED if is_held else Outcome.PASSED)
    assert verdict.numbers == pytest.approx((1 - equity / 10_000, 0.05))
    assert (action is not None) is is_held
    if is_held:
        assert (action.kind, action.until_ns) == (ActionKind.PAUSE, NOON_NS + DAY_NS // 2)  # noon + 12 h


def test_daily_loss_at_midnight_pauses_for_the_new_day(make_rule: Callable[..., Any], view: Any) -> None:
    midnight_ns = NOON_NS + DAY_NS // 2
    assert make_rule("daily_loss").watch(view(ts=midnight_ns, account_equity=1.0)).until_ns == midnight_ns + DAY_NS


@pytest.mark.parametrize(("equity", "is_held"), [(8500.01, False), (8500.0, True), (8499.99, True)])
def test_fifteen_per_cent_below_the_peak_stop_entries_until_a_person_resumes(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], equity: float, is_held: bool
) -> None:
    rule, account = make_rule("drawdown"), view(account_equity=equity)
    verdict, action = rule.check(buy("1"), account), rule.watch(account)
    assert verdict.outcome is (Outcome.REFUSED if is_held else Outcome.PASSED)
    assert (action is not None) is is_held
    if is_held:
        assert (action.kind, action.until_ns) == (ActionKind.PAUSE, 0)
        assert action.numbers == pytest.approx((1 - equity / 10_000, 0.15))


@pytest.mark.parametrize("rule", ["daily_loss", "drawdown"])
def test_an_account_never_funded_is_refused_but_not_paused(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], rule: str
) -> None:
    empty = view(account_equity=0.0, account_day_start_equity=0.0, account_peak_equity=0.0)
    made = make_rule(rule)
    assert made.check(buy("1"), empty).code == "equity_missing"
    assert made.watch(empty) is None


@pytest.mark.parametrize("rule", ["daily_loss", "drawdown"])
def test_equity_that_is_not_a_number_pauses(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], rule: str
) -> None:
    broken, made = view(account_equity=nan), make_rule(rule)
    assert made.check(buy("1"), broken).code == "equity_missing"
    assert made.watch(broken).kind is ActionKind.PAUSE


@pytest.mark.parametrize(
    ("quantity", "outcome", "left"),
    [
        ("9.9999", Outcome.PASSED, None),
        ("10", Outcome.PASSED, None),  # 7,000 + 1,000 = 80 % of 10,000
        ("13.1", Outcome.REDUCED, "10"),  # 83.1 % > 80 %
    ],
)
def test_exposure_is_cut_to_eighty_per_cent_of_account_equity(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], quantity: str, outcome: Outcome, left: str | None
) -> None:
    verdict = make_rule("exposure").check(buy(quantity), view(account_exposure=7000.0))
    assert verdict.outcome is outcome
    assert verdict.quantity == (Decimal(left) if left else None)
    assert verdict.numbers == pytest.approx((0.7 + float(quantity) / 100, 0.80))


def test_exposure_without_room_for_a_minimum_order_is_refused(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    verdict = make_rule("exposure").check(buy("3.2"), view(account_exposure=7990.01))  # 9.99 USD left, 10 needed
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "exposure")
    assert verdict.numbers == pytest.approx((0.831001, 0.80))


@pytest.mark.parametrize(
    ("quantity", "outcome", "left"),
    [
        ("10", Outcome.PASSED, None),  # 10 x 100 x 1.001 = 1,001
        ("10.0001", Outcome.REDUCED, "10"),
        ("20", Outcome.REDUCED, "10"),
    ],
)
def test_spot_entry_is_cut_to_cash_with_fee(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], quantity: str, outcome: Outcome, left: str | None
) -> None:
    verdict = make_rule("buying_power").check(buy(quantity), view(available=Decimal(1001)))
    assert (verdict.outcome, verdict.quantity) == (outcome, Decimal(left) if left else None)
    assert verdict.numbers == pytest.approx((float(quantity) * 100.1, 1001.0))


def test_market_entry_needs_a_price_reserve_of_two_per_mille(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    # 10 x 100 x 1.001 x 1.002 = 1,003.002
    rule = make_rule("buying_power")
    assert rule.check(buy("10", **MARKET), view(available=Decimal("1003.002"))).outcome is Outcome.PASSED
    verdict = rule.check(buy("10", **MARKET), view(available=Decimal("1003.00")))
    assert (verdict.outcome, verdict.quantity) == (Outcome.REDUCED, Decimal("9.9999"))


def test_perpetual_entry_needs_its_margin(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], perpetual: Instrument
) -> None:
    # 30 x 100 / 3 + 30 x 100 x 0.001 = 1,003, long and short alike
    rule, terms = make_rule("buying_power"), {"leverage": Decimal(3), "instrument": perpetual.id}
    for side in Side:
        request = buy("30", side=side, **terms)
        assert rule.check(request, view(instrument=perpetual, available=Decimal(1003))).outcome is Outcome.PASSED
        assert rule.check(request, view(instrument=perpetual, available=Decimal(1002))).outcome is Outcome.REDUCED


def test_short_on_spot_is_refused(make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]) -> None:
    assert make_rule("buying_power").check(buy("1", side=Side.SELL), view()).code == "short_on_spot"


def test_empty_cash_is_refused(make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]) -> None:
    assert make_rule("buying_power").check(buy("1"), view(available=Decimal(-3))).outcome is Outcome.REFUSED


@given(quantity=st.decimals("0.1", "500", places=4), available=st.decimals("0", "20000", places=2))
def test_what_buying_power_lets_through_is_paid_for(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], quantity: Decimal, available: Decimal
) -> None:
    verdict = make_rule("buying_power").check(buy(str(quantity)), view(available=available))
    allowed = {Outcome.PASSED: quantity, Outcome.REDUCED: verdict.quantity, Outcome.REFUSED: Decimal(0)}
    assert allowed[verdict.outcome] * 100 * Decimal("1.001") <= available * (1 + Decimal("1e-8"))


@pytest.mark.parametrize(("before", "outcome"), [(118, "passed"), (119, "passed"), (120, "refused")])
def test_the_121st_order_of_a_minute_is_refused(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], before: int, outcome: str
) -> None:
    verdict = make_rule("order_rate").check(buy("1"), view(orders_last_minute=before))
    assert (verdict.outcome.value, verdict.numbers) == (outcome, (before + 1.0, 120.0))


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [("94.99", "refused"), ("95", "passed"), ("100.1", "passed"), ("105", "passed"), ("105.01", "refused")],
)
def test_limit_price_stays_within_five_per_cent_of_the_last(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], limit: str, outcome: str
) -> None:
    verdict = make_rule("price_collar").check(buy("1", limit_price=Decimal(limit)), view())
    assert verdict.outcome.value == outcome
    assert verdict.numbers == pytest.approx((abs(float(limit) / 100 - 1), 0.05))


def test_trigger_price_is_collared_too(make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]) -> None:
    request = buy("1", kind=OrderKind.STOP, limit_price=None, trigger_price=Decimal(106))
    assert make_rule("price_collar").check(request, view()).outcome is Outcome.REFUSED


@pytest.mark.parametrize(("late_s", "outcome"), [(0, "passed"), (60, "passed"), (60.5, "refused"), (9_000, "refused")])
def test_nobody_enters_on_what_came_late(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], late_s: float, outcome: str
) -> None:
    verdict = make_rule("price_age").check(buy("1"), view(late_ns=int(late_s * 1e9)))
    assert (verdict.outcome.value, verdict.numbers) == (outcome, (late_s, 60.0))


@pytest.mark.parametrize(("minimum", "outcome"), [(898.9, "passed"), (899.0, "passed"), (899.1, "reduced")])
def test_minimum_balance_of_the_account_stays_free(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], minimum: float, outcome: str
) -> None:
    """Of 10,000 are 8,100 in positions and open entries; 1,900 - 10 x 100 x 1.001 = 899 stay. The desk has 1,100."""
    account = view(
        available=Decimal(1100), account_exposure=8100.0, account_limits=AccountLimits(minimum_balance=minimum)
    )
    verdict = make_rule("minimum_balance").check(buy("10"), account)
    assert (verdict.outcome.value, verdict.numbers) == (outcome, pytest.approx((899.0, minimum)))


def test_minimum_balance_counts_what_margin_leaves_free(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    """Perpetuals worth 40,000 with 4,000 of margin: 6,000 are free, and 6,000 - 1,001 stay."""
    account = view(
        available=Decimal(6000), account_exposure=40_000.0, account_limits=AccountLimits(minimum_balance=4999.0)
    )
    verdict = make_rule("minimum_balance").check(buy("10"), account)
    assert (verdict.outcome, verdict.numbers) == (Outcome.PASSED, pytest.approx((4999.0, 4999.0)))


def test_minimum_balance_that_is_not_there_refuses(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    account = view(available=Decimal(500), account_exposure=9500.0, account_limits=AccountLimits(minimum_balance=600.0))
    assert make_rule("minimum_balance").check(buy("1"), account).outcome is Outcome.REFUSED


@pytest.mark.parametrize("unknown", [{"account_equity": nan}, {"account_exposure": nan}])
def test_minimum_balance_refuses_while_equity_is_unknown(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], unknown: dict[str, float]
) -> None:
    account = view(available=Decimal(5000), **unknown, account_limits=AccountLimits(minimum_balance=1.0))
    assert make_rule("minimum_balance").check(buy("1"), account).outcome is Outcome.REFUSED


@pytest.mark.parametrize("price", [0.0, -1.0, nan, inf])
@pytest.mark.parametrize("rule", ["exposure", "buying_power", "price_collar", "minimum_balance"])
def test_account_rules_that_need_a_price_refuse_without_one(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], rule: str, price: float
) -> None:
    account = view(price=price, account_limits=AccountLimits(minimum_balance=1.0))
    assert make_rule(rule).check(buy("1", **MARKET), account).outcome is Outcome.REFUSED


@pytest.mark.parametrize("equity", [0.0, -5.0, nan, inf])
def test_exposure_refuses_without_equity(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], equity: float
) -> None:
    assert make_rule("exposure").check(buy("1"), view(account_equity=equity)).outcome is Outcome.REFUSED
