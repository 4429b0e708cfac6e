"""What evaluators had told an arm of an A/B test when its strategy decided, in words such as "rsi 31.2 against 30".

A signal names its board; what had been looked at by who declined is found by the evaluators with which the arm began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from loligo.errors import JournalError, NotFound
from loligo.model.events import DecisionDeclined, Evaluated, SignalRaised
from loligo_bot.door.chart import evaluators_loaded, title_of
from loligo_bot.door.inside import Inside
from loligo_bot.experiments.standing import Standing
from loligo_bot.explain import named_figures, reason_text
from loligo_bot.looked_at import DeskEvaluators, evaluators_of, looked_at, opinion_at
from loligo_bot.past import past_of
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

Names = Mapping[str, Sequence[str]]  # of an evaluator's numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """Who looks them up. `journal` is another reader than that of the moments: each remembers one block."""

    rows: ProjectionReader
    journal: JournalReader
    names: Names
    desks: Mapping[str, DeskEvaluators]

    def behind(self, decided: SignalRaised | DecisionDeclined | None, events: Sequence[Any]) -> dict[str, str]:
        """Return in words by label what a strategy had been told; `events` are those of the instant."""
        if decided is None:
            return {}
        if isinstance(decided, SignalRaised):
            found = self._on_board(decided, events)
        else:
            desk = self.desks.get(decided.desk, ())
            found = looked_at(decided, events, desk, self.rows, self.journal)
        opinions = {one.evaluator: one for one in found}
        return {label: opinion_words(one, title_of(label, opinions), self.names) for label, one in opinions.items()}

    def _on_board(self, signal: SignalRaised, events: Sequence[Any]) -> Iterator[Evaluated]:
        now = {event.seq: event for event in events}
        for seq in filter(None, signal.board):
            event = now.get(seq) or opinion_at(seq, self.journal)
            if isinstance(event, Evaluated):
                yield event


def opinion_words(opinion: Evaluated, title: str, names: Names) -> str:
    """Return what an evaluator said, with its numbers and how bullish (+1) or bearish (-1) that is."""
    said, name = opinion.evaluation, opinion.evaluator.partition(" ")[0].partition("#")[0]
    value, named = f" ({said.value:+.2f})", names.get(name, ())
    if not (named and said.numbers):
        return f"{title}: {reason_text(said.code, said.numbers)}{value}"
    first = title if named[0] == name.partition("@")[0] else f"{title}: {named[0]}"
    return f"{named_figures(said.numbers, (first, *named[1:]))}{value}"


def opinions_of(inside: Inside, standing: Standing) -> Opinions:
    """Return who looks up what the arms of a test had been told."""
    return Opinions(
        rows=inside.rows,
        journal=inside.journal(),
        names={item.name: tuple(item.manifest.draw) for item in evaluators_loaded(inside)},
        desks=inside.experiments.made(standing, "evaluators", lambda one: _desks(inside, one)),
    )


def _desks(inside: Inside, standing: Standing) -> dict[str, DeskEvaluators]:
    """Return the evaluators of each arm as it began; of an arm whose settings are gone, none."""
    past = past_of(inside.home, inside.rows)
    found: dict[str, DeskEvaluators] = {}
    for arm, runs in standing.runs.items():
        with suppress(JournalError, NotFound):
            found[arm] = evaluators_of(past.recipe(runs.number).config, arm)
    return found
