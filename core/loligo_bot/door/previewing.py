"""The verb tentacle.preview: what other settings would have traded over the newest candles, beside what trades."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from pydantic import Field

from loligo.config import LoligoConfig
from loligo.errors import BadArguments
from loligo.model.market import Candle
from loligo.model.timeframe import iso, timeframe_ns
from loligo.ports.door import Answer
from loligo.ports.tentacles import HistoryFeed
from loligo.registry.registry_file import RegistryEntry
from loligo_bot.apart import apart
from loligo_bot.door.changing_settings import (
    SettingsAsked,
    Values,
    changed_settings,
    differences_of,
    judge,
    place_at,
    standing,
)
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked, Offer, looking
from loligo_bot.door.pages import Part, plain
from loligo_bot.door.series import MOST_PARTS, candles_known, history_feeds
from loligo_bot.door.settings import Difference
from loligo_bot.generation import config_of
from loligo_bot.preview import Deed, Draft, Execution, Outcome, Side, concerned, outcome_of, series_of
from loligo_bot.recipe import Recipe

LIMIT_S = 8.0  # for all desks
MOST_DESKS = 4
KINDS = ("evaluator", "strategy", "trading_mode", "risk_rule", "venue")  # that decide something
MS_NS = 1_000_000
_ONE = threading.Lock()  # goes through candles at a time: the others wait, within their limit


class PreviewAsked(SettingsAsked):
    """Which settings of which tentacle, over how much."""

    candles: int = Field(default=200, ge=20, le=1_000, description="of each desk's own timeframe, the newest")


class Fill(Part):
    """A fill that both would have, or only one of them."""

    time: str
    at_ms: int
    instrument: str
    side: str
    role: str = Field(description="entry, exit, stop, target, trail, ...")
    now: str = Field(description='quantity "at" price, as it is set; empty: it would not be')
    then: str = Field(description="the same with the other settings")


class Came(Part):
    """What a desk would have come to, from flat."""

    fills: int
    trades: int = Field(description="closed")
    share: float = Field(description="growth of its equity as a fraction")
    failure: str = Field(description="of a tentacle; empty: none")


class Closes(Part):
    """The closes of an instrument in the desk's timeframe."""

    instrument: str
    points: list[tuple[int, float]] = Field(description="ms since 1970, close in quote units; oldest first")


class DeskPreview(Part):
    """One desk, as it is set and with the other settings."""

    desk: str
    timeframe: str
    candles: int
    since: str
    until: str
    now: Came
    then: Came
    fills: list[Fill]
    closes: list[Closes]


class Preview(Answer):
    """What the other settings would have traded."""

    differences: list[Difference] = Field(description="by setting; secrets masked")
    desks: list[DeskPreview]
    message: str = Field(description="what is not shown, and why; empty: nothing")

    def lines(self) -> Sequence[str]:
        changed = [f"{one.key}: {one.before} → {one.after}" for one in self.differences] or ["nothing differs"]
        return [*changed, *(line for desk in self.desks for line in _lines(desk)), *filter(None, [self.message])]


def _lines(one: DeskPreview) -> list[str]:
    told = (
        f"{one.desk}: over {one.candles} candles of {one.timeframe}, {one.now.fills} fills and {one.now.share:+.2%} "
        f"as it is set, {one.then.fills} and {one.then.share:+.2%} with these settings"
    )
    fills = [
        f"  {fill.time[:16]} {fill.instrument} {fill.role} {fill.side}: {fill.now or '-'} | {fill.then or '-'}"
        for fill in one.fills
        if fill.now != fill.then
    ]
    return [told, *fills, *(f"  fails: {one.then.failure}" for _ in range(bool(one.then.failure)))]


async def preview(inside: Inside, _asked: Asked, given: PreviewAsked) -> Preview:
    """Judge the settings and go through the candles. BadArguments tells of each one that is wrong."""
    entry, old = await inside.read(lambda: standing(inside, given))
    if entry.kind not in KINDS:
        raise BadArguments(f"name: {entry.slot} decides nothing; a preview is for one of {', '.join(KINDS)}")
    new = changed_settings(old, given)
    judge(inside, entry, given, new)
    differences = differences_of(old, new)
    if not differences:
        return Preview(differences=[], desks=[], message="it is set like that already")
    feeds = history_feeds(inside)
    work = partial(_previewed, inside, feeds, _sides(inside, entry, given, new), given.candles)
    try:
        desks, message = await apart(work, LIMIT_S, "preview")
    except TimeoutError:
        desks, message = [], f"it did not come to an end within {LIMIT_S:g} s"
    return Preview(differences=differences, desks=desks, message=message)


@dataclass(frozen=True, slots=True)
class _Sides:
    """As it is, and as it would be."""

    now: Side
    then: Side


def _sides(inside: Inside, entry: RegistryEntry, given: PreviewAsked, new: Values) -> _Sides:
    running = inside.reconciler.running
    now = Side(config=running.config, factories=running.host)
    if given.place:
        return _Sides(now, Side(config=_with_place(running.config, entry, given.place, new), factories=running.host))
    draft = Draft(running.host, entry.model_copy(update={"settings": new}))
    return _Sides(now, Side(config=running.config, factories=draft))


def _with_place(config: LoligoConfig, entry: RegistryEntry, place: str, new: Values) -> LoligoConfig:
    """Return a configuration with other settings at one place."""
    settings: dict[str, Any] = msgspec.json.decode(config.model_dump_json())
    node, key = place_at(settings, place, entry)
    node[key] = new
    return config_of(Recipe(settings, {}))


def _previewed(
    inside: Inside, feeds: Sequence[HistoryFeed], sides: _Sides, count: int
) -> tuple[list[DeskPreview], str]:
    names = concerned(sides.now, sides.then)
    with _ONE:
        found = [_of_desk(inside, feeds, sides, name, count) for name in names[:MOST_DESKS]]
    known = [one for one in found if one is not None]
    left_out = names[MOST_DESKS:] + [name for name, one in zip(names, found, strict=False) if one is None]
    if not names:
        return [], "no desk would work otherwise: where it is used, the place says otherwise"
    return known, f"not gone through: {', '.join(left_out)}" if left_out else ""


def _of_desk(inside: Inside, feeds: Sequence[HistoryFeed], sides: _Sides, name: str, count: int) -> DeskPreview | None:
    """Return one desk both ways; None where there are no candles."""
    now, then = sides.now.plan_of(name), sides.then.plan_of(name)
    timeframe = now.desks[0].timeframe
    if not timeframe:
        return None  # it decides by what no candle tells
    own = [seat.instrument.id for seat in now.desks[0].seats]
    shown = {one: candles_known(inside, feeds, one, timeframe, before_ns=None, limit=count) for one in own}
    every = sorted({candle.ts for candles in shown.values() for candle in candles})[-count:]
    if not every:
        return None
    since_ns = every[0] - 1
    one, other = series_of(now), series_of(then)
    wanted = {place: max(one.get(place, 0), other.get(place, 0)) for place in one | other}
    span = since_ns, every[-1]
    known = {place: _known(inside, feeds, place, span, warmup) for place, warmup in wanted.items()}
    outcomes = outcome_of(now, known, since_ns), outcome_of(then, known, since_ns)
    return DeskPreview(
        desk=name,
        timeframe=timeframe,
        candles=len(every),
        since=iso(every[0]),
        until=iso(every[-1]),
        now=_came(outcomes[0]),
        then=_came(outcomes[1]),
        fills=_fills(*outcomes),
        closes=[Closes(instrument=one, points=_closes(candles, since_ns)) for one, candles in shown.items()],
    )


def _known(
    inside: Inside, feeds: Sequence[HistoryFeed], place: tuple[str, str], span: tuple[int, int], warmup: int
) -> Sequence[Candle]:
    """Return the candles of a series within a span, and so many before it as its evaluators want; not those that have
    come since it was chosen."""
    newer = (inside.engine.now_ns - span[0]) // timeframe_ns(place[1]) + 1
    found = candles_known(inside, feeds, *place, before_ns=None, limit=min(newer + warmup, MOST_PARTS))
    return [one for one in found if one.ts <= span[1]]


def _closes(candles: Sequence[Candle], since_ns: int) -> list[tuple[int, float]]:
    return [(one.ts // MS_NS, one.close) for one in candles if one.ts > since_ns]


def _came(one: Outcome) -> Came:
    return Came(fills=len(one.fills), trades=one.trades, share=one.share, failure=one.failure)


def _fills(now: Outcome, then: Outcome) -> list[Fill]:
    """Return the fills of both, each deed once, oldest first; the parts of one deed are added up in its text."""
    sides = [_by_deed(one.fills) for one in (now, then)]
    found = []
    for ts, instrument, side, role in sorted({*sides[0], *sides[1]}):
        texts = [_text(own.get((ts, instrument, side, role), [])) for own in sides]
        found.append(
            Fill(
                time=iso(ts),
                at_ms=ts // MS_NS,
                instrument=instrument,
                side=side,
                role=role,
                now=texts[0],
                then=texts[1],
            )
        )
    return found


def _by_deed(fills: Sequence[Execution]) -> Mapping[Deed, list[Execution]]:
    found: dict[Deed, list[Execution]] = {}
    for one in fills:
        found.setdefault(one.deed, []).append(one)
    return found


def _text(parts: Sequence[Execution]) -> str:
    return ", ".join(f"{plain(one.quantity)} at {plain(one.price)}" for one in parts)


OFFERS: tuple[Offer, ...] = (
    looking(
        "tentacle.preview",
        "what other settings would have traded over the newest candles",
        PreviewAsked,
        Preview,
        preview,
    ),
)
