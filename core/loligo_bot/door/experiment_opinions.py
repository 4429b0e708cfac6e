"""What evaluators had told an arm of an A/B test when its strategy decided, in words such as "rsi 31.2 against 30".

A signal names its board. A declined decision does not: it had looked at what the evaluators of its desk said at that
instant, and at the newest opinions on longer timeframes. Those are the evaluators with which the arm began the test.

An evaluator's manifest names its numbers (`[draw]`); one beyond the named is what the last of them is held against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loligo.errors import JournalError, NotFound
from loligo.model.events import DecisionDeclined, Evaluated, SignalRaised
from loligo_bot.door.chart import evaluators_loaded, title_of
from loligo_bot.door.inside import Inside
from loligo_bot.experiments.standing import Standing
from loligo_bot.explain import figures, reason_text
from loligo_bot.past import past_of
from loligo_bot.plan import marked
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

Names = Mapping[str, Sequence[str]]  # of an evaluator's numbers
Seat = Sequence[tuple[str, str]]  # of a desk's evaluators: name with the mark of its settings, timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """Who looks them up. `journal` is another reader than that of the moments: each remembers one block."""

    rows: ProjectionReader
    journal: JournalReader
    names: Names
    seats: Mapping[str, tuple[str, Seat]]  # by desk: its timeframe, its evaluators

    def behind(self, decided: SignalRaised | DecisionDeclined | None, events: Sequence[Any]) -> dict[str, str]:
        """Return in words by label what a strategy had been told; `events` are those of the instant."""
        if decided is None:
            return {}
        found = self._on_board(decided, events) if isinstance(decided, SignalRaised) else self._heard(decided, events)
        opinions = {one.evaluator: one for one in found}
        return {label: opinion_words(one, title_of(label, opinions), self.names) for label, one in opinions.items()}

    def _on_board(self, signal: SignalRaised, events: Sequence[Any]) -> Iterator[Evaluated]:
        now = {event.seq: event for event in events}
        for seq in filter(None, signal.board):
            event = now.get(seq) or self._found(seq)
            if isinstance(event, Evaluated):
                yield event

    def _heard(self, declined: DecisionDeclined, events: Sequence[Any]) -> Iterator[Evaluated]:
        trigger, seat = self.seats.get(declined.desk, ("", ()))
        said = {event.evaluator: event for event in events if isinstance(event, Evaluated)}
        for name, timeframe in seat:
            labels = f"{name} {declined.instrument} {timeframe}", f"{name} {declined.instrument}"
            event = next((said[label] for label in labels if label in said), None)
            if event is None and timeframe != trigger:
                event = self._newest(labels[0], declined.instrument, timeframe, declined.seq)
            if event is not None:
                yield event

    def _newest(self, label: str, instrument: str, timeframe: str, before: int) -> Evaluated | None:
        of = {"instrument": instrument, "timeframe": timeframe}
        for row in self.rows.rows("evaluations", where=of, below={"seq": before}, limit=1):
            for seq, told, _value, _code in row["evaluations"]:
                if told == label:
                    return self._found(seq)
        return None

    def _found(self, seq: int) -> Evaluated | None:
        """Return an opinion of the journal, None where retention has cut it."""
        try:
            event = self.journal.find(seq)[1]
        except JournalError:
            return None
        return event if isinstance(event, Evaluated) else None


def opinion_words(opinion: Evaluated, title: str, names: Names) -> str:
    """Return what an evaluator said, with its numbers and how bullish (+1) or bearish (-1) that is."""
    said, name = opinion.evaluation, opinion.evaluator.partition(" ")[0].partition("#")[0]
    value, named = f" ({said.value:+.2f})", names.get(name, ())
    if not (named and said.numbers):
        return f"{title}: {reason_text(said.code, said.numbers)}{value}"
    first = title if named[0] == name.partition("@")[0] else f"{title}: {named[0]}"
    numbers = figures(said.numbers)
    parts = [f"{each} {number}" for each, number in zip((first, *named[1:]), numbers, strict=False)]
    beyond = numbers[len(named) :]
    return f"{', '.join(parts)}{' against ' if beyond else ''}{', '.join(beyond)}{value}"


def opinions_of(inside: Inside, standing: Standing) -> Opinions:
    """Return who looks up what the arms of a test had been told."""
    return Opinions(
        rows=inside.rows,
        journal=inside.journal(),
        names={item.name: tuple(item.manifest.draw) for item in evaluators_loaded(inside)},
        seats=inside.experiments.made(standing, "seats", lambda one: _seats(inside, one)),
    )


def _seats(inside: Inside, standing: Standing) -> dict[str, tuple[str, Seat]]:
    """Return the evaluators of each arm as it began; of an arm whose settings are gone, none."""
    past = past_of(inside.home, inside.rows)
    found: dict[str, tuple[str, Seat]] = {}
    for arm, runs in standing.runs.items():
        try:
            desk = past.recipe(runs.number).config["desks"][arm]
        except (JournalError, NotFound):
            continue
        seat = [
            (marked(one["tentacle"], one["settings"]), one["timeframe"] or desk["timeframe"])
            for one in desk["evaluators"]
        ]
        found[arm] = desk["timeframe"], seat
    return found
