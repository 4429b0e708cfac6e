"""The sample risk rule at hours of the day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from loligo.api import MakeContext, OrderRequest, Outcome, RiskView, Side, ns_from_iso

from .logic import Sample, Settings

ENTRY = OrderRequest(instrument="test:BTC/USD", side=Side.BUY, quantity=Decimal(1))


@dataclass(frozen=True)
class FilledView:
    """What the rule looks at, of all that it is shown."""

    ts: int


def outcome(time: str) -> Outcome:
    rule = Sample(Settings(first_hour=6, last_hour=21), MakeContext())
    return rule.check(ENTRY, cast(RiskView, FilledView(ns_from_iso(f"2026-01-01T{time}Z")))).outcome


def test_entries_pass_from_the_first_minute_of_the_first_hour_to_the_last_of_the_last() -> None:
    assert [outcome("06:00:00"), outcome("21:59:59")] == [Outcome.PASSED, Outcome.PASSED]


def test_entries_before_and_after_are_refused() -> None:
    assert [outcome("05:59:59"), outcome("22:00:00")] == [Outcome.REFUSED, Outcome.REFUSED]
