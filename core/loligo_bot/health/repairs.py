"""Repairs: what is wrong with a bot's tentacles, why, and the command that mends it. Nothing is mended by itself."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from loligo.errors import ConfigError
from loligo.registry.registry_file import REGISTRY_FILE, load_registry, previous_copy
from loligo_bot.health.states import Health, State
from loligo_bot.vault import trouble
from loligo_kit.lock import LOCK_FILE, load_lock

_PACKAGE = re.compile(r"needs the package (\S+)")
_BRINGS = re.compile(r"`(loligo tentacle packages [^`]+)`")
_WANTS = "it wants "
_TENTACLE = re.compile(r"needs the tentacle (\w+) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that a person should look at. `tentacle` is its slot, "" for the bot as a whole."""

    problem: str
    reason: str
    command: str
    tentacle: str = ""


def problems(rows: Iterable[Health], *, safe_mode: str = "", crashed_starts: int = 0) -> list[Problem]:
    """Return every problem, that of the whole bot first, then those of tentacles in the order of `rows`."""
    rows = list(rows)
    names = Counter(row.name for row in rows)
    known = {row.name: row for row in rows}
    found = []
    if safe_mode:
        found.append(Problem(problem="safe mode", reason=safe_mode, command="loligo run --no-safe"))
    elif crashed_starts:
        said = f"{crashed_starts} crashed in a row; some more, and the next one leaves the code of strangers out"
        found.append(Problem(problem="crashed start", reason=said, command="loligo run --safe"))
    return found + [problem for row in rows for problem in _of(row, _named(row, names), known)]


def file_problems(home: Path) -> list[Problem]:
    """Return what is wrong with the files that say which tentacles there are: no change is taken up meanwhile. Reads
    them. And why a running bot does not go by its vault."""
    registry, lock = home / REGISTRY_FILE, home / LOCK_FILE
    found = []
    if (registry.exists() or registry.is_symlink()) and (why := _unreadable(partial(load_registry, registry))):
        found.append(Problem(problem="registry wrong", reason=why, command=_registry_back(registry)))
    if why := _unreadable(partial(load_lock, home)):
        found.append(Problem(problem="lock file wrong", reason=why, command=_from_git(lock) or _aside(lock)))
    if why := trouble(home):
        found.append(Problem(problem="vault not taken up", reason=why, command="loligo stop && loligo run"))
    return found


def _unreadable(read: Callable[[], object]) -> str:
    try:
        read()
    except (ConfigError, OSError) as exc:
        return str(exc)
    return ""


def _registry_back(path: Path) -> str:
    """Return what brings back a registry that can be read, the newest there is; the wrong one is kept where none is."""
    copy = previous_copy(path)
    if copy.exists() and not _unreadable(partial(load_registry, copy)):
        return shlex.join(["cp", str(copy), str(path)])
    anew = f"loligo init {shlex.quote(str(path.parent))} && loligo tentacle refresh"
    return _from_git(path) or f"{_aside(path)} && {anew}"


def _from_git(path: Path) -> str:
    is_kept = (path.parent / ".git").exists()
    return shlex.join(["git", "-C", str(path.parent), "checkout", "--", path.name]) if is_kept else ""


def _aside(path: Path) -> str:
    return shlex.join(["mv", str(path), f"{path}.wrong"])


def _named(row: Health, names: Counter[str]) -> str:
    """Return how commands call a tentacle."""
    return row.name if names[row.name] == 1 else f"{row.kind}/{row.name}"


def _of(row: Health, name: str, known: dict[str, Health]) -> Iterator[Problem]:
    """Yield what is wrong with one tentacle."""

    def problem(what: str, reason: str, command: str) -> Problem:
        return Problem(problem=what, reason=reason, command=f"loligo {command}", tentacle=row.slot)

    back = f"tentacle rollback {name}" if row.can_go_back else f"tentacle off {name}"
    if row.state is State.NEEDS_PERMISSION or (row.state is State.DISABLED and _WANTS in row.reason):
        wanted = row.reason.partition(_WANTS)[2].replace(",", "")
        yield problem("permission missing", row.reason, f"tentacle grant {name} {wanted}")
    elif row.state is State.NEEDS_CONFIG:
        yield problem("settings wrong", row.reason, "config check")
    elif row.state is State.REFUSED:
        yield from _refused(row, name, back, known)
    elif row.state is State.ROLLED_BACK:
        yield problem("version rolled back", row.reason, back)
    elif row.state is State.QUARANTINED:
        when = f" (again at {row.until[:19]})" if row.until else ""
        yield problem("quarantined", f"{row.reason}{when}", f"tentacle retry {name}")
    elif row.state is State.LEAKING:
        yield problem("earlier version still held", row.reason, "stop")
    if row.over_budget and row.state is not State.QUARANTINED:
        if row.kind == "risk_rule":
            said = f"{row.over_budget}. A risk rule stays on, and entries are denied, until a person mends it"
            yield problem("risk rule fails", said, back if row.can_go_back else "tentacle refresh")
        else:
            yield problem("over its budget", row.over_budget, back)


def _refused(row: Health, name: str, back: str, known: dict[str, Health]) -> Iterator[Problem]:
    def problem(what: str, command: str) -> Problem:
        return Problem(problem=what, reason=row.reason, command=command, tentacle=row.slot)

    package, needed = _PACKAGE.search(row.reason), _TENTACLE.search(row.reason)
    brings = _BRINGS.search(row.reason)
    if brings is not None:
        yield problem("package missing", brings[1])
    elif package is not None:
        yield problem("package missing", f"pip install '{package[1].rstrip(',;')}'")
    elif needed is not None:
        other = known.get(needed[1])
        is_off = other is not None and other.state is State.DISABLED
        yield problem("tentacle missing", f"loligo tentacle {f'on {needed[1]}' if is_off else f'off {name}'}")
    elif "permissions wait" in row.reason:
        yield problem("permission missing", f"loligo tentacle agree {name}")
    elif "the registry wants" in row.reason:
        yield problem("content changed", "loligo tentacle refresh")
    elif "was changed: it holds" in row.reason:
        folder = row.reason.partition(" was changed")[0]
        yield problem("content tampered with", f"rm -r '{folder}' && loligo tentacle install")
    elif "no such version" in row.reason:
        yield problem("content missing", "loligo tentacle install")
    else:
        yield problem("version refused", f"loligo {back}")
