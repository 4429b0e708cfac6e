"""Saves a watched tentacle in every way that people do, and counts what was loaded that nobody had ever written.

A load is torn when its tree hash is none of those of the versions that were written as a whole.
"""

from __future__ import annotations

import queue
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loligo.registry.tree import tree_hash
from loligo_kit.watcher import Change, Watched, Watcher
from tests.benchmarks.measures import Figure
from tests.fakes import savers

ROUNDS = 3
WAYS: Sequence[tuple[savers.Saver, int]] = (  # and of how many files a version is
    *((savers.vim_steps, 2), (savers.atomic, 2), (savers.slow, 2), (savers.slower, 2), (savers.git_checkout, 12)),
    *((savers.copy, 20), (savers.old_dates_copy, 20), (savers.stalling_copy, 20), (savers.rsync_steps, 3)),
    *((savers.folder_swap, 5), *([(savers.vim, 2), (savers.vim_in_place, 2)] if shutil.which("vim") else [])),
)


@dataclass(slots=True)
class Saving:
    """A tentacle's folder that versions are saved into, and what a watcher reported of it."""

    folder: Path
    known: dict[str, int] = field(default_factory=dict)  # the hash of every version written as a whole
    reports: queue.Queue[tuple[float, Change]] = field(default_factory=queue.Queue)
    loads: list[str] = field(default_factory=list)  # tree hashes, in the order of the reports

    def heard(self, change: Change) -> None:
        """Take a report in, on the watcher's thread."""
        self.loads.append(change.tree_hash)
        self.reports.put((time.time(), change))

    def save(self, saver: savers.Saver, files: Mapping[str, bytes]) -> None:
        self.known.setdefault(tree_hash(files), len(self.known))
        saver(self.folder, files)

    def live_after_s(self, files: Mapping[str, bytes]) -> float:
        """Wait for the report of these files; return how long after the last write to the folder it came."""
        while True:
            reported_at, change = self.reports.get(timeout=15)
            if change.files == files:
                return reported_at - self._last_write()

    def torn(self) -> list[str]:
        return [load for load in self.loads if load not in self.known]

    def _last_write(self) -> float:
        """The newest change of a file or folder; git's own files are not ours."""
        paths = [self.folder, *(path for path in self.folder.iterdir() if path.name != ".git")]
        return max(path.stat().st_ctime for path in paths)


def save_in_turn(
    home: Path, saver: savers.Saver, count: int, rounds: int, *, settle_s: float = 0.25
) -> tuple[Saving, list[float]]:
    """Save `rounds` versions of `count` files in one way, each after the report of the one before."""
    saving = Saving(home / "tentacles" / "evaluators" / "saved")
    saving.folder.mkdir(parents=True)
    lived = []
    with Watcher(Watched(trees=[home / "tentacles"]), saving.heard, settle_s=settle_s):
        for number in range(rounds + 1):
            files = savers.version(number, count)
            saving.save(saver if number else savers.copy, files)
            lived.append(saving.live_after_s(files))
    return saving, lived[1:]


def reload_torn(_folder: Path | None = None) -> list[Figure]:
    """Torn loads over every way of saving; beside it those of a watcher that does not let a save settle."""
    saves, torn, naive, naive_loads = 0, 0, 0, 0
    lived: list[float] = []
    for saver, count in WAYS:
        with tempfile.TemporaryDirectory() as home:
            saving, took = save_in_turn(Path(home), saver, count, ROUNDS)
        saves, torn, lived = saves + len(took), torn + len(saving.torn()), lived + took
        print(
            f"  {saver.__name__:15} {len(took)} saves, {len(saving.torn())} torn, live after {max(took) * 1e3:.0f} ms"
        )
        with tempfile.TemporaryDirectory() as home:
            saving, _ = save_in_turn(Path(home), saver, count, 1, settle_s=0.001)
        naive, naive_loads = naive + len(saving.torn()), naive_loads + len(saving.loads)
    median_ms, max_ms = statistics.median(lived) * 1e3, max(lived) * 1e3
    note = f"{saves} saves, live {median_ms:.0f} ms (max {max_ms:.0f}) after the last write"
    print(f"  {note}; hardly settled: {naive} of {naive_loads} loads torn")
    if naive == 0:
        raise SystemExit("reload_torn: even without settling nothing was torn, so the saves prove nothing")
    return [Figure("reload_torn", torn, "loads", note)]


if __name__ == "__main__":
    reload_torn()
