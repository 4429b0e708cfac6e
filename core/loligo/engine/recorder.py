"""Recorder: numbers the consequences of the input at hand and keeps them in order.

Each event's seq is the record's seq plus its place in the record, so numbers need no counter of their own. Failures of
tentacles pass through here too, because a failure is an event like any other and is counted per tentacle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from loligo.engine.interruption import Bind, as_made
from loligo.errors import TentacleInterrupted
from loligo.model.events import Consequence, Event, TentacleFailed

_E = TypeVar("_E", bound=Event)


class Now:
    """The engine's clock: the instant of the input at hand."""

    __slots__ = ("late_ns", "ts")

    def __init__(self) -> None:
        self.ts = self.late_ns = 0  # the latter: by how much that input came late


class Recorder:
    """Collects the events of one `Engine.process` call, which sets both: `first_seq` is that of the first event.

    `bind` is how calls of tentacles are bound now, `rewire` binds all of them anew.
    """

    __slots__ = ("bind", "events", "failures", "first_seq", "now", "rewire")

    def __init__(self, now: Now | None = None, rewire: Callable[[], None] = lambda: None) -> None:
        self.now = now or Now()
        self.rewire = rewire
        self.events: list[Consequence] = []
        self.first_seq = 1
        self.failures: dict[str, int] = {}
        self.bind: Bind = as_made

    def emit(self, kind: type[_E], ts: int, cause: int, desk: str, *fields: Any) -> _E:
        """Append an event and return it. Hot loops build theirs themselves, in the same way."""
        event = kind(self.first_seq + len(self.events), ts, cause, desk, *fields)
        self.events.append(event)  # type: ignore[arg-type]
        return event

    def failed(
        self,
        ts: int,
        cause: int,
        desk: str,
        tentacle: str,
        call: str,
        error: BaseException | str,
        renew: Callable[[], None] | None = None,
    ) -> TentacleFailed:
        """Record that `tentacle` raised in `call` (or gave an answer out of bounds) and count it.

        `renew` puts a fresh instance in its place after an interruption.
        """
        is_interrupted = isinstance(error, TentacleInterrupted)
        if is_interrupted and renew is not None:
            renew()
        count = self.failures[tentacle] = self.failures.get(tentacle, 0) + 1
        text = str(error) if is_interrupted or isinstance(error, str) else f"{type(error).__name__}: {error}"
        return self.emit(TentacleFailed, ts, cause, desk, tentacle, call, text[:500], count, is_interrupted)
