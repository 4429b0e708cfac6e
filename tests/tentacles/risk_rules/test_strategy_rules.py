"""The strategy tier, at, just below and just above each limit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from loligo.api import SECOND_NS, ActionKind, DeskLimits, Outcome

NOON_NS = 1_700_049_600_000_000_000
HOUR_NS = 3600 * SECOND_NS


@pytest.mark.parametrize(
    ("strength", "outcome"), [(0.6999, "refused"), (0.7, "passed"), (0.7001, "passed"), (nan, "refused")]
)
def test_weak_signals_are_refused(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], strength: float, outcome: str
) -> None:
    assert make_rule("confidence").check(buy("1", strength=strength), view()).outcome.value == outcome


@pytest.mark.parametrize(("before", "outcome"), [(18, "passed"), (19, "passed"), (20, "refused")])
def test_the_21st_entry_of_a_day_is_refused(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], before: int, outcome: str
) -> None:
    verdict = make_rule("daily_trades").check(buy("1"), view(trades_today=before))
    assert (verdict.outcome.value, verdict.numbers) == (outcome, (before + 1.0, 20.0))


@pytest.mark.parametrize(("others", "outcome"), [(1, "passed"), (2, "passed"), (3, "refused")])
def test_the_fourth_position_is_refused(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], others: int, outcome: str
) -> None:
    verdict = make_rule("open_positions").check(buy("1"), view(open_positions=others))
    assert (verdict.outcome.value, verdict.numbers) == (outcome, (others + 1.0, 3.0))


@pytest.mark.parametrize("counted", [{"position": Decimal(1)}, {"pending_entries": Decimal(1)}])
def test_adding_to_a_counted_position_opens_nothing_new(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], counted: dict[str, Decimal]
) -> None:
    verdict = make_rule("open_positions").check(buy("1"), view(open_positions=3, **counted))
    assert (verdict.outcome, verdict.numbers) == (Outcome.PASSED, (3.0, 3.0))


@pytest.mark.parametrize(("elapsed_s", "outcome"), [(599, "refused"), (600, "passed"), (601, "passed")])
def test_cooldown_holds_after_leaving_an_instrument(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], elapsed_s: int, outcome: str
) -> None:
    left = view(limits=DeskLimits(cooldown_s=600), left_instrument_at_ns=NOON_NS - elapsed_s * SECOND_NS)
    verdict = make_rule("cooldown").check(buy("1"), left)
    assert (verdict.outcome.value, verdict.numbers) == (outcome, (float(elapsed_s), 600.0))


def test_cooldown_does_not_hold_before_the_first_position(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any]
) -> None:
    assert make_rule("cooldown").check(buy("1"), view(limits=DeskLimits(cooldown_s=600))).outcome is Outcome.PASSED


@pytest.mark.parametrize(("losses", "acts"), [(2, False), (3, True), (4, True)])
def test_three_losses_in_a_row_pause_for_a_day(
    make_rule: Callable[..., Any], view: Any, buy: Any, closed_trade: Callable[..., Any], losses: int, acts: bool
) -> None:
    action = make_rule("loss_streak").on_trade_closed(closed_trade(), view(consecutive_losses=losses))
    assert (action is not None) is acts
    if acts:
        assert (action.kind, action.numbers) == (ActionKind.PAUSE, (float(losses), 3.0))
        assert action.until_ns == NOON_NS + 24 * HOUR_NS


def test_loss_pause_of_zero_lasts_until_a_person_resumes(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], closed_trade: Callable[..., Any]
) -> None:
    rule, desk = make_rule("loss_streak"), view(consecutive_losses=3, limits=DeskLimits(loss_pause_s=0))
    assert rule.on_trade_closed(closed_trade(), desk).until_ns == 0
    assert rule.check(buy("1"), desk).outcome is Outcome.PASSED  # the engine holds the pause


def test_fourth_stop_within_a_day_pauses_for_six_hours(
    make_rule: Callable[..., Any], view: Any, closed_trade: Callable[..., Any]
) -> None:
    rule = make_rule("stop_guard")
    at_the_edge = tuple(NOON_NS - hours * HOUR_NS for hours in (24, 12, 6, 0))
    action = rule.on_trade_closed(closed_trade(), view(stop_times_ns=at_the_edge))
    assert (action.kind, action.numbers, action.until_ns) == (ActionKind.PAUSE, (4.0, 4.0), NOON_NS + 6 * HOUR_NS)
    too_old = (at_the_edge[0] - 1, *at_the_edge[1:])
    assert rule.on_trade_closed(closed_trade(), view(stop_times_ns=too_old)) is None


def test_a_trade_that_reached_its_target_starts_no_stop_guard(
    make_rule: Callable[..., Any], view: Any, closed_trade: Callable[..., Any]
) -> None:
    stops = (NOON_NS,) * 5
    assert make_rule("stop_guard").on_trade_closed(closed_trade(exit_role="target"), view(stop_times_ns=stops)) is None


@pytest.mark.parametrize(("net", "outcome"), [(-499.0, "passed"), (-500.0, "refused"), (-501.0, "refused")])
def test_instrument_that_lost_five_per_cent_of_equity_is_locked(
    make_rule: Callable[..., Any],
    view: Any,
    buy: Callable[..., Any],
    closed_trade: Callable[..., Any],
    net: float,
    outcome: str,
) -> None:
    rule, desk = make_rule("instrument_lock"), view(results=((NOON_NS, net),))
    assert rule.on_trade_closed(closed_trade(), desk) is None  # the desk's other instruments trade on
    assert rule.check(buy("1"), desk).outcome.value == outcome


def test_instrument_lock_ends_after_a_day_and_survives_a_restart(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], closed_trade: Callable[..., Any]
) -> None:
    rule, restarted = make_rule("instrument_lock"), make_rule("instrument_lock")
    rule.on_trade_closed(closed_trade(), view(results=((NOON_NS, -600.0),)))
    restarted.restore_state(rule.export_state())
    verdict = restarted.check(buy("1"), view(ts=NOON_NS + 24 * HOUR_NS - 1))
    assert (verdict.outcome, verdict.numbers) == (Outcome.REFUSED, (-0.06, -0.05))
    assert restarted.check(buy("1"), view(ts=NOON_NS + 24 * HOUR_NS)).outcome is Outcome.PASSED
    assert restarted.check(buy("1", instrument="test:ETH/USD"), view()).outcome is Outcome.PASSED


def test_instrument_lock_forgets_losses_older_than_a_week(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], closed_trade: Callable[..., Any]
) -> None:
    rule = make_rule("instrument_lock")
    rule.on_trade_closed(closed_trade(), view(results=((NOON_NS - 7 * 24 * HOUR_NS - 1, -900.0), (NOON_NS, -2.0))))
    assert rule.check(buy("1"), view()).outcome is Outcome.PASSED
