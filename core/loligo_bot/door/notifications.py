"""Verbs on notifications: what people may look up, who is told by which rules, and a test of the way there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from loligo.errors import NotFound
from loligo.model.timeframe import iso
from loligo.ports.door import Answer, Role
from loligo.ports.tentacles import Message
from loligo.registry.faults import did_you_mean
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.pages import LARGEST, Paged, Part, brief
from loligo_notify import FREQUENT, LEVELS, MEANING, Kind, Level, Notice, Teller

TEST_S = 15.0  # for a test message to arrive


class NotificationRow(Part):
    """One thing that happened."""

    id: int
    seq: int | None = Field(description="of the event that it tells of: `why` knows more; null: no event tells of it")
    time: str = Field(description="in the time of the data; empty where it has none")
    kind: str
    level: str
    desk: str
    text: str
    fields: dict[str, str] = Field(description="the numbers behind the text, by the names that templates use")
    is_new: bool = Field(description="the one who asks has not seen it")


class Notifications(Paged):
    """What happened, newest first."""

    notifications: list[NotificationRow]
    unread: int = Field(description="so many has the one who asks not seen, but for the kinds that come often")

    def lines(self) -> Sequence[str]:
        rows = [f"{brief(one.time)} {one.text}".strip() for one in self.notifications]
        return [f"{self.unread} unread", *rows] if rows else ["nothing happened yet"]


class NotificationsAsked(Arguments):
    """Which notifications."""

    limit: int = Field(default=20, ge=1, le=500, description="rows at most, the newest")
    before: int | None = Field(default=None, ge=1, le=LARGEST, description="only rows with a smaller id")
    kinds: tuple[Kind, ...] = Field(default=(), description="only these; without them all but what comes often")
    level: Level = Field(default="info", description="at least this important")
    desk: str | None = Field(default=None, description="only of this desk")


async def notifications(inside: Inside, asked: Asked, given: NotificationsAsked) -> Notifications:
    await inside.notifying.flush()
    return await asyncio.to_thread(_notifications, inside, asked.actor.name, given)


def _notifications(inside: Inside, who: str, given: NotificationsAsked) -> Notifications:
    store = inside.notifying.post.store
    found = store.notices(
        limit=given.limit + 1,
        before=given.before,
        kinds=given.kinds or ["", *(kind for kind in Kind if kind not in FREQUENT)],
        levels=LEVELS[LEVELS.index(given.level) :],
        desk=given.desk or "",
    )
    seen, rows = store.seen(who), found[: given.limit]
    return Notifications(
        notifications=[_row(one, seen) for one in rows],
        unread=store.unread(who, sorted(FREQUENT)),
        next_before=rows[-1].id if len(found) > given.limit else None,
    )


def _row(notice: Notice, seen: int) -> NotificationRow:
    told = {name: getattr(notice, name) for name in ("id", "seq", "kind", "level", "desk", "text", "fields")}
    return NotificationRow(**told, time=notice.fields.get("time", ""), is_new=notice.id > seen)


class SeenAsked(Arguments):
    """Up to where."""

    up_to: int = Field(ge=0, le=LARGEST, description="id of the newest that was seen")


class Seen(Answer):
    """How many are left."""

    unread: int

    def lines(self) -> Sequence[str]:
        return [f"{self.unread} unread"]


async def seen(inside: Inside, asked: Asked, given: SeenAsked) -> Seen:
    store, who = inside.notifying.post.store, asked.actor.name
    await asyncio.to_thread(store.see, who, given.up_to)
    return Seen(unread=await asyncio.to_thread(store.unread, who, sorted(FREQUENT)))


class Destination(Part):
    """Somebody or something that is told."""

    name: str
    via: str = Field(description="the tentacle that tells it, as kind/name")
    state: str = Field(description="well, failing or waiting")
    waiting: int = Field(description="messages in its outbox")
    delivered: int
    dropped: int = Field(description="messages left out because there was no room, or that were refused for good")
    failing_since: str = Field(description="time of the wall clock; empty: it does not")
    error: str = Field(description="of the newest failure")
    rules: list[str] = Field(description="in words; the first that fits a message decides")


class Destinations(Answer):
    """Who is told, and how that goes."""

    destinations: list[Destination]

    def lines(self) -> Sequence[str]:
        return [
            f"{one.name}: {one.state}, {one.waiting} waiting, {one.delivered} delivered, {one.dropped} dropped"
            + (f"; {one.error}" if one.error else "")
            for one in self.destinations
        ] or ["nobody is told: add a notifier or a chat to the configuration"]


async def destinations(inside: Inside, _asked: Asked, _given: Arguments) -> Destinations:
    tellers = inside.notifying.post.destinations()
    return Destinations(destinations=[await asyncio.to_thread(_destination, one) for one in tellers])


def _destination(teller: Teller[Any, Any]) -> Destination:
    standing, waiting = teller.outbox.standing(teller.place), teller.outbox.waiting_at(teller.place)
    is_failing = bool(standing.failing_ns)
    return Destination(
        name=teller.name,
        via=teller.via,
        state="failing" if is_failing else "waiting" if waiting else "well",
        waiting=waiting,
        delivered=standing.delivered,
        dropped=standing.dropped,
        failing_since=iso(standing.failing_ns) if is_failing else "",
        error=standing.error,
        rules=teller.words(),
    )


class KindRow(Part):
    """One kind of message."""

    name: str
    meaning: str
    is_frequent: bool = Field(description="told only where a rule names it")


class Kinds(Answer):
    """All kinds of messages that rules can name."""

    kinds: list[KindRow]

    def lines(self) -> Sequence[str]:
        return [f"{one.name}: {one.meaning}" for one in self.kinds]


async def kinds(_inside: Inside, _asked: Asked, _given: Arguments) -> Kinds:
    return Kinds(kinds=[KindRow(name=one, meaning=MEANING[one], is_frequent=one in FREQUENT) for one in Kind])


class TestAsked(Arguments):
    """Which destination."""

    name: str = Field(min_length=1, description="as `notify.list` has it")


class Tested(Answer):
    """Whether a test message arrived."""

    is_done: bool
    message: str

    def lines(self) -> Sequence[str]:
        return [self.message]


async def tested(inside: Inside, asked: Asked, given: TestAsked) -> Tested:
    known = {one.name: one for one in inside.notifying.post.destinations()}
    teller = known.get(given.name)
    if teller is None:
        raise NotFound(f'nobody is told by the name "{given.name}"{did_you_mean(given.name, known)}')
    text = f"This is a test, asked for by {asked.actor.name}: messages arrive here"
    error = await teller.test(Message(level="info", text=text), within_s=TEST_S)
    return Tested(is_done=not error, message=f"{given.name}: {f'not delivered: {error}' if error else 'delivered'}")


OFFERS: tuple[Offer, ...] = (
    looking("notifications", "what happened that people are told of", NotificationsAsked, Notifications, notifications),
    changing("notifications.seen", "mark notifications as seen", Role.VIEW, SeenAsked, Seen, seen),
    looking("notify.list", "who is told, by which rules, and how that goes", Arguments, Destinations, destinations),
    looking("notify.kinds", "the kinds of messages that rules can name", Arguments, Kinds, kinds),
    changing("notify.test", "send a test message the way that all others go", Role.TRADE, TestAsked, Tested, tested),
)
