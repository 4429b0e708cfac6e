"""Notifying: durable records become messages for the edges, for people to look up, and for those who missed them.

    records ─► hear ─► messages ─► mailboxes of notifiers and interfaces ─► their outboxes
                          └──────► notices in state/notifications.sqlite, for bell and page

What must hold: a message of a durable record is heard once by every destination with an outbox, whenever the bot was
killed: at the start they are made again from where each of them stands. Nobody waits for the disk here but `flush`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import loligo
from loligo.errors import JournalError
from loligo.log import get_logger
from loligo.model.events import Record
from loligo.ports.tentacles import Message
from loligo_bot.daily import Daily
from loligo_bot.health.silence import SILENT
from loligo_bot.tell import Orders, messages_of
from loligo_notify import Kind, Mark, Post, mark_of
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

EVERY_S = 0.5  # notices are written
LOOK_S = 5.0  # at feeds, and at how far everybody was told
MOST_AGAIN = 200_000  # records from which messages are made again at a start: the newest
_HEARD, _NOTED = "heard", "noted"  # facts: everybody was told so far; notices are written so far

FEEDS = "feeds/"  # with which the places of feeds begin
TROUBLED = ("failing", "ended", SILENT)  # states of feeds and all other edges
CALM_S = 60.0  # so long an edge that is no feed has to work before it is said to: one may fail at every second message

_log = get_logger("notify")


class Ears(Protocol):
    """Who is told, as `loligo_bot.edges.Edges` is."""

    def tell(self, messages: Sequence[Message], records: Sequence[Record]) -> None: ...

    def status(self) -> dict[str, dict[str, Any]]: ...


class Notifying:
    """The messages of one running bot; all but `flush` on its event loop."""

    def __init__(self, post: Post, edges: Ears, rows: ProjectionReader, daily: Daily, last_seq: int) -> None:
        self.post = post
        self._edges, self._rows, self._daily = edges, rows, daily
        self._orders = Orders(self._order)
        self._last_seq = last_seq  # of the journal, before this run
        self._heard_seq = last_seq
        self._early: list[Record] | None = []  # heard before all that was missed was told
        self.is_going_on = asyncio.Event()  # all that was missed and heard early is told
        self._said_early: list[Message] = []
        self._unwritten: list[tuple[Message, Mark | None]] = []
        self._troubled: dict[str, str] = {}  # states of edges that do not work, as people were told
        self._seen_s: dict[str, float] = {}  # when they were last seen so

    def _order(self, order_id: str) -> Mapping[str, Any] | None:
        return next(iter(self._rows.rows("orders", where={"id": order_id})), None)

    def was_cut_off(self) -> bool:
        """Say whether the run before ended without a word; blocks, for a moment."""
        newest = self.post.store.notices(limit=1, kinds=(Kind.STARTED, Kind.STOPPED))
        return bool(newest) and newest[0].kind == Kind.STARTED

    # What was missed

    async def catch_up(self, journal: JournalReader) -> None:
        """Tell every destination what became durable before this run and did not reach it."""
        tellers = self.post.destinations()
        places = {one.name: await asyncio.to_thread(one.outbox.standing, one.place) for one in tellers}
        await asyncio.to_thread(self.post.store.begin, list(places), self._last_seq)
        heard, noted = await asyncio.to_thread(self._fact, _HEARD), await asyncio.to_thread(self._fact, _NOTED)
        known = [max(heard, place.seq or 0) for place in places.values() if place.seq is not None]
        since = min([*known, noted]) + 1
        for page in await asyncio.to_thread(self._again, journal, since):
            for message in page:
                self._note((message,))
                for teller in tellers:
                    await teller.tell(message)

    def _go_on(self) -> None:
        """Tell what came meanwhile, and from here on what comes."""
        early, self._early = self._early or [], None
        self._pass_on([record for record in early if record.seq > self._heard_seq])
        said, self._said_early = self._said_early, []
        for message in said:
            self.say(message)

    def _fact(self, name: str) -> int:
        """Return how far something was done; a folder that has no such fact begins at the journal's end."""
        found = self.post.store.fact(name)
        if not found:
            self.post.store.set_fact(name, str(self._last_seq))  # or the next start would take its own end for it
        return min(int(found), self._last_seq) if found else self._last_seq

    def _again(self, journal: JournalReader, since: int) -> list[list[Message]]:
        """Make the messages of records from a seq on again; blocks. What comes meanwhile is heard by itself."""
        last_seq = self._last_seq
        since = max(since, last_seq - MOST_AGAIN, journal.first_seq)
        made: list[list[Message]] = []
        for record in journal.records(since) if since <= last_seq else ():
            if record.seq < since:
                continue
            if record.seq > last_seq:
                break
            if not made:
                self._take_up_day(journal, record.seq)
            made.append(self._messages(record))
            self._heard_seq = record.next_seq - 1
        if not made:
            self._take_up_day(journal, last_seq + 1)
        return made

    def _take_up_day(self, journal: JournalReader, seq: int) -> None:
        """Let the day go on as it stands before a record; the first record ever begins one by itself."""
        if journal.first_seq < seq <= journal.last_seq + 1:
            self._daily.begin(self._rows, seq, journal.find(seq - 1)[0].input.ts)

    def _messages(self, record: Record) -> list[Message]:
        summary = self._daily.hear(record)
        return [*([summary] if summary else []), *messages_of((record,), self._orders)]

    # What is new

    def hear(self, records: Sequence[Record]) -> None:
        """Take durable records."""
        if self._early is not None:
            self._early.extend(records)
        else:
            self._pass_on(records)

    def _pass_on(self, records: Sequence[Record]) -> None:
        if not records:
            return
        messages = [message for record in records for message in self._messages(record)]
        self._heard_seq = records[-1].next_seq - 1
        self._note(messages)
        self._edges.tell(messages, records)

    def say(self, message: Message) -> None:
        """Tell what no record tells of."""
        if self._early is not None:
            self._said_early.append(message)
            return
        self._note((message,))
        self._edges.tell((message,), ())

    def _note(self, messages: Sequence[Message]) -> None:
        self._unwritten.extend((message, mark_of(message)) for message in messages)

    # In the background

    async def run(self, journal: Callable[[], JournalReader], project: Callable[[], None]) -> None:
        """Tell what was missed; then write notices, look at feeds, and note how far everybody was told, until
        cancelled. `project` brings the read models up to the journal and blocks."""
        try:
            await self._begin(journal, project)
        finally:
            self.is_going_on.set()
        looked_s = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()
            if asyncio.get_running_loop().time() - looked_s > LOOK_S:
                looked_s = asyncio.get_running_loop().time()
                await self._look()

    async def _begin(self, journal: Callable[[], JournalReader], project: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(project)
            await self.catch_up(journal())
        except JournalError as exc:
            _log.error("what was not told before the last end cannot be made again", error=str(exc))
        self._go_on()

    async def flush(self) -> None:
        """Write down what people may look up."""
        if self._unwritten:
            await asyncio.shield(asyncio.to_thread(self.write))

    def write(self) -> None:
        """Do the same where one may block."""
        unwritten, self._unwritten, seq = self._unwritten, [], self._heard_seq
        if unwritten:
            self.post.store.note(unwritten)
            self.post.store.set_fact(_NOTED, str(seq))

    async def _look(self) -> None:
        status, seq = self._edges.status(), self._heard_seq
        if not any(edge.get("waiting") for edge in status.values()):  # nobody has anything left to take
            await asyncio.to_thread(self.post.store.set_fact, _HEARD, str(seq))
        now_s = asyncio.get_running_loop().time()
        troubled = {name: str(edge["state"]) for name, edge in status.items() if edge["state"] in TROUBLED}
        for name, state in sorted(troubled.items()):
            self._seen_s[name] = now_s
            if self._troubled.get(name) != state:
                self.say(edge_message(name, status[name]["error"], state))
        for name in sorted(self._troubled.keys() & status.keys() - troubled.keys()):  # what was taken away is not well
            if not name.startswith(FEEDS) and now_s - self._seen_s[name] < CALM_S:
                troubled[name] = self._troubled[name]
            else:
                self.say(edge_message(name))
        self._troubled = troubled


def edge_message(name: str, error: str = "", state: str = "") -> Message:
    """Return what is said of an edge that fails, is silent or has ended by itself; without a state, that it works."""
    said = {"": "works again", SILENT: "is silent", "ended": "has ended by itself"}.get(state, "fails")
    text = f"{name} {said}{f': {error}' if error else ''}"
    level = "problem" if state else "info"
    if name.startswith(FEEDS):
        return Message(kind=Kind.FEED_STALE, level=level, text=text, fields={"time": "", "feed": name, "error": error})
    return Message(kind=Kind.ERROR, level=level, text=text, fields={"time": "", "what": name, "error": error})


def started(desks: int, time: str, *, is_after_crash: bool = False) -> Message:
    """Return what is said at the start; after a run that could not say its end, as a warning."""
    text = f"Loligo {loligo.__version__} has started with {desks} desk{'s' if desks != 1 else ''}"
    text += "; the run before was cut off: it crashed, was killed, or the power failed" if is_after_crash else ""
    fields = {"time": time, "version": loligo.__version__, "desks": str(desks)}
    return Message(kind=Kind.STARTED, level="warning" if is_after_crash else "info", text=text, fields=fields)


def stopped(reason: str, time: str, fault: str = "") -> Message:
    """Return what is said at the end; `fault` is what ended a run that nobody wanted to end."""
    told = f"{reason}, {fault}" if fault else reason
    fields = {"time": time, "reason": told}
    return Message(kind=Kind.STOPPED, level="problem" if fault else "info", text=f"Loligo stops: {told}", fields=fields)
