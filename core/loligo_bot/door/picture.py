"""The verb chart: a picture of an instrument's candles with what was bought and sold, for chats and reports.

The picture is drawn by `loligo_bot.plot` in a process of its own, one at a time, so that the engine's thread never
waits for it. Who asks gets words and the PNG in one answer.
"""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import Field

from loligo.errors import NotFound
from loligo.ports.door import Answer
from loligo_bot import plot
from loligo_bot.door.aside import done_aside
from loligo_bot.door.chart import ChartAsked, EvaluatorSeries, Level, MarketChart, Timeframe, level_line, read_chart
from loligo_bot.door.inside import Inside
from loligo_bot.door.marks import Mark
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import Instant, Part, brief
from loligo_bot.door.series import history_feeds

TIMEOUT_S = 60.0  # the first picture of an installation also looks through its fonts
MOST_TEXTS = 14  # results written beside their marks
CACHE = "state/matplotlib"  # below the bot's folder: what the library remembers of fonts


class PictureAsked(Arguments):
    """Of which instrument, and which part of it."""

    instrument: str = Field(min_length=1, description='such as "coinbase:BTC/USD"; "btc" where one is so called')
    timeframe: Timeframe = Field(default=None, description="such as 1h or 1d; without: the shortest the bot looks at")
    count: int = Field(default=96, ge=10, le=300, description="candles, the newest")
    until: Instant | None = Field(default=None, description="only candles that opened before, ISO 8601")


class Png(Part):
    """A picture in an answer: chats send it, and REST gives it to who accepts image/png."""

    media_type: Literal["image/png"] = "image/png"
    width: int
    height: int
    base64: str = Field(description="the file", json_schema_extra={"contentEncoding": "base64"})


class Chart(Answer):
    """Candles as a picture, and the same in a few words."""

    time: str
    instrument: str
    timeframe: str
    text: list[str]
    picture: Png

    def lines(self) -> Sequence[str]:
        return self.text


async def chart(inside: Inside, _asked: Asked, given: PictureAsked) -> Chart:
    """NotFound without a candle, LoligoError when nothing was drawn in time."""
    asked = ChartAsked(instrument=given.instrument, timeframe=given.timeframe, until=given.until, count=given.count)
    found = await inside.read(partial(read_chart, inside, history_feeds(inside), asked))
    if not found.candles:
        raise NotFound(f"{found.instrument} {found.timeframe}: there is no candle to draw")
    async with inside.drawing:
        made = await draw(drawing_of(found), inside.home / CACHE)
    picture = Png(width=plot.WIDTH_PX, height=plot.HEIGHT_PX, base64=b64encode(made).decode())
    return Chart(
        time=found.time, instrument=found.instrument, timeframe=found.timeframe, text=_words(found), picture=picture
    )


async def draw(drawing: plot.Drawing, cache: Path) -> bytes:
    """Return the PNG, made by a process of its own. LoligoError when it fails or takes too long."""
    return await done_aside(
        "loligo_bot.plot:main", msgspec.json.encode(drawing), failed="the picture could not be drawn",
        timeout_s=TIMEOUT_S, variables={"MPLCONFIGDIR": str(cache), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


def drawing_of(found: MarketChart) -> plot.Drawing:
    """Return what is to be seen of a chart."""
    opened = [one.opened_at_ms for one in found.candles]
    fills = [one for one in found.marks if one.is_fill and one.price is not None]
    first, last = found.candles[0], found.candles[-1]
    venue, _, symbol = found.instrument.partition(":")
    change = f"   {last.close / first.open - 1:+.2%}" if first.open else ""
    return plot.Drawing(
        title=f"{symbol} · {found.timeframe}",
        note=f"{venue}   last {plot.price_text(last.close)}{change}   {brief(found.time)} UTC",
        candles=[(one.opened_at_ms, one.open, one.high, one.low, one.close, one.volume) for one in found.candles],
        lines=[line for one in found.evaluators for line in _lines(one, opened)],
        signs=_signs(fills, opened),
        rules=[_rule(one) for one in found.levels],
    )


def _lines(one: EvaluatorSeries, opened: Sequence[int]) -> list[plot.Line]:
    """Return an evaluator's numbers that belong over the candles, each at the candle at whose close it was said."""
    made = []
    for place, number in enumerate(one.draws):
        if number.place == "price":
            values: list[float | None] = [None] * len(opened)
            for point in one.points:
                if place < len(point.numbers):
                    values[max(0, bisect_left(opened, point.at_ms) - 1)] = point.numbers[place]
            made.append(plot.Line(name=f"{one.title} {number.name}", values=values))
    return made


def _signs(fills: Sequence[Mark], opened: Sequence[int]) -> list[plot.Sign]:
    told = {one.seq for one in [one for one in fills if one.net is not None][-MOST_TEXTS:]}
    return [
        plot.Sign(
            place=max(0, bisect_left(opened, one.at_ms) - 1),
            is_buy=one.side == "buy",
            is_exit=one.kind != "entry",
            text=f"{one.net:+,.2f}" if one.seq in told and one.net is not None else "",
        )
        for one in fills
    ]


def _rule(one: Level) -> plot.Rule:
    name = "entry" if one.kind == "position" else one.kind
    return plot.Rule(kind=one.kind, price=one.price, text=f"{name} {plot.price_text(one.price)} ({one.desk})")


def _words(found: MarketChart) -> list[str]:
    last = found.candles[-1]
    fills = [one for one in found.marks if one.is_fill]
    results = [one.net for one in fills if one.net is not None]
    count = f"{len(fills)} fills, {len(results)} trades ended: {sum(results):+,.2f}" if fills else "nothing was traded"
    return [
        f"{found.instrument} {found.timeframe}: {len(found.candles)} candles, last {plot.price_text(last.close)}",
        count,
        *(level_line(one) for one in found.levels[:6]),
    ]


OFFERS: tuple[Offer, ...] = (
    looking(
        "chart", "a picture of candles with what was bought and sold, stops and targets", PictureAsked, Chart, chart
    ),
)
