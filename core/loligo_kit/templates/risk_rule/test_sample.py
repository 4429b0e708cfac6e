"""The sample risk rule: at hours of the day, and among the rules of a desk."""

from __future__ import annotations

from decimal import Decimal

from loligo.api import Direction, MakeContext, OrderRequest, Outcome, Side, ns_from_iso
from loligo_testing import FilledRiskView, SimulatedDesk, tape

from .logic import Sample, Settings

ENTRY = OrderRequest(instrument="test:BTC/USD", side=Side.BUY, quantity=Decimal(1))


def outcome(time: str) -> Outcome:
    rule = Sample(Settings(first_hour=6, last_hour=21), MakeContext())
    return rule.check(ENTRY, FilledRiskView(ts=ns_from_iso(f"2026-01-01T{time}Z"))).outcome


def test_entries_pass_from_the_first_minute_of_the_first_hour_to_the_last_of_the_last() -> None:
    assert [outcome("06:00:00"), outcome("21:59:59")] == [Outcome.PASSED, Outcome.PASSED]


def test_entries_before_and_after_are_refused() -> None:
    assert [outcome("05:59:59"), outcome("22:00:00")] == [Outcome.REFUSED, Outcome.REFUSED]


def test_on_a_desk_an_early_entry_is_refused_and_a_later_one_is_made() -> None:
    early_and_late = {2: Direction.LONG, 8: Direction.LONG}  # the tape begins at midnight, its candle 2 closes at 3:00
    desk = SimulatedDesk(rules=[lambda context: Sample(Settings(), context)], signals=early_and_late)
    run = desk.run(tape.closes([100.0] * 12))
    assert [refusal.numbers for refusal in run.refusals] == [(3.0, 6.0, 21.0)]
    assert run.position > 0
