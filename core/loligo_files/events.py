"""What the operating system tells of changing files, as one hint: something moved, look again.

Paths in events are not relied upon: watchdog loses its count of folders when two of them are exchanged, and loses
events when a queue overflows. So a hint says only that something happened, and `is_intact` says when to start anew.
Importing this module loads watchdog.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

PROBE_LIMIT_S = 1.0
Names = frozenset[str]  # the files that count in a folder; none: all of them, at any depth

_FOLDER_MOVES = (events.DirMovedEvent, events.DirDeletedEvent)
_FILTER: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,
    events.FileDeletedEvent,
    events.FileClosedEvent,  # after writing; neither Opened nor ClosedNoWrite, which our own reading brings
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
]


class FileEvents:
    """Calls `poke`, from a thread of its own, soon after something in a watched folder changed."""

    def __init__(self, poke: Callable[[], None], make_observer: Callable[[], BaseObserver] = Observer) -> None:
        self._poke, self._make_observer = poke, make_observer
        self._observer: BaseObserver | None = None
        self._alarm = _Alarm(poke)
        self._watched: dict[Path, tuple[int, int]] = {}
        self._has_moved = False  # a watched folder was renamed or removed: watchdog's tables are in doubt
        self._probe_heard = threading.Event()
        self._probe = f".#loligo-{os.getpid()}-{id(self):x}"  # named as an editor's lock, which is nowhere content

    def start(self, folders: Mapping[Path, Names]) -> None:
        """Watch these folders, in place of those before; missing ones are left out. OSError when the system refuses."""
        self.stop()
        self._has_moved, self._watched = False, _identities(folders)
        self._observer = self._make_observer()
        self._observer.start()
        logging.getLogger("watchdog").addHandler(self._alarm)
        warnings.filterwarnings(
            "ignore", "Callback with id", RuntimeWarning
        )  # 7.1 meets a new subfolder twice, harmless
        for folder in self._watched:
            names = folders[folder]
            with suppress(FileNotFoundError, NotADirectoryError):  # gone since: `is_intact` will say so
                self._observer.schedule(_Handler(self, names), str(folder), recursive=not names, event_filter=_FILTER)

    def is_intact(self, folders: Mapping[Path, Names]) -> bool:
        """Say whether exactly these folders are watched, each still the one that stood there at the start."""
        threads = [self._observer, getattr(self._observer, "_inotify_fd", self._observer)]
        is_alive = all(thread is not None and thread.is_alive() for thread in threads)
        return is_alive and not self._has_moved and self._watched == _identities(folders)

    def silence(self) -> str:
        """Write a probe file into one watched folder of each file system; return why one brings no event, or ""."""
        for folder in {device: folder for folder, (device, _inode) in self._watched.items()}.values():
            self._probe_heard.clear()
            probe = folder / self._probe
            try:
                probe.write_bytes(b"")
                probe.unlink()
            except OSError as exc:
                return f"{folder}: cannot try it: {exc.strerror}"
            if not self._probe_heard.wait(PROBE_LIMIT_S):
                return f"{folder}: a file written there brought no event within {PROBE_LIMIT_S:g} s"
        return ""

    def stop(self) -> None:
        """End every thread of watchdog's."""
        logging.getLogger("watchdog").removeHandler(self._alarm)
        observer, self._observer = self._observer, None
        if observer is None:
            return
        for emitter in observer.emitters:
            emitter.stopped_event.set()
            _release(getattr(emitter, "_inotify", None))
        observer.stop()
        observer.join()

    def hear(self, event: events.FileSystemEvent, names: Names) -> None:
        """Take one event in, on watchdog's thread."""
        touched = {os.path.basename(os.fsdecode(path)) for path in (event.src_path, event.dest_path)}
        if self._probe in touched:
            self._probe_heard.set()
            return
        is_move = isinstance(event, _FOLDER_MOVES)
        self._has_moved = self._has_moved or is_move
        if is_move or not names or names & touched:
            self._poke()


class _Handler(events.FileSystemEventHandler):
    def __init__(self, owner: FileEvents, names: Names) -> None:
        self._owner, self._names = owner, names

    def dispatch(self, event: events.FileSystemEvent) -> None:
        self._owner.hear(event, self._names)


class _Alarm(logging.Handler):
    """A warning of watchdog's, such as the overflow of its queue, means that events were lost."""

    def __init__(self, poke: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._poke = poke

    def emit(self, record: logging.LogRecord) -> None:
        self._poke()


def _release(group: object) -> None:
    """Let go of a folder's watches, so that `stop` finds nothing to fail at.

    After an exchange of folders watchdog 7.1 meets an entry twice, raises KeyError and would leave its threads behind;
    each try takes at least one entry away.
    """
    while (deactivate := getattr(group, "deactivate", None)) is not None:
        with suppress(KeyError):
            deactivate()
            return


def _identities(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return device and inode of every folder that is there."""
    found: dict[Path, tuple[int, int]] = {}
    for folder in folders:
        with suppress(OSError):
            status = folder.stat()
            found[folder] = (status.st_dev, status.st_ino)
    return found
