"""What the journal tells of swaps: how every tentacle stands, and the history that a start adds to it.

A tentacle's phase is one of pending (wanted, not taken up yet), shadow, probation, good, refused, rolled_back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from loligo.engine.swap import Phase
from loligo.model.command import GenerationActivated, SwapEnded, SwapResult
from loligo.registry.content import ContentStore
from loligo.registry.manifest import KIND_FOLDERS
from loligo.registry.tree import hash12
from loligo_bot.recipe import changes, slots_in
from loligo_bot.recovery import Recovered

MOST_GENERATIONS, MOST_SWAPS, NEWEST = 500, 200, 20  # that are looked through
_TRUSTED = ("good", "probation")
Row = dict[str, Any]


class Rows(Protocol):
    """The read models, or what stands for them while there is no journal."""

    def rows(self, projection: str, *, limit: int | None = None) -> list[Row]:
        """Return rows, newest last."""
        ...


def newest_number(reader: Rows) -> int:
    """Return the highest number that a generation or a wish for one had lately."""
    rows = (*reader.rows("generations", limit=NEWEST), *reader.rows("swaps", limit=NEWEST))
    return max((row["number"] for row in rows), default=0)


def standings(reader: Rows, wanted: Mapping[str, str], failed: Mapping[str, str]) -> dict[str, Row]:
    """Return phase, generation, hash, last good version and reason of every tentacle, by kind/name.

    `wanted` has the first twelve digits of what is on and should run, `failed` why one cannot be loaded.
    """
    generations = reader.rows("generations", limit=MOST_GENERATIONS)
    trusted = [row for row in generations if row["phase"] in _TRUSTED]
    running, since = _code(trusted[-1]) if trusted else {}, _since(trusted)
    good = _last_good(generations)
    at_work = _at_work(generations, trusted)
    ended = _ended(reader.rows("swaps", limit=MOST_SWAPS))
    found = {}
    for name in sorted(running.keys() | wanted.keys() | failed.keys()):
        phase, reason = at_work.get(name, ""), ""
        if not phase and name in failed:
            phase, reason = "refused", failed[name]
        elif not phase and wanted.get(name) == running.get(name, "off"):
            phase = "good"
        elif not phase:
            result, text = ended.get(name, ("", ""))
            phase, reason = (result, text) if result in ("refused", "rolled_back") else ("pending", "")
        terms = {"generation": since.get(name, 0), "hash12": running.get(name, ""), "last_good": good.get(name, "")}
        found[name] = {"phase": phase, **terms, "reason": reason}
    return found


def history_of_start(recovered: Recovered, now: GenerationActivated | None, content: ContentStore) -> list[SwapEnded]:
    """Return the history of what a start ended and took up; nothing of the first one."""
    told, left = [], recovered.left
    if left is not None:
        result, text = _LEFT[left.phase]
        told.append(_told(left.number, changes(left.before, left.wanted, content), result, text, left.ts))
    if now is not None and recovered.replaced:
        lines = changes(recovered.replaced, now.slots, content)
        told.append(_told(now.number, lines, SwapResult.GOOD, "taken up at the start", now.ts))
    return told


_LEFT = {
    Phase.SHADOW: (SwapResult.STOPPED, "the bot ended during shadow"),
    Phase.PROBATION: (SwapResult.GOOD, "the bot ended during probation; it goes on"),
    Phase.ROLLED_BACK: (SwapResult.ROLLED_BACK, "it failed before the bot ended; what was before runs again"),
}


def _told(number: int, changed: tuple[str, ...], result: SwapResult, text: str, ts: int) -> SwapEnded:
    return SwapEnded(ts, number, "start", "", "now", "replace", changed, (), result, text, 0)


def is_code(slot: str) -> bool:
    """Say whether a slot names a tentacle, kind/name; others name settings."""
    return slot.partition("/")[0] in KIND_FOLDERS


def _code(row: Row) -> dict[str, str]:
    slots: Sequence[Sequence[str]] = row["slots"]
    return {name: hash12(tree) for name, tree, _ in slots if tree and is_code(name)}


def _since(trusted: Sequence[Row]) -> dict[str, int]:
    """Return by tentacle the number of the generation in which its running version came."""
    since: dict[str, int] = {}
    before: dict[str, str] = {}
    for row in trusted:
        now = _code(row)
        since = {name: since[name] if before.get(name) == one else row["number"] for name, one in now.items()}
        before = now
    return since


def _last_good(generations: Sequence[Row]) -> dict[str, str]:
    """Return by tentacle the newest version that came through its probation."""
    good: dict[str, str] = {}
    for row in generations:
        if row["phase"] == "good":
            good |= _code(row)
    return good


def _at_work(generations: Sequence[Row], trusted: Sequence[Row]) -> dict[str, str]:
    """Return the phase of what the newest generation changes, while that is in shadow or probation."""
    if not generations or generations[-1]["phase"] not in ("shadow", "probation"):
        return {}
    newest = generations[-1]
    others = [row for row in trusted if row is not newest]
    old, new = _code(others[-1]) if others else {}, _code(newest)
    return {name: newest["phase"] for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _ended(swaps: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Return by slot how the newest wish that named it ended."""
    return {name: (row["result"], row["text"]) for row in swaps for name in slots_in(row["changed"])}
