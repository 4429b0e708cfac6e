"""What the verbs ask a person, and how they say what was done.

Nobody is asked where nobody can answer (no terminal, or --json): what was not granted by an option is not granted then.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from loligo.registry.registry_file import RegistryEntry
    from loligo_kit.installer import Change
    from loligo_kit.plans import Plan

_FAILURE, _NOTHING_TO_DO, _PERMISSION = 1, 4, 6  # exit codes


def confirm_hash(shell: Any, plan: Plan) -> None:
    """Ask whether the content is what its author published. PermissionWanted when nobody says so."""
    from loligo_kit.installer import PermissionWanted

    words = f"{plan.source} gave {plan.slot} {plan.manifest.version} {plan.tree_hash}"
    question = f"{words}\nIs this the hash that its author published?"
    if not _is_interactive(shell) or not typer.confirm(question, err=True):
        raise PermissionWanted(f"{words}; if its author published this hash, add --hash {plan.tree_hash}")


def granted(shell: Any, plan: Plan, is_yes: bool, grant: Sequence[str]) -> frozenset[str]:
    """Return the permissions that a person grants: named, agreed to by --yes where they are shown, or when asked."""
    from loligo.errors import TentacleError
    from loligo_kit.bringing import consents

    wishes = [*plan.manifest.permissions, *consents(plan.bundle)]
    unknown = [each for each in grant if each not in wishes]
    if unknown:
        wants = ", ".join(wishes) or "none"
        raise TentacleError(f"--grant {', '.join(unknown)}: {plan.slot} does not want that; it wants: {wants}")
    open_ = {each: why for each, why in plan.wanted.items() if each not in grant}
    whose = f"{plan.slot} {plan.manifest.version} by {plan.manifest.author}"
    return frozenset([*grant, *_asked(shell, whose, open_, is_yes)])


def agreed(shell: Any, entry: RegistryEntry, wanted: Mapping[str, str], is_yes: bool) -> frozenset[str]:
    """Return the packages that a person agrees to, of a tentacle that is there."""
    return frozenset(_asked(shell, f"{entry.slot} {entry.version}", wanted, is_yes))


def _asked(shell: Any, whose: str, wanted: Mapping[str, str], is_yes: bool) -> Collection[str]:
    """Return all that is wanted when a person agrees to it, else nothing."""
    if not wanted:
        return ()
    if not shell.is_json:
        typer.echo(f"{whose} wants to:", err=True)
        for each, why in wanted.items():
            typer.echo(f"  {each:20} {why}", err=True)
    return wanted if is_yes or (_is_interactive(shell) and typer.confirm("Grant this?", err=True)) else ()


def _is_interactive(shell: Any) -> bool:
    return sys.stdin.isatty() and not shell.is_json


def told(shell: Any, change: Change, verb: str) -> int:
    """Print what changed, and what a bot that runs there made of it; return the exit code."""
    from loligo_kit.installer import kinds

    before, after = _shown(change.before), _shown(change.after)
    is_changed = before != after or change.is_restored
    data = {"ok": not change.waiting, "slot": change.slot, "changed": is_changed, "before": before, "after": after}
    if change.waiting:
        words = f"the update waits: it wants {kinds(change.waiting)}; `loligo tentacle agree` shows and grants it"
        message = f"{change.slot} stays {_sentence(before)}: {words}"
        data |= {"waiting": dict(change.waiting)}
    elif change.is_restored:
        message = f"{change.slot} {_sentence(after)}: its content was missing or changed, and is there again"
    elif before == after:
        message = f"{change.slot} is as it was: {_sentence(after)}"
    else:
        message = f"{change.slot}: {_sentence(before)} -> {_sentence(after)}"
    bot = shell.followed(f"tentacle {verb} {change.slot}") if is_changed else None
    lines = [message]
    if bot is not None:
        swap = bot.get("swap", {})
        why = swap.get("off", {}).get(change.to_run)
        data |= {"running_bot": bot, "ok": data["ok"] and bot["ok"] and why is None}
        lines += [*bot["lines"], *([f"{change.slot} stays off: {why}"] if why and why not in swap["text"] else [])]
    say(shell, {**data, "message": message}, lines)
    return _PERMISSION if change.waiting else 0 if data["ok"] else _FAILURE


def nothing(shell: Any, message: str) -> int:
    """Print why there is nothing to do and return the exit code."""
    say(shell, {"ok": True, "changed": False, "message": message}, [message])
    return _NOTHING_TO_DO


def _shown(entry: RegistryEntry | None) -> dict[str, Any] | None:
    keys = {"version", "tree_hash", "source", "path", "enabled", "permissions", "packages", "pin"}
    return None if entry is None else entry.model_dump(include=keys)


def _sentence(shown: Mapping[str, Any] | None) -> str:
    if shown is None:
        return "not there"
    from loligo.registry.tree import hash12

    words = [shown["version"], f"({hash12(shown['tree_hash'])})" if shown["tree_hash"] else "(any content)"]
    words += ["on" if shown["enabled"] else "off", *(["pinned"] if shown["pin"] else [])]
    words += [f"with {', '.join(shown['permissions'])}"] if shown["permissions"] else []
    words += [f"and its packages ({hash12(shown['packages'])})"] if shown["packages"] else []
    return " ".join(words)


def pairs(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return a line for each value, nested ones named by their way."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, dict) and value:
            lines += pairs(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, each in enumerate(value, 1):
                lines += pairs(each, f"{prefix}{key}.{number}.")
        elif value not in (None, "", [], {}):
            lines.append(f"{prefix}{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return lines


def say(shell: Any, data: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Print a result: `data` as JSON, or `lines` for people."""
    shell.result(data, lambda console: [console.print(line, markup=False, soft_wrap=True) for line in lines])
