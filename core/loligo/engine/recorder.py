"""Recorder: numbers the consequences of the input at hand and keeps them in order.

Each event's seq is the record's seq plus its place in the record, so numbers need no counter of their own. Failures of
tentacles pass through here too, because a failure is an event like any other and is counted per tentacle.
"""

from __future__ import annotations

from typing import Any, TypeVar

from loligo.model.events import Consequence, Event, TentacleFailed

_E = TypeVar("_E", bound=Event)


class Recorder:
    """Collects the events of one `Engine.process` call, which sets both: `first_seq` is that of the first event."""

    __slots__ = ("events", "failures", "first_seq")

    def __init__(self) -> None:
        self.events: list[Consequence] = []
        self.first_seq = 1
        self.failures: dict[str, int] = {}

    def emit(self, kind: type[_E], ts: int, cause: int, desk: str, *fields: Any) -> _E:
        """Append an event and return it. Hot loops build theirs themselves, in the same way."""
        event = kind(self.first_seq + len(self.events), ts, cause, desk, *fields)
        self.events.append(event)  # type: ignore[arg-type]
        return event

    def failed(
        self, ts: int, cause: int, desk: str, tentacle: str, call: str, error: Exception | str
    ) -> TentacleFailed:
        """Record that `tentacle` raised in `call` (or gave an answer out of bounds) and count it."""
        count = self.failures[tentacle] = self.failures.get(tentacle, 0) + 1
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        return self.emit(TentacleFailed, ts, cause, desk, tentacle, call, text[:500], count)
