"""A bot that is killed at any moment goes on as if nothing had been (issue: 100 moments, half at named points).

The suite kills ten times; `make verify-kill` a hundred times, or as often as LOLIGO_KILLS says.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from loligo.model.events import OrderReported, OrderSubmitted, Record
from loligo.model.order import Canceled, Expired, Filled, Rejected
from tests.scenario.bots import BotFolder
from tests.scenario.kills import Toll, plan, run_until

KILLS = int(os.environ.get("LOLIGO_KILLS", "10"))
SEED = int(os.environ.get("LOLIGO_KILL_SEED", "2"))


@pytest.mark.timeout(60 + 10 * KILLS)
def test_a_bot_killed_again_and_again_ends_like_one_that_was_not(
    season: BotFolder, new_season: Callable[[str], BotFolder], tmp_path: Path
) -> None:
    expected, toll, left = season.records(), Toll(), list(islice(plan(SEED), KILLS))
    while left or not toll.runs:
        bot = new_season(f"run{toll.runs}")
        while run_until(bot, left[0] if left else None, toll):
            toll.kills.append(left.pop(0))
            assert_whole(bot, expected, tmp_path / "copy")
        toll.runs += 1  # it came to its end before the next moment, which then waits for the next run
        assert_same_end(bot, season)
        shutil.rmtree(bot.home)
        assert toll.runs <= 3 + KILLS, f"runs end before {left[0]}"
    report(toll)


def assert_whole(bot: BotFolder, expected: list[Record], copy: Path) -> None:
    """What is durable is the beginning of the undisturbed journal, and has every order that left."""
    if not (bot.home / "state" / "journal.sqlite").exists():
        return  # killed before there was one
    records = bot.copy(copy).records()  # a copy, so that the bot itself has to recover the database
    shutil.rmtree(copy)
    assert records == expected[: len(records)]
    assert set(sent(bot)) <= set(submitted(records))


def assert_same_end(bot: BotFolder, undisturbed: BotFolder) -> None:
    records = bot.records()
    assert bot.digest() == undisturbed.digest()
    assert bot.rows() == undisturbed.rows()
    assert bot.snapshot() == undisturbed.snapshot()  # the state to the byte: portfolio, orders, counters, tentacles
    assert_no_order_twice(records)
    assert len(sent(bot)) == len(set(sent(bot)))


def assert_no_order_twice(records: list[Record]) -> None:
    """One submission per order, and one end at most."""
    ids = submitted(records)
    assert len(ids) == len(set(ids)) > 0
    reports = [event.report for record in records for event in record.events if isinstance(event, OrderReported)]
    fills = [report.fill_id for report in reports if isinstance(report, Filled)]
    assert len(fills) == len(set(fills)) > 0
    ends = [report.order_id for report in reports if isinstance(report, Canceled | Expired)]
    ends += [report.order_id for report in reports if isinstance(report, Rejected) and report.of == "order"]
    assert len(ends) == len(set(ends)) > 0


def submitted(records: list[Record]) -> list[str]:
    return [event.order.id for record in records for event in record.events if isinstance(event, OrderSubmitted)]


def sent(bot: BotFolder) -> list[str]:
    return (bot.home / "sent.txt").read_text(encoding="utf-8").split() if (bot.home / "sent.txt").exists() else []


def report(toll: Toll) -> None:
    named = sorted({moment.place.partition(":")[0] for moment in toll.kills if moment.place})
    times = sorted(toll.start_s)
    print(f"\n{len(toll.kills)} kills in {toll.runs} runs, at {len(named)} named points: {', '.join(named)}")
    print(f"start with recovery: median {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s")
