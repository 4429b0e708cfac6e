"""When a place has come to rest, so that its content can be taken whole.

How long it must be quiet: `settle_s` after a change of one file, three times that after a change of several (a copy may
stall between two), and twenty times that while a file is open for writing or has a temporary name. Quiet time counts
from when the place was first seen as it is or, where the file system's clock is ours, from its newest stamp.

What no file system tells: that a copy which stands still for longer between two files, with none open, will go on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from loligo_files.snapshot import Look, Place

SEVERAL, UNDER_WAY = 3, 20  # times settle_s


@dataclass(slots=True)
class Settling:
    """What is known of one place; times are monotonic seconds."""

    place: Place
    settle_s: float
    due: float | None = field(default_factory=time.monotonic)  # when to look again, if at all
    seen: Look = field(default_factory=Look)
    seen_since: float = field(default_factory=time.monotonic)  # when it was first seen as it is
    moves: int = 0  # how often it was seen to have changed
    settled: Look | None = None  # how it was when its content was last taken

    def look(self) -> None:
        """See how the place is now. What differs, or waits to be taken, is due at once."""
        before, self.seen = self.seen, self.place.look()
        now = time.monotonic()
        if self.seen != before:
            self.seen_since = self.due = now
            self.moves += 1
        elif self.due is not None:
            self.due = now

    def take(self, *, trust_clock: bool) -> tuple[dict[str, bytes], str] | None:
        """Return the content and why it cannot be read, one of them empty; None when there is nothing new, or not yet.

        In the latter case `due` is set.
        """
        self.look()
        self.due = None
        if self.seen == self.settled:
            return None
        lacks_s = self._lacks_s(trust_clock)
        files, fault = None, ""
        if lacks_s <= 0:
            lacks_s = self.settle_s
            try:
                files = self.place.read(self.seen)
            except OSError as exc:
                files, fault = {}, str(exc)
        if files is None:
            self.due = time.monotonic() + lacks_s
            return None
        self.settled = self.seen
        return files, fault

    def _lacks_s(self, trust_clock: bool) -> float:
        """Return how much longer the place must stay quiet before it is worth another look, `settle_s` at most."""
        quiet_s = time.monotonic() - self.seen_since
        if trust_clock and self.seen.newest_ns:
            quiet_s = max(quiet_s, (time.time_ns() - self.seen.newest_ns) / 1e9)
        if quiet_s < self.settle_s:
            return self.settle_s - quiet_s
        changed = self.seen.changed_since(self.settled or Look())
        factor = 1 if len(changed) == 1 else SEVERAL
        if quiet_s < UNDER_WAY * self.settle_s and self.place.is_being_written(changed & self.seen.stamps.keys()):
            factor = UNDER_WAY
        return min(factor * self.settle_s - quiet_s, self.settle_s)
