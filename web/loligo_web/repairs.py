"""Which button mends a problem: the verb that does what its command would. Where a person must look first, where to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_COMMAND = re.compile(r"loligo tentacle (rollback|off|on|retry|agree|grant|packages) (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A button: a verb with its arguments; or, without a verb, a link."""

    label: str
    verb: str = ""
    arguments: Mapping[str, Any]
    ask: str = ""  # what a person is asked before
    link: str = ""


def repair(problem: Any) -> Repair | None:
    """Return what mends a problem of `health`, None where only the command line can."""
    found = _COMMAND.match(problem.command)
    if found is None:
        return None
    act, name = found.groups()
    named = {"name": str(problem.tentacle or name).replace(" ", "/", 1)}
    if act == "rollback":
        ask = f"Go back to the version of {named['name']} that ran before?"
        return Repair(label="Go back to the version before", verb="tentacle.rollback", arguments=named, ask=ask)
    if act == "retry":
        return Repair(label="Try it again now", verb="tentacle.retry", arguments=named)
    if act in ("on", "off"):
        return _switched(name, act)
    return Repair(label="Look at what it wants", arguments={}, link=f"/tentacles/{named['name']}")


def _switched(name: str, act: str) -> Repair:
    ask = f"Switch {name} {act}?"
    return Repair(
        label=f"Switch {name} {act}", verb="tentacle.switch", arguments={"name": name, "on": act == "on"}, ask=ask
    )
