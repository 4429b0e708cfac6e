"""What a strategy had looked at when it declined. Its event does not say so, as a signal does: most candles end thus.

It is what the evaluators of its desk said at that instant; of one that was silent then, what it had said last, unless
it has failed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loligo.engine.interruption import EVALUATE
from loligo.errors import JournalError
from loligo.model.events import DecisionDeclined, Evaluated, TentacleFailed
from loligo_bot.plan import marked
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

LOOKED_BACK = 500  # rows of opinions on its candles and from outside, for the last of one that was silent
DeskEvaluators = Sequence[tuple[str, str]]  # name with the mark of its settings, timeframe on which it is asked


def evaluators_of(config: Mapping[str, Any], desk: str) -> DeskEvaluators:
    """Return those of a desk of this configuration, none of one that it does not have."""
    section = config["desks"].get(desk)
    if section is None:
        return ()
    timeframe = section["timeframe"]
    return [(marked(one["tentacle"], one["settings"]), one["timeframe"] or timeframe) for one in section["evaluators"]]


def looked_at(
    declined: DecisionDeclined,
    events: Sequence[Any],
    evaluators: DeskEvaluators,
    rows: ProjectionReader,
    journal: JournalReader,
) -> Iterator[Evaluated]:
    """Yield the opinions in the order of its desk's evaluators; `events` are those of the instant."""
    said = {event.evaluator: event for event in events if isinstance(event, Evaluated)}
    for name, timeframe in evaluators:
        labels = f"{name} {declined.instrument} {timeframe}", f"{name} {declined.instrument}"
        event = next((said[label] for label in labels if label in said), None)
        if event is None:
            event = _newest(labels, declined, timeframe, rows, journal)
        if event is not None:
            yield event


def _newest(
    labels: Sequence[str], declined: DecisionDeclined, timeframe: str, rows: ProjectionReader, journal: JournalReader
) -> Evaluated | None:
    of = {"instrument": (declined.instrument, ""), "timeframe": (timeframe, "")}
    for row in reversed(rows.rows("evaluations", where=of, below={"seq": declined.seq}, limit=LOOKED_BACK)):
        for seq, label, _value, _code in row["evaluations"]:
            if label in labels:
                return None if _failed_since(seq, label, declined, rows) else opinion_at(seq, journal)
    return None


def _failed_since(seq: int, label: str, declined: DecisionDeclined, rows: ProjectionReader) -> bool:
    tag = TentacleFailed.__struct_config__.tag
    failed = rows.rows("incidents", where={"kind": tag}, above={"seq": seq}, below={"seq": declined.seq})
    return any(row["fields"]["tentacle"] == label and row["fields"]["call"] == EVALUATE for row in failed)


def opinion_at(seq: int, journal: JournalReader) -> Evaluated | None:
    """Return an opinion of the journal, None where retention has cut it."""
    try:
        event = journal.find(seq)[1]
    except JournalError:
        return None
    return event if isinstance(event, Evaluated) else None
