"""What an outbox writes into its store, also while that cannot be written: the disk is full, or another program has it.

What must hold: a fault of the store is no fault of a page. It is waited out, and told once when it begins and once when
it ends; what is cancelled meanwhile leaves the attempt under way to `ended`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from loligo.api import Clock
from loligo_notify.clock import backed_off_s, wait_s

_FAULTS = (sqlite3.Error, OSError)


class Writing:
    """Writes of one outbox; each takes the name of the destination that it is about."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock, self._log = clock, log
        self._under_way: set[asyncio.Future[None]] = set()

    async def done(self, name: str, write: Callable[[], None]) -> None:
        """Write in a thread, again and again until it works; a write may be repeated, so it must do no harm twice."""
        failures = 0
        while (fault := await self._attempted(write)) is not None:
            failures += 1
            if failures == 1:
                self._log.error("the outbox cannot be written, its messages wait", place=name, error=_said(fault))
            await wait_s(self._clock, backed_off_s(failures))
        if failures:
            self._log.info("the outbox can be written again", place=name, failures=failures)

    async def _attempted(self, write: Callable[[], None]) -> Exception | None:
        attempt = asyncio.ensure_future(asyncio.to_thread(write))
        self._under_way.add(attempt)
        attempt.add_done_callback(self._has_ended)
        try:
            await asyncio.shield(attempt)
        except _FAULTS as exc:
            return exc
        return None

    def _has_ended(self, attempt: asyncio.Future[None]) -> None:
        self._under_way.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()  # heard, also when nobody waits for it any more

    async def ended(self) -> None:
        """Return when no attempt is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def last(self, name: str, write: Callable[[], None]) -> None:
        """Write at once and only once, for one who is ending and can wait for nothing."""
        try:
            write()
        except _FAULTS as exc:
            self._log.error("the outbox could not be written at the end", place=name, error=_said(exc))


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}"
