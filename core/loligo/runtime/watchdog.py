"""Watchdog: sees a tentacle's call that does not return, ends it, and ends the process where that cannot be done.

A thread of its own looks every 0.1 s at the frames of the engine's thread. A call is known by its outermost frame in a
tentacle's module, so the engine writes nothing down and pays nothing. What follows, in this order:

1. After `timeout_s`, or 0.2 s while a person's panic waits, `TentacleInterrupted` is raised in the call. The engine
   makes a failure of it. A tentacle that swallows it gets it again after the same time.
2. After four times `timeout_s` the process ends with exit code 70. Python raises only between two instructions, and
   code in C that never comes back (a read without a timeout, a long sleep) lets it get to none. The journal is whole,
   as after a power cut.
3. Code in C that also keeps the interpreter's lock (a regular expression that backtracks) holds up this thread, too.
   Then the kernel ends the process by SIGPROF after that much computing time, with every stack on standard error.

Only time in which this process ran counts: after it was suspended no tentacle is to blame. An interruption that comes
when the call has just returned is taken back, or ends the run: it never passes for somebody else's failure.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from traceback import format_stack, walk_stack
from types import FrameType
from typing import NamedTuple

from loligo.errors import TentacleInterrupted
from loligo.log import get_logger
from loligo.model.timeframe import SECOND_NS, iso

INTERVAL_S = 0.1  # between two looks
SHOWN_AFTER_S = 1.0  # a call that lasts longer is told as hung
PANIC_LIMIT_S = 0.2
GIVE_UP_FACTOR = 4  # times `timeout_s`
EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h

_log = get_logger("watchdog")


class Hang(NamedTuple):
    """A tentacle's call that does not return: whose, where it is now, since when (ISO 8601)."""

    tentacle: str
    place: str
    since: str


@dataclass(slots=True, kw_only=True)
class Watchdog:
    """Watches one thread."""

    thread: threading.Thread
    namespace: str  # package in which tentacles live
    timeout_s: float
    has_panic: Callable[[], bool]  # whether a person's panic waits
    end_process: Callable[[int], object] = os._exit
    on_look: Callable[[str], object] = lambda _: None  # hears at each look whose call is at work, "" when nobody's
    hang: Hang | None = None
    _call: FrameType | None = None  # held, so that no other frame can be taken for it
    _lasted_s: float = 0.0  # since the call began
    _waited_s: float = 0.0  # since its last interruption

    def start(self) -> None:
        """Watch until the thread ends."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        if sys.__stderr__ is not None:
            faulthandler.register(signal.SIGPROF, file=sys.__stderr__, all_threads=True, chain=True)
        before_s = time.monotonic()
        try:
            while self.thread.is_alive():
                signal.setitimer(signal.ITIMER_PROF, GIVE_UP_FACTOR * self.timeout_s)
                self.thread.join(INTERVAL_S)
                now_s = time.monotonic()
                self.look(min(now_s - before_s, 2 * INTERVAL_S))
                before_s = now_s
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def look(self, elapsed_s: float) -> None:
        """Look once; `elapsed_s` is the time since the last look."""
        frames = self._frames()
        call = frames[-1] if frames else None
        self.on_look(_tentacle_of(call) if call is not None else "")
        if call is None or call is not self._call:
            self._call, self._lasted_s, self._waited_s, self.hang = call, 0.0, 0.0, None
            return
        self._lasted_s += elapsed_s
        self._waited_s += elapsed_s
        has_panic = self.has_panic()
        is_due = self._waited_s >= (PANIC_LIMIT_S if has_panic else self.timeout_s)
        if is_due or self._lasted_s >= SHOWN_AFTER_S:
            self.hang = self._described(frames)
        if self.hang is not None and is_due:
            stack = "".join(format_stack(frames[0], limit=len(frames)))
            if self._lasted_s < GIVE_UP_FACTOR * self.timeout_s:
                self._interrupt(self.hang, "by a panic" if has_panic else f"after {self.timeout_s:g} s", stack)
            else:
                text = (
                    f"a tentacle hangs and cannot be interrupted: the process ends with {EXIT_CODE}, its journal whole"
                )
                _log.critical(text, **self.hang._asdict(), stack=stack)
                self.end_process(EXIT_CODE)

    def _frames(self) -> list[FrameType]:
        """Return the frames of the tentacle's call that is at work, innermost first; empty outside of one."""
        newest = sys._current_frames().get(self.thread.ident or 0)
        frames = [frame for frame, _ in walk_stack(newest)] if newest is not None else []
        while frames and not self._is_tentacles(frames[-1]):
            frames.pop()
        return frames

    def _is_tentacles(self, frame: FrameType) -> bool:
        return str(frame.f_globals.get("__name__")).startswith(self.namespace + ".")

    def _described(self, frames: list[FrameType]) -> Hang:
        innermost = next(frame for frame in frames if self._is_tentacles(frame))
        place = f"{Path(innermost.f_code.co_filename).name}, line {innermost.f_lineno}"
        return Hang(_tentacle_of(frames[-1]), place, iso(int(time.time() - self._lasted_s) * SECOND_NS))

    def _interrupt(self, hang: Hang, why: str, stack: str) -> None:
        self._waited_s = 0.0
        text = f"interrupted {why} in {hang.place}"
        # The interpreter makes the instance, and without arguments: so what it says is in the class.
        said = {"__str__": lambda _: text, "tentacle": hang.tentacle}
        kind = type("TentacleInterrupted", (TentacleInterrupted,), said)
        _raise(self.thread.ident, kind)
        if self._call not in self._frames():
            _raise(self.thread.ident, None)
            with suppress(kind):
                # CPython 3.11 and 3.12 unset their mark of "an interruption waits" only when one arrives. Left set, it
                # takes the time of every call and every turn of a loop, in all threads. So one arrives here.
                _raise(threading.get_ident(), kind)
                time.sleep(0)
            return
        _log.error(f"tentacle hangs and is {text}", tentacle=hang.tentacle, stack=stack)


def _raise(ident: int | None, kind: type[BaseException] | None) -> None:
    """Raise in a thread at its next Python instruction; None takes back what was not raised yet."""
    wanted = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident or 0), wanted)


def _tentacle_of(frame: FrameType) -> str:
    """Return kind and name of the tentacle whose code this is, such as "strategy_by_clock"."""
    name: str = frame.f_globals["__name__"]
    return name.split(".")[1].rpartition("__")[0]  # without the hash
