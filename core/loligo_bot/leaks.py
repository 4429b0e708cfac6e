"""Leak audit: whether versions of tentacles that were let go are gone, and who holds the ones that are not.

A version that is replaced is taken out of the import system at once; its instances, classes and functions die when
nobody has them any more. `LeakAudit` keeps weak references to them and looks once no swap has come for a while, on a
thread of its own: the collection that it needs takes the interpreter's lock, so it is not made once per swap. What is
alive then is told with its holder by a name that a person understands, and looked at again after the next swap.

Not seen: memory that code in C holds, and compiled libraries, which Python never unloads.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import signal
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loligo.host.finder import NAMESPACE, installed_finder
from loligo.log import get_logger

QUIET_S = 5.0  # without a swap, before it is looked
MAXIMUM_STEPS = 6  # from a class to who holds it
MAXIMUM_SEEN = 20_000  # objects on the way: beyond that nobody is named
_ABOUT = {"builtins", "types", "typing", "functools", "inspect", "_abc", "pluggy", "pydantic", "pydantic_core"}

_log = get_logger("leaks")


@dataclass(slots=True)
class LeakAudit:
    """Watches over the versions that were let go. `retire` belongs to one thread; the look has its own."""

    quiet_s: float = QUIET_S
    holders: dict[str, str] = field(default_factory=dict)  # of what is alive, by package: `leaking(holder)`
    _watched: dict[str, list[weakref.ref[Any]]] = field(default_factory=dict)
    _timer: threading.Timer | None = None
    _due_s: float = 0.0  # of the monotonic clock
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def retire(self, packages: Iterable[str]) -> None:
        """Take versions out of the import system and look, after a while, whether they are gone."""
        for package in packages:
            self._watched.setdefault(package, []).extend(map(weakref.ref, made_by(package)))
            installed_finder().forget(package)
        if self._watched:
            self._due_s = time.monotonic() + self.quiet_s
            if self._timer is None:  # one that runs goes by the new time: a thread per swap would hold up who starts it
                self._wait(self.quiet_s)

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look_when_quiet)
        self._timer.daemon = True
        self._timer.name = "leak audit"
        self._timer.start()

    def _look_when_quiet(self) -> None:
        self._timer = None  # first: who moves the time from here on starts another
        left_s = self._due_s - time.monotonic()
        if left_s <= 0:
            self.look()
        elif self._timer is None:
            self._wait(left_s)

    def look(self) -> dict[str, str]:
        """Collect what nobody has any more; return, and tell, who holds what is left."""
        with self._turn:
            gc.collect()
            found: dict[str, str] = {}
            for package, watched in list(self._watched.items()):
                alive = [thing for reference in watched if (thing := reference()) is not None]
                if alive:
                    found[package] = holder_of(alive, package)
                else:
                    del self._watched[package]
                del alive
            for package in found.keys() - self.holders.keys():
                _log.warning(
                    f"leaking({found[package]}): the version was replaced and is still in memory",
                    tentacle=package.removeprefix(f"{NAMESPACE}."),
                )
            self.holders = found
            return found

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def packages_loaded() -> set[str]:
    """Return the versions that are in the import system."""
    return {name for name in list(sys.modules) if name.startswith(f"{NAMESPACE}.") and name.count(".") == 1}


def made_by(package: str) -> list[Any]:
    """Return the classes and functions of a version's modules. Modules die even when their functions live."""
    modules = [module for name, module in list(sys.modules.items()) if _is_of(name, package)]
    things = {id(thing): thing for module in modules for thing in vars(module).values()}
    return [
        thing
        for thing in things.values()
        if isinstance(thing, type | types.FunctionType) and _is_of(str(thing.__module__), package)
    ]


def _is_of(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


# Who holds it


def holder_of(alive: list[Any], package: str) -> str:
    """Return who holds one of these objects of a version, by a name; what belongs to the version itself is passed over.

    Where no name is found within a few steps, the kinds of the objects on the way are told.
    """
    running = _thread_in(package)
    if running:
        return f"{running} runs its code"
    front: list[_Step] = [_Step(thing, _title(thing), ()) for thing in alive]
    seen: set[int] = {id(alive), id(front)} | {id(step) for step in front}
    way: tuple[str, ...] = ()
    for _ in range(MAXIMUM_STEPS):
        seen.update(id(step.thing) for step in front)
        following: list[_Step] = []
        seen.add(id(following))
        for step in front:
            if held := _by_signal(step.thing):
                return f"{held} holds {step.title}"
            for referrer in gc.get_referrers(step.thing):
                if id(referrer) in seen or isinstance(referrer, types.FrameType):
                    continue
                seen.add(id(referrer))
                if name := _name_of(referrer, step.thing, package):
                    return f"{name} holds {step.title}"
                following.append(next_step := _next(step, referrer, package))
                seen.add(id(next_step))
        front = following
        way = max((step.way for step in front), key=len, default=()) or way
        if not front or len(seen) > MAXIMUM_SEEN:
            break
    who = " in ".join(way) or "a callback of atexit, code in C or a local variable"
    return f"{who} holds {_title(alive[0])}"


class _Step(NamedTuple):
    """An object on the way: what it would hold, and the objects before it, of kinds that are not the version's own."""

    thing: Any
    title: str
    way: tuple[str, ...]


def _next(step: _Step, referrer: Any, package: str) -> _Step:
    kind = type(referrer)
    if _is_plain(referrer):
        return _Step(referrer, step.title, step.way)
    is_own = _is_of(kind.__module__, package)
    return _Step(
        referrer, _title(referrer) if is_own else step.title, step.way if is_own else (*step.way, kind.__qualname__)
    )


def _is_plain(thing: Any) -> bool:
    """Return whether an object is of a kind that every class and function has about it."""
    return type(thing).__module__.partition(".")[0] in _ABOUT


def _title(thing: Any) -> str:
    if isinstance(thing, type | types.FunctionType | types.MethodType):
        return f"{'class' if isinstance(thing, type) else 'function'} {thing.__qualname__}"
    return f"a {type(thing).__qualname__}"


_KNOWN: Mapping[type, Callable[[Any], str]] = {
    asyncio.Task: lambda task: f"task {task.get_name()}",
    asyncio.Handle: lambda handle: f"a call that the event loop is to make, {handle!r:.80},",
    threading.Thread: lambda thread: f"thread {thread.name}",
    functools._lru_cache_wrapper: lambda cached: f"cache of {cached.__module__}.{cached.__qualname__}",
    logging.Handler: lambda handler: f"logging handler {handler!r:.80}",
    logging.Logger: lambda logger: f"logger {logger.name}",
    types.ModuleType: lambda module: f"module {module.__name__}",  # in C with state of its own, such as atexit
    type: lambda kind: f"class {kind.__module__}.{kind.__qualname__}",
}


def _name_of(referrer: Any, thing: Any, package: str) -> str:
    """Return the name of an object that a person can look up; "" for one that is only on the way."""
    if isinstance(referrer, dict):
        module = _module_with(referrer)
        return f"{module}.{_key_of(referrer, thing)}" if module and not _is_of(module, package) else ""
    place = getattr(referrer, "__name__" if isinstance(referrer, types.ModuleType) else "__module__", None)
    if isinstance(place, str) and _is_of(place, package):
        return ""
    return next((told(referrer) for kind, told in _KNOWN.items() if isinstance(referrer, kind)), "")


def _module_with(namespace: dict[Any, Any]) -> str:
    """Return the module whose names these are, "" when they are none's."""
    name = namespace.get("__name__")
    return name if isinstance(name, str) and namespace is getattr(sys.modules.get(name), "__dict__", None) else ""


def _key_of(namespace: dict[Any, Any], thing: Any) -> str:
    return next((str(key) for key, value in list(namespace.items()) if value is thing), "?")


def _by_signal(thing: Any) -> str:
    numbers = (number for number in signal.valid_signals() if signal.getsignal(number) is thing)
    return next((f"handler of signal {signal.Signals(number).name}" for number in numbers), "")


def _thread_in(package: str) -> str:
    """Return the thread that is at work in a version's code: its frames are no referrers."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        at: types.FrameType | None = frame
        while at is not None:
            if _is_of(str(at.f_globals.get("__name__")), package):
                return f"thread {names.get(ident, ident)}"
            at = at.f_back
    return ""
