"""Says of a recorded session whether it comes out the same when it is run once more, or where it first differs.

The difference is told with the causes of both events, back to the input: up to there both runs are equal, so what led
to what was recorded led to what came now, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from loligo.errors import JournalError
from loligo.model.command import GenerationActivated
from loligo.model.events import Record, SignalRaised
from loligo.model.timeframe import iso
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo_bot.explain import described
from loligo_bot.recipe import Recipe, changes
from loligo_bot.replay.rerun import Difference, Rerun
from loligo_store.reader import JournalReader

Data = dict[str, Any]
Hear = Callable[[Record], object]


def verify(home: Path, journal: JournalReader, now: Recipe | None, hear: Hear = lambda record: None) -> Data:
    """Run a session again and return what came of it as plain data; `hear` is told each record. JournalError when what
    ran cannot be had."""
    rerun, records, kinds = Rerun(home, journal, now), 0, Counter[str]()
    generations: list[Data] = []
    content = ContentStore(home / CONTENT_FOLDER)
    ran: GenerationActivated | None = None
    difference: Difference | None = None
    first = last = None
    for step in rerun.steps():
        record, difference = step.record, step.difference
        hear(record)
        first, last = first or record, record
        records += 1
        kinds[type(record.input).__name__] += 1
        if isinstance(record.input, GenerationActivated):
            changed = changes(ran.slots, record.input.slots, content) if ran is not None else ()
            ran = record.input
            about = {"seq": record.seq, "number": ran.number, "time": iso(ran.ts), "changed": list(changed)}
            generations.append(about)
    if first is None or last is None:
        raise JournalError("the journal is empty: there is nothing to run again")
    return {
        "is_identical": difference is None,
        "records": records,
        "first_seq": first.seq,
        "last_seq": last.next_seq - 1,
        "from_snapshot": rerun.from_snapshot,
        "since": iso(first.input.ts),
        "until": iso(last.input.ts),
        "inputs": dict(kinds.most_common()),
        "generations": generations,
        "difference": None if difference is None else _told(journal, difference),
    }


def _told(journal: JournalReader, found: Difference) -> Data:
    record = found.record
    about = {"seq": found.seq, "record": record.seq, "at": iso(record.input.ts), "feed": record.feed}
    about["input"] = _event(record.seq, record.input)
    sides = {"recorded": found.recorded, "now": found.now}
    return {
        **about,
        **{name: None if event is None else _event(found.seq, event) for name, event in sides.items()},
        "error": found.error,
        "why_recorded": _why(journal, found.recorded),
        "why_now": _why(journal, found.now),
    }


def _event(seq: int, event: Any) -> Data:
    name, text = described(event)
    return {"seq": seq, "step": name, "text": text, "event": msgspec.to_builtins(event)}


def _why(journal: JournalReader, event: Any) -> list[Data]:
    """Return what led to an event, from the input on, and what a decision looked at."""
    if event is None:
        return []
    seqs = set(_causes(journal, event.cause))
    if isinstance(event, SignalRaised):
        seqs |= set(filter(None, event.board))
    return [_event(seq, journal.find(seq)[1]) for seq in sorted(seqs)]


def _causes(journal: JournalReader, seq: int) -> Iterator[int]:
    while True:
        record, event = journal.find(seq)
        yield seq
        if seq == record.seq:
            return
        seq = event.cause  # type: ignore[union-attr]


def lines_of(data: Data) -> list[str]:
    """Return the outcome in words."""
    span = f"seq {data['first_seq']:,} to {data['last_seq']:,}, {data['since'][:19]} to {data['until'][:19]}"
    begun = f", from the snapshot before seq {data['from_snapshot']:,}" if data["from_snapshot"] else ""
    swaps = len(data["generations"])
    head = f"{data['records']:,} records, {'identical' if data['is_identical'] else 'then one that differs'}"
    lines = [f"{head} ({span}{begun}; {swaps} generation{'' if swaps == 1 else 's'})"]
    found = data["difference"]
    if found is None:
        return lines
    lines.append(f"the first difference is at seq {found['seq']:,}, {found['at'][:19]}: {found['input']['text']}")
    lines.append(f"  recorded  {_side(found['recorded'])}")
    lines.append(f"  now       {found['error'] or _side(found['now'])}")
    why = found["why_recorded"] or found["why_now"]
    lines += [f"  because   {step['seq']}  {step['step']}: {step['text']}" for step in why]
    if found["why_now"] and found["why_recorded"] and found["why_now"] != found["why_recorded"]:
        lines += [f"  now by    {step['seq']}  {step['step']}: {step['text']}" for step in found["why_now"]]
    return lines


def _side(event: Data | None) -> str:
    return "nothing" if event is None else f"{event['step']}: {event['text']}"
