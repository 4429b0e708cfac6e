"""Tells when a tentacle's folder or a single file has come to rest with a new content, and hands that content over.

Events only say that something moved. Then every watched place is looked at, and one that differs is looked at again
until it has been quiet long enough (`loligo_files.settling`); its bytes are read between two equal looks, and reported
when their hash is not the one reported last. So neither a content under way is reported, nor a touch or a save that
changed nothing.

What events do not tell (a queue that overflowed, a mount that has none) is found by a look at everything each
`rescan_s`. Where a probe file brings no event, or the system refuses to watch, everything is looked at each `poll_s`.
Watching runs in a thread of its own, which also calls `on_change`; after `close` no thread of it is left.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loligo.log import get_logger
from loligo.registry.manifest import MANIFEST_FILE
from loligo.registry.tree import is_content, tree_hash
from loligo_files.settling import Settling
from loligo_files.snapshot import Place

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

    from loligo_files.events import FileEvents, Names

Mode = Literal["auto", "events", "polling"]
_TENTACLE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_log = get_logger("registry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a watched place holds now. `files` is empty and `tree_hash` "" when it is gone, or `fault` says why not."""

    path: Path  # of the tentacle's folder, or of the single file
    files: Mapping[str, bytes]  # by path in the folder, with "/"; a single file by its name
    tree_hash: str
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What to watch, by absolute paths. A folder is a tentacle's as long as it holds a manifest."""

    trees: Sequence[Path] = ()  # each holds KIND/NAME folders; new ones are found
    folders: Sequence[Path] = ()
    files: Sequence[Path] = ()

    def found(self) -> list[Path]:
        """Return every path that is there or may come."""
        manifests = [path for tree in self.trees for path in sorted(tree.glob(f"*/*/{MANIFEST_FILE}"))]
        named = [path.parent for path in manifests if all(map(_TENTACLE_NAME.fullmatch, path.parts[-3:-1]))]
        return [*self.folders, *self.files, *named]

    def to_hear(self) -> dict[Path, Names]:
        """Return the folders whose events tell of these paths. Links are followed: a linked tentacle counts."""
        trees = [Path(os.path.realpath(tree)) for tree in self.trees]
        real = [Path(os.path.realpath(path)) for path in self.found() if path not in self.files]
        roots: dict[Path, Names] = {}
        linked = [Path(os.path.realpath(file)) for file in self.files if file.is_symlink()]
        for file in [*self.files, *linked]:
            roots[file.parent] = roots.get(file.parent, frozenset()) | {file.name}
        outside = [path for path in real if not any(map(path.is_relative_to, trees))]
        return roots | dict.fromkeys([*trees, *outside], frozenset())


class Watcher:
    """Watches from `start` to `close`, or as a context.

    The first look reports what differs from `known`, tree hashes by path. `on_change` is called from the watcher's
    thread, for one path at a time; what it raises is logged. `mode` says what is in use once that is known.
    """

    def __init__(
        self,
        watched: Watched,
        on_change: Callable[[Change], object],
        *,
        known: Mapping[Path, str] | None = None,
        settle_s: float = 0.25,
        rescan_s: float = 10.0,
        poll_s: float = 1.0,
        mode: Mode = "auto",
        make_observer: Callable[[], BaseObserver] | None = None,
    ) -> None:
        self.mode: Mode = mode
        self._watched, self._on_change, self._make_observer = watched, on_change, make_observer
        self._settle_s, self._rescan_s, self._poll_s = settle_s, rescan_s, poll_s
        self._reported = dict(known or {})  # the hash or fault reported last
        self._settling = {path: self._unseen(path) for path in self._reported}
        self._events: FileEvents | None = None
        self._rescan_at, self._calm_until = 0.0, 0.0
        self._begun = self._ended = 0  # looks at everything
        self._poked, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="loligo-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End watching; a report under way is finished first. Not to be called from `on_change`."""
        self._closing.set()
        self._poked.set()
        self._thread.join()

    def calm(self, limit_s: float, but_for: Collection[Path] = ()) -> int:
        """Look at everything, wait until all has come to rest, and return how often anything has moved so far: what is
        read between two equal answers is whole. TimeoutError names what is still under way. `but_for` are paths that
        are known to be whole and may move."""
        asked, until = self._begun, time.monotonic() + limit_s
        self._poked.set()
        while self._ended <= asked or self._moving(but_for):
            if time.monotonic() > until or self._closing.is_set():
                raise TimeoutError(", ".join(self._moving(but_for)) or "the files that are watched")
            time.sleep(0.005)
        return sum(settling.moves for settling in list(self._settling.values()))

    def _moving(self, but_for: Collection[Path]) -> list[str]:
        places = list(self._settling.items())
        return [str(path) for path, settling in places if settling.due is not None and path not in but_for]

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _run(self) -> None:
        wait_s = 0.0
        try:
            self._listen()
            while not self._closing.is_set():
                try:
                    wait_s = self._step()
                except Exception as exc:
                    _log.error("watching files failed and goes on", exc_info=exc)
                    wait_s = self._poll_s
                self._poked.wait(wait_s)
        finally:
            if self._events is not None:
                self._events.stop()

    def _listen(self) -> None:
        """Hear events, by the wish of `mode` and as far as the system brings them; else poll."""
        if self.mode == "polling":
            return
        from loligo_files.events import FileEvents  # loads watchdog, 60 ms that only a watching bot pays

        heard = self._events or FileEvents(self._poked.set, *filter(None, [self._make_observer]))
        try:
            heard.start(self._watched.to_hear())
            fault = heard.silence() if self.mode == "auto" else ""
        except OSError as exc:
            fault = exc.strerror or str(exc)
        if fault:
            heard.stop()
            _log.warning("file events do not arrive, so files are polled", reason=fault, every_s=self._poll_s)
        self._events, self.mode = (None, "polling") if fault else (heard, "events")
        self._poked.set()  # for what changed before events were heard

    def _step(self) -> float:
        """Do what is due and return the seconds until something is."""
        if self._poked.is_set():
            self._poked.clear()
            self._rescan_at = min(self._rescan_at, self._calm_until)
        if time.monotonic() >= self._rescan_at:
            self._rescan()
        for path, settling in self._settling.items():
            if settling.due is not None and settling.due <= time.monotonic():
                self._take(path, settling)
        dues = [settling.due for settling in self._settling.values() if settling.due is not None]
        return max(0.0, min([self._rescan_at, *dues]) - time.monotonic())

    def _rescan(self) -> None:
        """Look at everything."""
        began = time.monotonic()
        self._begun += 1
        roots = self._watched.to_hear()
        if self._events is not None and not self._events.is_intact(roots):
            self._listen()
        for path in self._watched.found():
            self._settling.setdefault(path, self._unseen(path))
        for settling in self._settling.values():
            settling.look()
        ended = time.monotonic()
        self._calm_until = ended + 5 * (ended - began)  # however many events come, a sixth of one core at most
        is_heard = self._events is not None and all(root.is_dir() for root in roots)
        self._rescan_at = ended + (self._rescan_s if is_heard else self._poll_s)
        self._ended += 1

    def _take(self, path: Path, settling: Settling) -> None:
        taken = settling.take(trust_clock=self._events is not None)
        if taken is None:
            return
        files, fault = taken
        if path not in self._watched.files and MANIFEST_FILE not in files:
            files = {}
        found_hash = tree_hash(files) if files else ""
        if (fault or found_hash) != self._reported.get(path, ""):
            self._reported[path] = fault or found_hash
            self._on_change(Change(path=path, files=files, tree_hash=found_hash, fault=fault))

    def _unseen(self, path: Path) -> Settling:
        is_file = path in self._watched.files
        place = Place(str(path.parent), path.name) if is_file else Place(str(path), "", is_content)
        return Settling(place, self._settle_s)
