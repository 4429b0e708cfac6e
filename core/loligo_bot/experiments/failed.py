"""What the tentacles of an arm raised, day by day, as an arm's day tells it.

A version that only runs beside another one fails on its own account, and an evaluator, which several desks may read,
on that of none; one that fails on is taken off, which is a change of every arm that reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from loligo.model.events import TentacleFailed
from loligo.model.timeframe import DAY_NS, iso
from loligo_bot.health.quarantine import slot_of
from loligo_store.days import Row

KIND = "tentacle_failed"  # of incidents


@dataclass(slots=True)
class Failed:
    """The failures of all arms. Both arms are said to have failed alike where the words of a day are the same."""

    _days: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)  # the first in words, how many

    def add(self, event: TentacleFailed) -> None:
        slot = slot_of(event)
        if event.desk and slot:
            key = event.desk, (event.ts - 1) // DAY_NS
            first, count = self._days.get(key) or (f"{slot} in {event.call} at {iso(event.ts)}: {event.error}", 0)
            self._days[key] = first, count + 1

    def on(self, arm: str, day: int) -> str:
        """Return the failures of an arm on a day, "" for none."""
        first, count = self._days.get((arm, day), ("", 0))
        return f"{first} (the first of {count})" if count > 1 else first


def failed_of(incidents: Iterable[Row]) -> Failed:
    """Return the failures that the read model knows, oldest first."""
    found = Failed()
    for row in incidents:
        found.add(TentacleFailed(row["seq"], row["ts"], row["cause"], row["desk"], **row["fields"]))
    return found
