"""Candles recorded late, otherwise or not at all, and the inputs of a world in which they are as they were."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from loligo.errors import DataError
from loligo.model.command import TimeAdvanced
from loligo.model.events import Input, Record
from loligo.model.market import Candle
from loligo_bot.replay.gaps import Gaps, filled, gaps_of

HOUR = 3_600_000_000_000


def candle(hour: int, close: float = 10.0, instrument: str = "sim:BTC/USD") -> Candle:
    return Candle(instrument, "1h", hour * HOUR, (hour + 1) * HOUR, 10.0, 12.0, 8.0, close, 1.0)


def records(*items: Input) -> list[Record]:
    return [Record(seq, item, [], "replay") for seq, item in enumerate(items, start=1)]


class Known:
    """A feed that can look back over these candles."""

    def __init__(self, *candles: Candle) -> None:
        self.candles = candles

    def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        known = [one for one in self.candles if (one.instrument, one.timeframe) == (instrument, timeframe)]
        return [one for one in known if one.ts <= until_ns][-count:]


class Broken:
    def history(self, *_asked: object) -> Sequence[Candle]:
        raise OSError("the archive is away")


def test_late_missing_and_other_candles_are_found_between_the_first_and_the_last() -> None:
    late = replace(candle(3), ts=candle(3).ts + HOUR // 2)
    feed = Known(*(candle(hour) for hour in range(10)))
    gaps = gaps_of(records(candle(1), candle(2, close=11.0), late, candle(6)), [feed])
    assert gaps.late == {late: candle(3)}
    assert gaps.other == {candle(2, close=11.0): candle(2)}
    assert gaps.missing == [candle(4), candle(5)]  # not 0, nor 7 to 9, when the bot was not running
    assert gaps.notes == []


def test_a_series_whose_history_nobody_has_is_told_and_has_no_gaps() -> None:
    gaps = gaps_of(records(candle(1), candle(4)), [Known()])
    assert (gaps.missing, gaps.notes) == (
        [],
        ["no feed has the history of sim:BTC/USD 1h today: its gaps cannot be found"],
    )
    assert "the archive is away" in gaps_of(records(candle(1)), [Broken()]).notes[0]


def test_inputs_are_filled_in_time_order_and_late_ones_come_when_they_were_due() -> None:
    late = replace(candle(3), ts=candle(3).ts + HOUR // 2)
    tick = TimeAdvanced(candle(3).ts + HOUR // 4)
    gaps = Gaps(missing=[candle(4)], late={late: candle(3)})
    written = records(candle(2), tick, late, candle(5))
    moved = [sent.item for sent in filled(written, gaps, is_whole=False)]
    assert moved == [candle(2), candle(3), tick, candle(5)]
    whole = [sent.item for sent in filled(written, gaps, is_whole=True)]
    assert whole == [candle(2), candle(3), tick, candle(4), candle(5)]
    assert [item.ts for item in whole] == sorted(item.ts for item in whole)
    assert {sent.feed for sent in filled(written, gaps, is_whole=True)} == {"replay"}


def test_a_candle_of_the_same_instant_takes_its_place_in_the_order_of_markets() -> None:
    """At one instant instruments come by name (`market_order`)."""
    written = records(candle(1, instrument="sim:AAA/USD"), candle(1, instrument="sim:CCC/USD"))
    gaps = Gaps(missing=[candle(1, instrument="sim:BBB/USD")])
    names = [sent.item.instrument for sent in filled(written, gaps, is_whole=True) if isinstance(sent.item, Candle)]
    assert names == ["sim:AAA/USD", "sim:BBB/USD", "sim:CCC/USD"]


def test_unsound_data_stops_the_check() -> None:
    class Unsound:
        def history(self, *_asked: object) -> Sequence[Candle]:
            raise DataError("hours.csv line 3: high < low")

    with pytest.raises(DataError, match="line 3"):
        gaps_of(records(candle(1)), [Unsound()])
