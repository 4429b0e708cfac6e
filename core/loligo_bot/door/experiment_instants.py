"""What the arms of an A/B test did at one instant, from the journal; kept, for a page asks again every few seconds."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from loligo_bot.door.inside import Inside
from loligo_bot.experiments.standing import Standing
from loligo_store.reader import JournalReader

MOST_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """The records of one instant, and the events in them of the arms and of evaluators."""

    ts: int
    seqs: Sequence[int]  # of the records, oldest first
    events: Sequence[Any]

    def record_of(self, seq: int) -> int:
        """Return the seq of the record with an event."""
        return max(one for one in self.seqs if one <= seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instants:
    """Who looks them up in the journal as it is now."""

    journal: JournalReader
    first_seq: int
    last_seq: int
    desks: Collection[str]  # "" for evaluators
    kept: MutableMapping[int, Instant]

    def around(self, seq: int) -> Instant:
        """Return the instant of an event: several records may tell of it, for arms may decide on other candles."""
        if seq in self.kept:
            return self.kept[seq]
        find = self.journal.find
        records = [find(seq)[0]]
        ts = records[0].input.ts
        while records[0].seq > self.first_seq and (one := find(records[0].seq - 1)[0]).input.ts == ts:
            records.insert(0, one)
        while (is_over := records[-1].next_seq <= self.last_seq) and (
            one := find(records[-1].next_seq)[0]
        ).input.ts == ts:
            records.append(one)
        events = [event for record in records for event in record.events if event.desk in self.desks]
        found = Instant(ts=ts, seqs=[record.seq for record in records], events=events)
        if is_over:
            self._keep(seq, found)
        return found

    def behind(self, cut: int, before: int | None) -> int | None:
        """Return the seq of the record after that of `cut`, or of its own where nothing lies between it and `before`;
        None where the journal has nothing as old."""
        if cut < self.first_seq:
            return None
        record = self.journal.find(cut)[0]
        return record.next_seq if before is None or record.next_seq < before else record.seq

    def _keep(self, seq: int, instant: Instant) -> None:
        if len(self.kept) >= MOST_KEPT:
            self.kept.clear()
        self.kept[seq] = instant


def instants_of(inside: Inside, standing: Standing) -> Instants:
    """Return who looks them up; what is kept goes with the day's judgement."""
    kept: dict[int, Instant] = inside.experiments.made(standing, "instants", lambda _: {})
    journal = inside.journal()
    desks = {"", *standing.config.arms}
    first_seq, last_seq = journal.first_seq, journal.last_seq
    return Instants(journal=journal, first_seq=first_seq, last_seq=last_seq, desks=desks, kept=kept)
