"""Live feeds: time goes on in silence, what comes late happens now, and a kill loses and doubles nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import TimeAdvanced
from loligo.model.events import Evaluated, OrderSubmitted, Record, RiskChecked, TimerFired
from loligo.model.market import Candle
from loligo.model.risk import Outcome
from loligo.model.timeframe import SECOND_NS
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.two_feeds import NAMES, STEP_NS, bring, with_two_feeds
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.test_swap_running import CLOCK, rewrite

PROMPT, BEHIND = NAMES.values()


def by_the_minute(config: dict[str, Any]) -> None:
    for desk in config["desks"].values():
        desk |= {"timeframe": "1m", "evaluators": [{"tentacle": "rsi", "settings": {"period": 2}}]}
        desk["strategy"] = {"tentacle": "weighted_vote"}
    config["desks"]["dips"]["tick_s"] = 1.0


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    return with_two_feeds(template.copy(tmp_path / "bot")).edit(by_the_minute)


def until(bot: BotFolder, is_so: Callable[[list[Record]], object]) -> list[Record]:
    """Return the journal of a running bot once it is as wanted."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if is_so(records := bot.records()):
            return records
        time.sleep(0.2)
    raise AssertionError(f"the journal came to {[record.input for record in records][-20:]}")


def candles(records: list[Record], instrument: str) -> list[Candle]:
    items = (record.input for record in records)
    return [item for item in items if isinstance(item, Candle) and item.instrument == instrument]


def test_of_two_live_feeds_one_is_behind_and_a_kill_loses_and_doubles_nothing(bot: BotFolder) -> None:
    with bot.running("run", "--headless") as process:
        bot.wait_until(bool)
        bring(bot, "prompt", 14)  # one more than rsi(2) wants to see
        until(bot, lambda records: len(candles(records, PROMPT)) == 14)
        bring(bot, "behind", 13)
        until(bot, lambda records: len(candles(records, BEHIND)) == 13)
        metrics = {one["name"]: one["samples"] for one in bot.asked("metrics")["answer"]["families"]}
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with bot.running("run", "--headless") as process:
        bot.wait_until(bool)
        bring(bot, "behind", 4)
        bring(bot, "prompt", 2)
        until(bot, lambda records: len(candles(records, BEHIND)) == 17 and len(candles(records, PROMPT)) == 16)
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0

    records = bot.records()
    begin_ns = int((bot.home / "begin").read_text())
    for instrument, count in ((PROMPT, 16), (BEHIND, 17)):
        closes = [candle.ts for candle in candles(records, instrument)]
        assert closes == [begin_ns + number * STEP_NS for number in range(1, count + 1)]
    late = [sample for sample in metrics["loligo_feed_late_inputs_total"] if sample["labels"] == {"feed": "behind"}]
    assert [sample["value"] for sample in late] == [13]
    events = [event for record in records for event in record.events]
    assert all(before.ts <= after.ts for before, after in pairwise(events))  # whatever its input says
    opinions = [event for record in records[-8:] for event in record.events if isinstance(event, Evaluated)]
    assert {event.evaluator.split()[1] for event in opinions} == {PROMPT, BEHIND}
    verified = bot.call("journal", "replay", "last", "--verify")
    assert verified.code == 0, verified.err


# Brings a candle of now for each "1", and one of three hours ago for each "0".
CUT_OFF = """
import asyncio
import time
from pathlib import Path
from loligo.api import Candle, Factory, TentacleSettings, hookimpl

class Live:
    def __init__(self, settings, context):
        self.file = Path(context.home, "{name}")

    async def run(self, inbox, *, since_ns, since_count):
        number = 0
        while True:
            for word in self.file.read_bytes()[number:]:
                number += 1
                closed_ns = time.time_ns() - (0 if word == ord("1") else {step_ns} * 1_080_000)
                opened_ns = closed_ns - 60_000_000_000
                await inbox.put(Candle("{instrument}", "1m", opened_ns, closed_ns, 9.0, 9.5, 8.5, 9.0, 1.0))
            await asyncio.sleep(0.005)

@hookimpl
def feed() -> Factory:
    return Factory(settings=TentacleSettings, create=Live)
"""


def test_nobody_enters_at_prices_that_a_feed_had_missed(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(lambda config: trade_with_them(config, "2017-12-15", "2018-01-15"))
    bot.edit(
        lambda config: config["desks"]["trend"].update(timeframe="1m", risk_rules=["limit", "confidence", "price_age"])
    )
    write_hanging(bot.home, "evaluator", 0)
    rewrite(bot, CLOCK, "is_long = board.ts", "is_long = True or board.ts")
    with_two_feeds(bot, CUT_OFF)
    with bot.running("run", "--headless") as process:
        bot.wait_until(bool)
        bring(bot, "prompt", 3, "0")
        until(bot, lambda records: len(candles(records, PROMPT)) == 3)
        bring(bot, "prompt", 2)
        until(bot, lambda records: any(row["role"] == "entry" for row in bot.rows()["orders"]))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    records = bot.records()
    missed = [record for record in records if isinstance(record.input, Candle)][:3]
    for record in missed:
        (check,) = (each for each in record.events if isinstance(each, RiskChecked) and each.rule == "price_age")
        assert any(isinstance(each, Evaluated) for each in record.events) and check.outcome is Outcome.REFUSED
        assert check.numbers[0] == pytest.approx(10_800, abs=30) and check.numbers[1] == 60.0
        assert not any(isinstance(each, OrderSubmitted) for each in record.events)
    assert bot.call("journal", "replay", "last", "--verify").code == 0


def test_a_desk_has_its_ticks_though_the_feeds_say_nothing(bot: BotFolder) -> None:
    def ticks(records: list[Record]) -> list[TimerFired]:
        return [event for record in records for event in record.events if isinstance(event, TimerFired)]

    with bot.running("run", "--headless") as process:
        bot.wait_until(bool)
        bring(bot, "behind", 1)
        records = until(bot, lambda records: len(ticks(records)) > 4)
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    fired = ticks(records)
    steps = [(after.ts - before.ts) / SECOND_NS for before, after in pairwise(fired)]
    assert steps == [1 + one.missed for one in fired[1:]]
    assert all(isinstance(record.input, TimeAdvanced) for record in records if ticks([record]))
