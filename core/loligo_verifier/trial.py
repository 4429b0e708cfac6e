"""Runs a version once, in a process made for it: imports it, makes an instance, takes its state there and back.

What it does meanwhile is seen through Python's audit events: importing must touch nothing but its own files, making an
instance nothing without the permission. Events of other packages that are being imported are theirs, not the
tentacle's. An evaluator of candles is shown some, so that the state which goes round is not an empty one, and the
instance that got it must then say what the first one says.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from inspect import iscoroutinefunction
from itertools import pairwise
from math import sin
from pathlib import Path
from threading import Thread
from types import CodeType
from typing import Any

import msgspec
from pydantic import ValidationError

from loligo.api import DAY_NS, Candle, Instrument, LoligoError, MakeContext
from loligo.errors import TentacleError
from loligo.host.contract import describe_error
from loligo.host.finder import NAMESPACE
from loligo.host.loader import LoadedTentacle, bind
from loligo.host.verifier import Findings, TentacleVersion
from loligo.ports.tentacles import TentacleSettings
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import SETTINGS_FILE, settings_schema, settings_text
from loligo_packages.package_set import private_name

CALLS: Mapping[str, Sequence[Sequence[str]]] = {  # of a kind: for each, one of these must be there
    "evaluator": [("on_candle", "on_trade", "on_quote", "on_book", "on_external")],
    "strategy": [("decide",)],
    "trading_mode": [("on_signal",)],
    "risk_rule": [("tier",), ("check",)],
    "feed": [("run",)],
    "venue": [("submit",), ("cancel",)],
    "interface": [("run",)],
    "notifier": [("notify",)],
    "automation": [("on_record", "on_time")],
}
_IN_ENGINE = {"evaluator", "strategy", "trading_mode", "risk_rule"}  # synchronous, and of state that survives
_PACKED = msgspec.msgpack.Encoder(order="deterministic")
_CANDLES, _MORE = 64, 16  # shown at least before the state goes round, and after
_HOUR_NS = DAY_NS // 24

_EVENTS: Mapping[str, str] = {  # beginning of an audit event's name: permission
    **dict.fromkeys(("socket.", "http.", "urllib.", "ftplib.", "imaplib.", "poplib.", "smtplib."), "net"),
    **dict.fromkeys(("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"), "process"),
    **dict.fromkeys(("pty.", "os.kill"), "process"),
    "threading.start": "threads",
    "ctypes.": "native",
    "os.putenv": "environment",
    **dict.fromkeys(("open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink"), "files"),
    **dict.fromkeys(("os.truncate", "os.chmod", "os.chown", "shutil.", "tempfile.", "sqlite3."), "files"),
}
_OF_PACKAGES = f"{NAMESPACE}.{private_name('')}"  # how the names of their modules begin
_READABLE = (sys.prefix, sys.base_prefix, "/usr/share/zoneinfo")  # of Python itself


class SideEffect(BaseException):
    """The tentacle did what it may not; no `except Exception` of its own hides it."""


def _is_in_memory(event: str, arguments: tuple[Any, ...]) -> bool:
    """Say whether it is a database that is no file, and what follows from having one."""
    return event == "sqlite3.connect/handle" or (event == "sqlite3.connect" and arguments[0] == ":memory:")


@dataclass(slots=True)
class Watch:
    """Looks at what the tentacle does. Audit hooks cannot be taken away: the process must end after the trial."""

    folder: Path
    held: frozenset[str]
    is_importing: bool = True
    seen: str = ""
    brought: Path | None = None  # where the packages lie that it brings

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        permission = next((_EVENTS[start] for start in _EVENTS if event.startswith(start)), "")
        if not permission or (event == "open" and self._may_open(*arguments)) or _is_in_memory(event, arguments):
            return
        place = _place_in_tentacle()
        if not place or (permission in self.held and not self.is_importing):
            return
        what = f"{event} {arguments[0]!r:.100}" if arguments else event
        told = f'needs the permission "{permission}"'
        if self.is_importing:
            told = "while it is imported; do it in an instance"
        self.seen = f"{place}: {what} {told}"
        raise SideEffect(self.seen)

    def _may_open(self, path: object, mode: object, flags: int) -> bool:
        if isinstance(path, int):
            return True  # was opened before
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
        wanted = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]
        places = (self.folder, *((self.brought,) if self.brought else ()), *_READABLE)
        return any(Path(wanted).is_relative_to(place) for place in places)


def try_version(version: TentacleVersion, code: Mapping[str, CodeType], seen: tuple[list[str], list[str]]) -> Findings:
    """Return what a version is when it runs; `seen` is what `lint` found. TentacleError says what is wrong."""
    permissions = frozenset(permission.partition(":")[0] for permission in version.manifest.permissions)
    brought = version.packages.folder.resolve() if version.packages.files else None
    watch = Watch(version.folder.resolve(), permissions, brought=brought)
    sys.addaudithook(watch)
    tell_of_threads()
    try:
        loaded = bind(version, code)
        watch.is_importing = False
        _check_settings(loaded, version)
        one, why_not = _make(loaded)
        state_bytes = None if why_not else _check_instance(one, loaded)
    except (Exception, SystemExit, KeyboardInterrupt, SideEffect) as exc:
        if watch.seen or isinstance(exc, TentacleError):
            raise TentacleError(watch.seen or str(exc)) from exc
        raise TentacleError(f"its code failed: {describe_error(exc)}") from exc
    if watch.seen:
        raise TentacleError(watch.seen)
    return Findings(
        imports=seen[0],
        permissions=seen[1],
        hooks=sorted(caller.name for caller in loaded.plugin.get_hookcallers(loaded.module) or ()),
        calls=[] if why_not else [name for name in dir(one) if name[0] != "_" and callable(getattr(one, name))],
        settings_schema=settings_text(loaded.factory.settings).decode(),
        state_bytes=state_bytes,
        not_made=why_not,
    )


def tell_of_threads() -> None:
    """Make starting a thread an audit event, which it is not before Python 3.12; this process ends with the trial."""
    start = Thread.start

    def told(thread: Thread) -> None:
        sys.audit("threading.start", thread.name)
        start(thread)

    Thread.start = told  # type: ignore[method-assign, assignment]


def _place_in_tentacle() -> str:
    """Return file and line of the tentacle's, or of a package that it brings, at work; "" for Python itself and for
    installed packages that it imports."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return ""
        name, file = str(frame.f_globals.get("__name__", "")), Path(frame.f_code.co_filename)
        if name.startswith(f"{NAMESPACE}."):
            whose = f"its package {name.split('.')[2]}, " if name.startswith(_OF_PACKAGES) else ""
            return f"{whose}{file.name}, line {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def read_settings_schema(folder: Path, files: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Return the settings' JSON schema among `files`, None when it is not brought. TentacleError when it is no JSON."""
    try:
        schema = json.loads(files[SETTINGS_FILE]) if SETTINGS_FILE in files else None
    except ValueError as exc:  # of text and of JSON
        raise TentacleError(f"{folder / SETTINGS_FILE}: not valid JSON: {exc}; generate it anew") from exc
    return schema if isinstance(schema, dict | None) else {}


def _check_settings(loaded: LoadedTentacle, version: TentacleVersion) -> None:
    declared = read_settings_schema(version.folder, version.files)
    if declared is None:
        return
    found = settings_schema(loaded.factory.settings)
    if declared == found:
        return
    said, made = declared.get("properties", {}), found.get("properties", {})
    names = sorted(name for name in said.keys() | made.keys() if said.get(name) != made.get(name))
    raise TentacleError(
        f"{SETTINGS_FILE} differs from the class {loaded.factory.settings.__name__} in: "
        f"{', '.join(names) or 'the whole'}; generate it anew with `loligo tentacle check FOLDER --write`"
    )


@dataclass(frozen=True, slots=True)
class _BoardInput:
    name: str
    timeframe: str = "1h"

    @property
    def label(self) -> str:
        return f"{self.name}@{self.timeframe}"


def _context(settings: TentacleSettings) -> MakeContext:
    """Return a place to work in; on a strategy's board is an opinion for every name that its settings mention."""
    one = Instrument(venue="trial", symbol="BTC/USD", base="BTC", quote="USD", price_step=Decimal("0.01"))
    names = re.findall(r'"([a-z]\w*)"', settings.model_dump_json())
    inputs = tuple(_BoardInput(name) for name in dict.fromkeys([*names, "opinion"]))
    return MakeContext(desk="trial", instrument=one, timeframe="1h", inputs=inputs, instruments=(one,))


def _make(loaded: LoadedTentacle) -> tuple[Any, str]:
    """Return an instance with default settings, or None and why there is none: it wants what a person must give."""
    try:
        settings = loaded.make_settings({})
    except LoligoError as exc:
        return None, str(exc)
    try:
        return loaded.factory.create(settings, _context(settings)), ""
    except (LoligoError, ValidationError) as exc:
        return None, describe_faults(exc, type(settings)) if isinstance(exc, ValidationError) else str(exc)
    except Exception as exc:
        raise TentacleError(f"no instance with default settings: {describe_error(exc)}") from exc


def _check_instance(one: Any, loaded: LoadedTentacle) -> int | None:
    """Check an instance against its kind and return the size of its state, None when it has none to export."""
    for ways in CALLS[loaded.kind]:
        if not any(hasattr(one, way) for way in ways):
            raise TentacleError(f"{type(one).__name__} has no {' or '.join(ways)}, which makes it a {loaded.kind}")
    if loaded.kind in _IN_ENGINE:
        waits = [name for name in dir(one) if name[:3] == "on_" and iscoroutinefunction(getattr(one, name))]
        waits += [name for name in ("decide", "check", "watch") if iscoroutinefunction(getattr(one, name, None))]
        if waits:
            raise TentacleError(f"{waits[0]} is `async def`: what runs inside the engine never waits")
    state = loaded.manifest.state
    if not (hasattr(one, "export_state") and hasattr(one, "restore_state")):
        if loaded.kind in _IN_ENGINE and state.mode == "export":
            raise TentacleError(f"{type(one).__name__} has no export_state and restore_state; see state.mode")
        return None
    if getattr(one, "state_version", None) != state.version:
        told = f"state.version = {state.version}, the code state_version = {getattr(one, 'state_version', None)!r}"
        raise TentacleError(f"its manifest says {told}")
    return _round_trip(one, loaded)


def _round_trip(one: Any, loaded: LoadedTentacle) -> int:
    first = 0
    if hasattr(one, "on_candle") and loaded.kind == "evaluator":
        first = max(_CANDLES, min(int(getattr(one, "warmup", 0)), 1_000) + 1)
        _show(one, 0, first)
    try:
        packed = _PACKED.encode(one.export_state())
    except TypeError as exc:
        raise TentacleError(f"export_state gives what is not plain data: {exc}") from exc
    if loaded.manifest.state.mode == "none" and msgspec.msgpack.decode(packed):
        raise TentacleError('its manifest says state.mode = "none", but export_state gives a state')
    other, _ = _make(loaded)
    other.restore_state(msgspec.msgpack.decode(packed))
    again = _PACKED.encode(other.export_state())
    if again != packed:
        before, after = msgspec.msgpack.decode(packed), msgspec.msgpack.decode(again)
        keys = [key for key in {**before, **after} if _PACKED.encode(before.get(key)) != _PACKED.encode(after.get(key))]
        raise TentacleError(f"export_state after restore_state differs in: {', '.join(map(str, keys)) or 'its order'}")
    if first and _show(one, first, _MORE) != _show(other, first, _MORE):
        raise TentacleError("after restore_state it judges candles otherwise: export_state leaves something out")
    return len(packed)


def _show(evaluator: Any, first: int, count: int) -> list[bytes]:
    """Return what an evaluator says of candles that go up and down."""
    closes = [100.0 + 10.0 * sin(number / 5.0) + number / 20.0 for number in range(first, first + count + 1)]
    said = []
    for number, (before, close) in enumerate(pairwise(closes), first):
        high, low = max(before, close) + 0.5, min(before, close) - 0.5
        times = (number * _HOUR_NS, (number + 1) * _HOUR_NS)
        said.append(
            _PACKED.encode(evaluator.on_candle(Candle("trial:BTC/USD", "1h", *times, before, high, low, close, 1.0)))
        )
    return said
