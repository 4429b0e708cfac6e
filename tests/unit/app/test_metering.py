"""What is counted of durable records, and durations by the bound that holds them."""

from __future__ import annotations

from loligo.model.command import SwapEnded, SwapResult
from loligo.model.events import Consequence, EquityMarked, Record, Refused, TentacleFailed
from loligo.model.risk import Tier
from loligo_bot.metering import Histogram, Meter
from tests.fakes.doors import record


def test_a_duration_counts_at_the_first_bound_that_holds_it() -> None:
    times = Histogram((0.1, 1.0))
    times.observe(0.1)  # a bound holds what equals it
    times.observe(0.5, times=3)
    times.observe(7.0)
    assert times.counts == [1, 3, 1]
    assert times.sum_s == 0.1 + 3 * 0.5 + 7.0


def test_records_are_counted_by_kind_feed_desk_and_rule() -> None:
    meter = Meter(clock=lambda: 1_000.0)
    events: list[Consequence] = [
        Refused(8, 5, 7, "trend", "coinbase:BTC/USD", "cooldown", Tier.POSITION, "too_soon", ()),
        TentacleFailed(9, 5, 7, "trend", "rsi#2 coinbase:BTC/USD 1h", "on_candle", "ValueError: x", 1),
        EquityMarked(10, 5, 7, "trend", "paper", 990.0, 0.01, 0.5),
    ]
    candle = record(7)
    meter.hear([record(1), record(3), Record(7, candle.input, events, "replay")])
    meter.hear([])
    assert dict(meter.inputs) == {("replay", "candle"): 3}
    assert dict(meter.events) == {"declined": 2, "refused": 1, "tentacle_failed": 1, "equity": 1}
    assert dict(meter.refusals) == {("trend", "cooldown", "position"): 1}
    assert dict(meter.failures) == {("rsi", "on_candle"): 1}
    assert meter.marks["trend", "paper"].drawdown == 0.01
    assert meter.feeds == {"replay": (candle.input.ts, 1_000.0)}
    assert meter.durable_seq == 7 + 1 + len(events)


def test_an_exchange_is_counted_by_its_result_and_duration() -> None:
    meter = Meter()
    ended = SwapEnded(5, 2, "cli:anna", "", "now", "shadow", (), (), SwapResult.ROLLED_BACK, "it raised", 1_500)
    meter.hear([Record(1, ended, [])])
    assert (meter.swaps["rolled_back"], meter.swaps["good"]) == (1, 0)
    assert meter.swap_times.sum_s == 1.5
