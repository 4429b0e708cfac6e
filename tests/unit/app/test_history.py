"""How tentacles stand by what the journal says, and what a start adds to the history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loligo.engine.swap import Phase
from loligo.model.command import GenerationActivated, SlotVersion, SwapResult
from loligo.registry.content import ContentStore
from loligo_bot.history import history_of_start, newest_number, standings
from loligo_bot.recovery import LeftSwap, Recovered

OLD, NEW = "a" * 12, "b" * 12
NAME = "evaluator/rsi"


class Journal:
    """Read models of a test."""

    def __init__(self, *generations: tuple[int, str, str], swaps: Any = ()) -> None:
        def row(number: int, phase: str, digits: str) -> dict[str, Any]:
            slots = [[NAME, f"h1:{digits}", ""], ["desk/trend", "", "cc"], ["recipe", "h1:r", ""]]
            return {"number": number, "phase": phase, "slots": slots}

        names = ("number", "changed", "result", "text")
        self._rows = {
            "generations": [row(*one) for one in generations],
            "swaps": [dict(zip(names, one, strict=True)) for one in swaps],
        }

    def rows(self, projection: str, *, limit: int | None = None) -> list[dict[str, Any]]:
        return self._rows[projection][-(limit or 1_000) :]


REFUSED = (2, [f"{NAME} {OLD} → {NEW}"], "refused", "it failed in shadow")
TAKEN_BACK = (2, [f"{NAME} {OLD} → {NEW}"], "rolled_back", "it failed")


@pytest.mark.parametrize(
    ("journal", "wanted", "phase", "generation", "last_good"),
    [
        (Journal((1, "good", OLD)), OLD, "good", 1, OLD),
        (Journal((1, "good", OLD), (2, "good", NEW), (3, "good", NEW)), NEW, "good", 2, NEW),
        (Journal((1, "good", OLD)), NEW, "pending", 1, OLD),
        (Journal((1, "good", OLD), (2, "shadow", NEW)), NEW, "shadow", 1, OLD),
        (Journal((1, "good", OLD), (2, "probation", NEW)), NEW, "probation", 2, OLD),
        (Journal((1, "good", OLD), (2, "refused", NEW), swaps=[REFUSED]), NEW, "refused", 1, OLD),
        (Journal((1, "good", OLD), (2, "refused", NEW), swaps=[REFUSED]), OLD, "good", 1, OLD),
        (
            Journal((1, "good", OLD), (2, "rolled_back", NEW), (3, "good", OLD), swaps=[TAKEN_BACK]),
            NEW,
            "rolled_back",
            1,
            OLD,
        ),
        (Journal(), NEW, "pending", 0, ""),
    ],
)
def test_phase_generation_and_last_good_version_follow_the_journal(
    journal: Journal, wanted: str, phase: str, generation: int, last_good: str
) -> None:
    standing = standings(journal, {NAME: wanted}, {})[NAME]
    assert (standing["phase"], standing["generation"], standing["last_good"]) == (phase, generation, last_good)


def test_tentacle_that_cannot_be_loaded_is_refused_and_the_old_one_runs() -> None:
    standing = standings(Journal((1, "good", OLD)), {}, {NAME: "syntax error"})[NAME]
    assert standing == {"phase": "refused", "generation": 1, "hash12": OLD, "last_good": OLD, "reason": "syntax error"}


def test_tentacle_that_is_switched_off_and_still_runs_is_pending() -> None:
    assert standings(Journal((1, "good", OLD)), {}, {})[NAME]["phase"] == "pending"


def test_newest_number_counts_what_was_refused_before_it_reached_the_engine() -> None:
    assert newest_number(Journal((3, "good", OLD), swaps=[(4, [], "refused", "no")])) == 4
    assert newest_number(Journal()) == 0


def slots(digits: str) -> tuple[SlotVersion, ...]:
    return (SlotVersion(NAME, f"h1:{digits}", ""),)


@pytest.mark.parametrize(
    ("phase", "result"),
    [
        (Phase.SHADOW, SwapResult.STOPPED),
        (Phase.PROBATION, SwapResult.GOOD),
        (Phase.ROLLED_BACK, SwapResult.ROLLED_BACK),
    ],
)
def test_start_tells_how_the_swap_ended_that_the_last_run_left(tmp_path: Path, phase: Phase, result: str) -> None:
    left = LeftSwap(number=5, phase=phase, before=slots(OLD), wanted=slots(NEW), ts=7)
    (told,) = history_of_start(Recovered(left=left), None, ContentStore(tmp_path))
    assert (told.ts, told.number, told.by, told.result) == (7, 5, "start", result)
    assert told.changed == (f"{NAME} {OLD} → {NEW}",)


def test_start_tells_what_it_took_up_and_nothing_the_first_time(tmp_path: Path) -> None:
    content, now = ContentStore(tmp_path), GenerationActivated(9, 6, slots(NEW))
    assert history_of_start(Recovered(), now, content) == []
    (told,) = history_of_start(Recovered(replaced=slots(OLD)), now, content)
    assert (told.number, told.result, told.changed) == (6, SwapResult.GOOD, (f"{NAME} {OLD} → {NEW}",))
