"""The check called `contract` for the edge (feed, notifier, automation) and for venues: run here, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Any

from loligo.api import Candle, Input, MakeContext, Message, Record
from loligo.api.automation import Recording, Timed, World
from loligo.errors import TENTACLE_FAULTS
from loligo.host.contract import describe_error
from loligo.ports.tentacles import HistoricalFeed, HistoryFeed
from loligo.ports.venue import EngineVenue
from loligo_testing import tape
from loligo_testing.checks.bench import Bench, cuts
from loligo_testing.inbox import CollectingInbox
from loligo_testing.report import Check, failed, not_applicable, passed
from loligo_testing.subject import Subject

NAME = "contract"
ITEMS = 2_000  # of a feed
_RUN_S = 10.0
_MESSAGES = 100


def feed(bench: Bench) -> Check:
    """In order of time, the same at every reading, from any cursor; and run as it is read."""
    subject = bench.subject
    if any(each.startswith("net:") for each in subject.permissions):
        return not_applicable(NAME, "it reads from the network, which a check does not reach")
    made = edge_instance(subject)
    if not isinstance(made, HistoricalFeed):
        return _running_feed(subject)
    items = list(islice(made.read(), ITEMS))
    if not items:
        return failed(NAME, "read() gives nothing", "give settings under which it does in check.toml: [settings]")
    fault = _read_well(made, items) or _same_when_run(subject, items) or _looked_back(made, items)
    told = f"{len(items)} inputs in order of time, the same twice, resumed at 10 cursors, the same when run"
    return fault or passed(NAME, told)


def edge_instance(subject: Subject) -> Any:
    """Return an instance whose bot folder is its own."""
    return subject.make(MakeContext(home=str(subject.version.folder)))


def _read_well(made: HistoricalFeed, items: Sequence[Input]) -> Check | None:
    """Return what is wrong with `read`, None when it keeps order and cursors."""
    for before, after in pairwise(items):
        if after.ts < before.ts:
            return failed(NAME, f"{after} comes after ts {before.ts}", "publish in the order of ts")
    if items != list(islice(made.read(), ITEMS)):
        return failed(NAME, "read twice it gives two different rows", "read the same at every call")
    for cut in cuts(len(items), 10):
        since_ns, taken = items[cut - 1].ts, sum(item.ts == items[cut - 1].ts for item in items[:cut])
        rest = list(islice(made.read(since_ns=since_ns, since_count=taken), len(items) - cut))
        if rest != items[cut:]:
            return failed(NAME, _resumed(cut, since_ns, taken, items[cut:], rest), "go on right behind the cursor")
        later = [item for item in items if item.ts > since_ns]
        if list(islice(made.read(since_ns=since_ns), len(later))) != later:
            told = f"since_ns={since_ns} without a count does not begin with the first item after it"
            return failed(NAME, told, "take all inputs of since_ns itself as known then")
        until = list(islice(made.read(until_ns=since_ns), len(items)))
        if [item for item in items if item.ts <= since_ns] != until:
            return failed(NAME, f"until_ns={since_ns} ends elsewhere", "end after the last input of until_ns")
    return None


def _resumed(cut: int, since_ns: int, taken: int, wanted: Sequence[Input], rest: Sequence[Input]) -> str:
    lost = [item for item in wanted if item not in rest]
    twice = [item for item in rest if item not in wanted]
    return (
        f"resumed after {cut} inputs (since_ns={since_ns}, since_count={taken}): {len(lost)} lost, {len(twice)} twice"
    )


def _same_when_run(subject: Subject, items: Sequence[Input]) -> Check | None:
    """Return what is wrong with `run`, None when it publishes what `read` gives."""
    cut = len(items) // 2
    since_ns = items[cut - 1].ts if cut else None
    wanted = [item for item in items if since_ns is None or item.ts > since_ns]
    try:
        found = asyncio.run(_published(subject, since_ns, len(wanted)))
    except TENTACLE_FAULTS as exc:
        return failed(NAME, f"run: {describe_error(exc)}", "correct run")
    if found[: len(wanted)] != wanted:
        told = f"run(since_ns={since_ns}) published {len(found)} inputs, read gives {len(wanted)}, or others"
        return failed(NAME, told, "let run publish what read gives")
    return None


def _looked_back(feed: Any, items: Sequence[Input]) -> Check | None:
    """Return what is wrong with `history`, None when it ends where it is asked to."""
    candles = [item for item in items if isinstance(item, Candle)]
    if not isinstance(feed, HistoryFeed) or not candles:
        return None
    last = candles[len(candles) // 2]
    series = [
        c for c in candles if (c.instrument, c.timeframe) == (last.instrument, last.timeframe) and c.ts <= last.ts
    ]
    found = list(feed.history(last.instrument, last.timeframe, last.ts, 20))
    if found != series[-20:] or any(candle.ts > last.ts for candle in found):
        return failed(
            NAME, f"history up to {last.ts} gives {len(found)} candles, not those that read gives", "end at until_ns"
        )
    return None


async def _published(subject: Subject, since_ns: int | None, count: int) -> list[Input]:
    """Return what a new feed publishes until it ends, has given `count`, or its time is up."""
    inbox = CollectingInbox()
    task = asyncio.ensure_future(edge_instance(subject).run(inbox, since_ns=since_ns))
    try:
        async with asyncio.timeout(_RUN_S):
            while not task.done() and len(inbox.items) < max(count, 1):
                await asyncio.sleep(0.01)
        if task.done():
            task.result()
    except TimeoutError:
        return inbox.items
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return inbox.items


def _running_feed(subject: Subject) -> Check:
    try:
        first = asyncio.run(_published(subject, None, ITEMS))
        if not first:
            return not_applicable(NAME, f"it cannot be read, and publishes nothing within {_RUN_S:g} s")
        rest = asyncio.run(_published(subject, first[0].ts, len(first)))
    except TENTACLE_FAULTS as exc:
        return failed(NAME, f"run: {describe_error(exc)}", "correct run")
    if any(after.ts < before.ts for before, after in pairwise(first)):
        return failed(NAME, "it publishes out of order of time", "publish in the order of ts")
    if any(item.ts <= first[0].ts for item in rest):
        return failed(
            NAME, "resumed from a cursor it gives again what was taken", "leave out what since_ns says is known"
        )
    return passed(NAME, f"{len(first)} inputs in order of time, none twice after a restart")


def notifier(bench: Bench) -> Check:
    subject = bench.subject
    if any(each.startswith("net:") for each in subject.permissions):
        return not_applicable(NAME, "it tells over the network, which a check does not reach")
    try:
        seconds = asyncio.run(_told(edge_instance(subject)))
    except TimeoutError:
        return failed(
            NAME, f"{_MESSAGES} messages took more than {_RUN_S:g} s", "return soon; send in a task of your own"
        )
    except TENTACLE_FAULTS as exc:
        return failed(NAME, describe_error(exc), "take every message: an unknown level, no fields, odd text")
    return passed(NAME, f"{_MESSAGES} messages of every level in {seconds * 1000:.1f} ms")


async def _told(notifier: Any) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    levels = ("info", "warning", "problem", "unheard-of")
    async with asyncio.timeout(_RUN_S):
        for number in range(_MESSAGES):
            fields = {"level": "x", "quantity": "1.5"} if number % 3 else {}
            text = "" if number == 50 else f"message {number} \N{SQUID} {{braces}} %s\nand a line"
            await notifier.notify(Message(level=levels[number % 4], text=text, seq=number, desk="test", fields=fields))
        close = getattr(notifier, "close", None)
        if close is not None:
            ended = close()
            if asyncio.iscoroutine(ended):
                await ended
    return loop.time() - began


def venue(bench: Bench) -> Check:
    venue = bench.subject.make()
    if not isinstance(venue, EngineVenue):
        return not_applicable(NAME, "a live venue is not reached by a check")
    run = bench.run
    if run.failures or not run.fills:
        return failed(NAME, f"{len(run.orders)} orders, {len(run.fills)} fills on a desk", "answer orders by reports")
    return passed(NAME, f"{len(run.orders)} orders, {len(run.fills)} fills, {len(run.trades)} round trips on a desk")


def automation(bench: Bench) -> Check:
    """What it wants follows from what it was shown, also after its state went over; each firing has its own key."""
    subject = bench.subject
    made = subject.make()
    if not isinstance(made, Recording | Timed):
        return not_applicable(NAME, "it gives commands of its own")
    try:
        subject.make().restore_state({})
    except TENTACLE_FAULTS as exc:
        said = f"restore_state({{}}): {describe_error(exc)}"
        return failed(NAME, said, "take back what fits: of one that never ran there is nothing")
    shown = tape.walk(400)
    whole, moved = _fired(subject, shown, ()), _fired(subject, shown, cuts(len(shown), 5))
    if whole != moved:
        return failed(NAME, f"{len(whole)} firings, {len(moved)} with its state taken over", "export all that counts")
    keys = [key for _, key, _ in whole]
    if len(set(keys)) < len(keys):
        return failed(NAME, "two firings have one key", "make the key of what fired it: it is carried out once")
    if not made.standing().words:
        return failed(NAME, "standing() has no words", "say in a sentence what it does")
    return passed(NAME, f"{len(whole)} firings over {len(shown)} hours, the same with its state taken over 5 times")


def _fired(subject: Subject, candles: Sequence[Candle], moves: Sequence[int]) -> list[tuple[int, str, str]]:
    """Return place, key and why of what it fires over candles; at `moves` another instance goes on."""
    made, world, found = subject.make(), World(), []
    for place, candle in enumerate(candles):
        if place in moves:
            state, made = made.export_state(), subject.make()
            made.restore_state(state)
        record = Record(place + 1, candle, [])
        world.hear(record)
        firing = made.on_record(record, world) if isinstance(made, Recording) else made.on_time(candle.ts)
        if firing is not None:
            found.append((place, firing.key, firing.why))
    return found
