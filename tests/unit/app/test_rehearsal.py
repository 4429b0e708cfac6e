"""Rehearsal: what the newest inputs show of a version before the bot that trades is touched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from loligo.engine.plan import EnginePlan
from loligo.model.command import GenerationActivated
from loligo.model.events import SwapStep
from loligo_bot.rehearsal import SPARE, Memory, Past, Rehearsed, rehearse, rehearse_in_time
from tests.fakes.desks import Bot
from tests.unit.engine.test_swap import Beyond, NeverMade, Sums, version

INPUTS = 100  # of a memory


def lived(candles: int) -> tuple[Bot, Past]:
    """A bot that has seen ten candles, and the past since then."""
    bot, memory = Bot(version(Sums, "a")), Memory(INPUTS)
    for hour in range(10):
        bot.candle(hour, 100)
    memory.keep(bot.engine, bot.records)
    for hour in range(10, 10 + candles):
        bot.candle(hour, 100 + hour / 10)
        memory.keep(bot.engine, bot.records[-1:])
    past = memory.recall()
    assert past is not None
    return bot, past


def rehearsed(make: Callable[[], Any], candles: int = 20) -> Rehearsed:
    bot, past = lived(candles)
    return rehearse(bot.engine.plan, version(make, "b"), past)


def test_equal_version_is_compared_at_every_input_before_the_flip() -> None:
    outcome = rehearsed(Sums)
    assert (outcome.inputs, outcome.compared) == (20, 10)
    assert [step.step for step in outcome.steps] == [SwapStep.SHADOWING, SwapStep.ACTIVATED]


@pytest.mark.parametrize(
    ("make", "step"),
    [
        (NeverMade, SwapStep.REFUSED),
        (lambda: Sums(fails_at=101.2), SwapStep.FAILED),  # in the first half, 101.0 to 101.9
        (lambda: Sums(fails_at=102.5), SwapStep.ROLLED_BACK),  # in the second, 102.0 to 102.9
        (lambda: Sums(factor=2e-7), SwapStep.DIFFERS),
    ],
    ids=["cannot be made", "fails in shadow", "fails once it leads", "says something else"],
)
def test_fault_is_found_at_its_step(make: Callable[[], Any], step: SwapStep) -> None:
    found = rehearsed(make).first(step)
    assert found is not None
    assert rehearsed(Sums).first(step) is None


def test_version_that_runs_and_fails_does_not_speak_against_the_one_that_replaces_it() -> None:
    _, past = lived(20)
    ailing = version(lambda: Sums(fails_at=102.5), "a")  # in the second half
    outcome = rehearse(ailing, version(Sums, "b"), past)
    assert outcome.first(SwapStep.FAILED, SwapStep.ROLLED_BACK, SwapStep.REFUSED) is None


def test_rehearsal_leaves_the_running_engine_as_it_was() -> None:
    bot, past = lived(20)
    before = bot.engine.export_state()
    rehearse(bot.engine.plan, version(Beyond, "b"), past)
    assert bot.engine.export_state() == before


def test_memory_holds_what_came_since_its_state_and_is_bounded() -> None:
    bot, past = lived(2 * INPUTS)
    assert len(past.records) == 2 * INPUTS  # the newer state would hold fewer
    assert past.records == bot.records[-2 * INPUTS :]
    memory = Memory(INPUTS)
    memory.keep(bot.engine, bot.records)
    memory.keep(bot.engine, [*bot.records, *bot.records, *bot.records][: SPARE * INPUTS + 1])
    assert memory.recall() is None


def test_new_generation_makes_the_past_useless() -> None:
    bot, memory = Bot(version(Sums, "a")), Memory(INPUTS)
    memory.keep(bot.engine, bot.records)
    memory.keep(bot.engine, [bot.feed(GenerationActivated(0, 2, ()))])
    past = memory.recall()
    assert past is None or past.records == []


class Hangs(Sums):
    def on_candle(self, candle: Any) -> Any:
        while candle.close == 101.2:
            time.sleep(0.001)
        return super().on_candle(candle)


def test_version_that_never_returns_is_given_up() -> None:
    bot, past = lived(20)
    plan: EnginePlan = version(Hangs, "b")
    with pytest.raises(TimeoutError):
        asyncio.run(rehearse_in_time(bot.engine.plan, plan, past, limit_s=0.3))


def test_what_goes_wrong_in_the_thread_is_raised_where_it_is_awaited() -> None:
    bot, past = lived(2)
    with pytest.raises(ValueError, match="truncated"):
        asyncio.run(rehearse_in_time(bot.engine.plan, version(Sums, "b"), Past(b"", past.records)))
