"""Repairs: what is wrong with a bot's tentacles, why, and the command that mends it. Nothing is mended by itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loligo_bot.health.states import Health, State

_PACKAGE = re.compile(r"needs the package (\S+)")
_BRINGS = re.compile(r"`(loligo tentacle packages [^`]+)`")
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


def _named(row: Health, names: Counter[str]) -> str:
    """Return how commands call a tentacle."""
    return row.name if names[row.name] == 1 else f"{row.kind}/{row.name}"


def _of(row: Health, name: str, known: dict[str, Health]) -> Iterator[Problem]:
    """Yield what is wrong with one tentacle."""

    def problem(what: str, reason: str, command: str) -> Problem:
        return Problem(problem=what, reason=reason, command=f"loligo {command}", tentacle=row.slot)

    back = f"tentacle rollback {name}" if row.can_go_back else f"tentacle off {name}"
    if row.state is State.NEEDS_PERMISSION:
        wanted = row.reason.removeprefix("it wants ").replace(",", "")
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
