"""The verb market.chart: candles of an instrument with all that the bot thought and did about them.

Numbers behind an opinion come from the journal; what they are and where they are drawn, from the manifest of the
evaluator that runs now, by their order. What must hold: every list is bounded; no tentacle is named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from loligo.errors import JournalError
from loligo.model.events import Evaluated
from loligo.model.market import Candle
from loligo.model.order import OPEN_STATES, PROTECTIVE_ROLES
from loligo.model.timeframe import iso, ns_from_iso, timeframe_ns
from loligo.ports.door import Answer
from loligo.ports.tentacles import HistoryFeed
from loligo_bot.door.inside import Inside
from loligo_bot.door.market import MS_NS, CandleRow, candle_row, checked_timeframe
from loligo_bot.door.marks import Mark, marks_between
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import Instant, Part, brief, plain
from loligo_bot.door.series import history_feeds, instrument_of, own_timeframes, read_series, timeframes
from loligo_store.projections import Row
from loligo_store.reader import JournalReader

MOST_CANDLES = 500
MOST_ROWS = 4_000  # inputs whose opinions one answer looks through, the newest

Timeframe = Annotated[str | None, AfterValidator(lambda text: text if text is None else checked_timeframe(text))]


class ChartAsked(Arguments):
    """Of which instrument, and which part of it."""

    instrument: str = Field(min_length=1, description='such as "coinbase:BTC/USD"; "btc" where one is so called')
    timeframe: Timeframe = Field(default=None, description="such as 1h or 1d; without: the shortest the bot looks at")
    until: Instant | None = Field(default=None, description="only candles that opened before, ISO 8601: `next_until`")
    count: int = Field(default=200, ge=1, le=MOST_CANDLES, description="candles at most, the newest")


class DrawnNumber(Part):
    """One of the numbers behind an evaluator's reasons."""

    name: str
    place: Literal["price", "pane", "bars", "none"] = Field(
        description="price: a line over the candles; pane: a line below them; bars: a histogram there"
    )


class OpinionPoint(Part):
    """What an evaluator said last within a candle."""

    at_ms: int = Field(description="when it was said: the close of its candle")
    seq: int
    value: float = Field(description="-1 strongly bearish to +1 strongly bullish")
    code: str
    numbers: list[float | None] = Field(description="in the order of `draws`; null: not a number")


class EvaluatorSeries(Part):
    """One evaluator's opinions, oldest first, and how its numbers are drawn."""

    label: str = Field(description="name, instrument, timeframe")
    name: str
    title: str = Field(description="its name, with what tells it from others of that name here")
    draws: list[DrawnNumber]
    points: list[OpinionPoint]


class Level(Part):
    """A price at which something rests or was begun: an open order, or the average entry of a position."""

    kind: str = Field(description="stop, target, trail, entry, exit or position")
    price: float
    quantity: Decimal
    side: str
    desk: str
    seq: int
    order_id: str = Field(description='"" of a position')


class MarketChart(Answer):
    """Candles, oldest first, and what belongs to them."""

    time: str = Field(description="of the newest input, in the time of the data")
    instrument: str
    timeframe: str
    timeframes: list[str] = Field(description="that can be asked for")
    candles: list[CandleRow]
    next_until: str | None = Field(description="`until` of the next, older page; null: there is none")
    evaluators: list[EvaluatorSeries]
    marks: list[Mark]
    levels: list[Level] = Field(description="as they are now, whatever part is shown")
    is_shortened: bool = Field(description="there were more marks or opinions than fit; the newest are here")

    def lines(self) -> Sequence[str]:
        if not self.candles:
            return [f"{self.instrument} {self.timeframe}: no candles"]
        last = self.candles[-1]
        at = brief(iso(last.opened_at_ms * MS_NS))
        head = f"{self.instrument} {self.timeframe}: {len(self.candles)} candles, close {last.close:g} of {at}"
        said = [f"{one.label}: {one.points[-1].value:+.2f} {one.points[-1].code}" for one in self.evaluators]
        return [head, *map(level_line, self.levels), *said, *(one.line() for one in reversed(self.marks[-8:]))]


def level_line(one: Level) -> str:
    what = "holds" if one.kind == "position" else f"{one.kind} {one.side}"
    return f"{one.desk}: {what} {plain(one.quantity)} at {one.price:g}"


async def market_chart(inside: Inside, _asked: Asked, given: ChartAsked) -> MarketChart:
    """NotFound for an instrument that the bot does not know."""
    return await inside.read(partial(read_chart, inside, history_feeds(inside), given))


def read_chart(inside: Inside, feeds: Sequence[HistoryFeed], given: ChartAsked) -> MarketChart:
    """Return the answer; blocks."""
    instrument = instrument_of(inside, given.instrument)
    timeframe = given.timeframe or next(iter(own_timeframes(inside, instrument)), "1h")
    until_ns = ns_from_iso(given.until) if given.until else None
    found = read_series(inside, feeds, instrument, timeframe, before_ns=until_ns, count=given.count)
    shown, marks, points, is_full = found.candles, list[Mark](), dict[str, list[OpinionPoint]](), False
    if shown:
        from_ns, to_ns = shown[0].opened_at_ns, shown[-1].opened_at_ns + timeframe_ns(timeframe)
        marks, is_full = marks_between(inside, instrument, from_ns, to_ns)
        points, is_short = _opinions(inside, instrument, shown, timeframe, from_ns, to_ns)
        is_full = is_full or is_short
    return MarketChart(
        time=iso(inside.engine.now_ns),
        instrument=instrument,
        timeframe=timeframe,
        timeframes=timeframes(inside, instrument),
        candles=[candle_row(candle) for candle in shown],
        next_until=iso(shown[0].opened_at_ns) if shown and found.has_older else None,
        evaluators=_drawn(inside, points),
        marks=marks,
        levels=levels_of(inside, instrument),
        is_shortened=is_full,
    )


def levels_of(inside: Inside, instrument: str) -> list[Level]:
    """Return what rests at venues and where positions were begun, the highest price first."""
    found = [
        _position(row) for row in inside.rows.rows("positions", where={"instrument": instrument}) if row["quantity"]
    ]
    open_ = inside.rows.rows("orders", where={"instrument": instrument, "state": tuple(sorted(OPEN_STATES))}, limit=100)
    found += [level for row in open_ if (level := _resting(row)) is not None]
    return sorted(found, key=lambda one: -one.price)


def _position(row: Row) -> Level:
    return Level(
        kind="position",
        price=float(row["average_entry"]),
        quantity=row["quantity"],
        side="buy" if row["quantity"] > 0 else "sell",
        desk=row["desk"],
        seq=row["seq"],
        order_id="",
    )


def _resting(row: Row) -> Level | None:
    is_protective = row["role"] in PROTECTIVE_ROLES
    price = row["trigger_price"] if is_protective and row["trigger_price"] is not None else row["limit_price"]
    if price is None:
        price = row["trigger_price"]
    if price is None:
        return None
    return Level(
        kind=row["role"],
        price=float(price),
        quantity=row["quantity"] - row["filled"],
        side=row["side"],
        desk=row["desk"],
        seq=row["first_seq"],
        order_id=row["id"],
    )


# What evaluators said


def _opinions(
    inside: Inside, instrument: str, candles: Sequence[Candle], timeframe: str, from_ns: int, to_ns: int
) -> tuple[dict[str, list[OpinionPoint]], bool]:
    """Return by label the last opinion within each candle, and whether some were too many to look at."""
    rows = inside.rows.rows(
        "evaluations", where={"instrument": instrument}, above={"ts": from_ns}, below={"ts": to_ns + 1}, limit=MOST_ROWS
    )
    length, last = timeframe_ns(timeframe), dict[tuple[str, int], tuple[int, int, float, str]]()
    for row in rows:
        place = (row["ts"] - 1 - from_ns) // length  # said at the close of a candle, it is of that one
        for seq, label, value, code in row["evaluations"]:
            last[label, place] = seq, row["ts"], value, code
    numbers = _numbers(inside.journal(), sorted(seq for seq, *_ in last.values()))
    found: dict[str, list[OpinionPoint]] = {}
    for (label, _), (seq, ts, value, code) in sorted(last.items(), key=lambda item: item[1][0]):
        point = OpinionPoint(at_ms=ts // MS_NS, seq=seq, value=value, code=code, numbers=numbers.get(seq, []))
        found.setdefault(label, []).append(point)
    return dict(sorted(found.items())), len(rows) == MOST_ROWS


def _numbers(journal: JournalReader, seqs: Iterable[int]) -> Mapping[int, list[float | None]]:
    """Return the numbers behind opinions by seq; what retention has cut has none."""
    found: dict[int, list[float | None]] = {}
    for seq in seqs:
        try:
            _, event = journal.find(seq)
        except JournalError:
            continue  # cut: the opinion is known, its numbers no more
        if isinstance(event, Evaluated):
            found[seq] = [one if abs(one) < float("inf") else None for one in map(float, event.evaluation.numbers)]
    return found


def _drawn(inside: Inside, points: Mapping[str, list[OpinionPoint]]) -> list[EvaluatorSeries]:
    draws = {item.manifest.name: item.manifest.draw for item in evaluators_loaded(inside)}
    made = []
    for label, said in points.items():
        name = label.partition(" ")[0].partition("#")[0]
        numbers = [DrawnNumber(name=each, place=place) for each, place in draws.get(name, {}).items()]
        title = title_of(label, points)
        made.append(EvaluatorSeries(label=label, name=name, title=title, draws=numbers, points=said))
    return made


def title_of(label: str, labels: Iterable[str]) -> str:
    """Return the shortest beginning of a label that no other one has: name, settings, timeframe."""
    named = [each.partition(" ")[0] for each in labels]
    name, _, place = label.partition(" ")
    plain = name.partition("#")[0]
    if sum(each.partition("#")[0] == plain for each in named) == 1:
        return plain
    return name if named.count(name) == 1 else f"{name} {place.rpartition(' ')[2]}"


def evaluators_loaded(inside: Inside) -> list[Any]:
    return [item for item in inside.reconciler.running.loaded if item.manifest.kind == "evaluator"]


OFFERS: tuple[Offer, ...] = (
    looking(
        "market.chart",
        "candles of an instrument with opinions, trades, stops and targets",
        ChartAsked,
        MarketChart,
        market_chart,
    ),
)
