"""Which days and instruments holding, and the closed trades of an A/B test, are of."""

from __future__ import annotations

from collections.abc import Sequence

from loligo.config import DeskConfig
from loligo.model.timeframe import DAY_NS
from loligo_lab.experiment import Day


def span_of(days: Sequence[Day]) -> tuple[int, int]:
    """Return after which instant a test counts, and until which; nothing does between them without days."""
    return (days[0].opened_at_ns, days[-1].opened_at_ns + DAY_NS) if days else (0, 0)


def instants_of(days: Sequence[Day]) -> list[int]:
    """Return the start of a test, and the close of each of its days."""
    return [*(day.opened_at_ns for day in days[:1]), *(day.opened_at_ns + DAY_NS for day in days)]


def instruments_of(desk: DeskConfig) -> list[str]:
    """Return all that a desk trades, as VENUE:SYMBOL."""
    return [f"{desk.venue}:{symbol}" for symbol in desk.instruments]
