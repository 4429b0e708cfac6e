"""Buttons below answers about A/B tests: one for each test, and on a test's own card what may be done with it.

A button names a verb and its words, as somebody would type them; who is shown it, and who may press it, is judged by
the role of the verb.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

TESTS, TEST = "experiments", "experiment"
_STOP, _PROMOTE = "experiment.stop", "experiment.promote"
_MOST = 20
_OPEN = ("too_early", "no_clear_difference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One button: what is asked when it is pressed."""

    label: str
    verb: str
    words: Sequence[str]


def wishes_of(verb: str, answer: Any) -> list[Wish]:
    """Return the buttons below an answer, none where the verb is about anything else."""
    if verb == TESTS:
        rows = sorted(answer.experiments, key=lambda one: one.is_ended)
        return [Wish(label=f"{one.name}: {one.headline}", verb=TEST, words=[one.name]) for one in rows[:_MOST]]
    if verb == TEST and not answer.is_ended:
        return [*_promotions(answer), Wish(label="Stop the test", verb=_STOP, words=[answer.name])]
    return []


def _promotions(answer: Any) -> Iterator[Wish]:
    """Yield the winner, or every challenger as an override, which its label says."""
    if answer.winner:
        yield Wish(label=f"Promote {answer.winner}", verb=_PROMOTE, words=[answer.name, answer.winner])
        return
    how = "without a verdict" if answer.verdict in _OPEN else "against the verdict"
    for one in answer.challengers[:_MOST]:
        yield Wish(label=f"Promote {one} {how}", verb=_PROMOTE, words=[answer.name, one, "override=on"])
