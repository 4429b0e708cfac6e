"""What a restart keeps, and how much it has to read again."""

from __future__ import annotations

import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import GenerationActivated, WarmUp
from loligo.model.events import (
    Approved,
    EquityMarked,
    Evaluated,
    Record,
    Refused,
    RiskActed,
    TentacleFailed,
    TimerFired,
)
from loligo.model.order import OrderRole
from tests.scenario.bots import BotFolder, ended
from tests.scenario.kills import PAPER_BOT
from tests.scenario.protection import unprotected


def killed(bot: BotFolder, place: str) -> None:
    with bot.running(str(bot.home), place, script=PAPER_BOT) as process:
        assert ended(process).code == -signal.SIGKILL


def first_pause(records: list[Record]) -> tuple[int, RiskActed, list[Refused]]:
    """Return the first pause for losses that refused something: record number, the event, what it refused."""
    for number, record in enumerate(records):
        for event in record.events:
            if isinstance(event, RiskActed) and event.rule == "loss_streak":
                refused = [
                    other
                    for later in records[number + 1 :]
                    for other in later.events
                    if isinstance(other, Refused) and other.desk == event.desk and other.ts < event.action.until_ns
                ]
                if refused:
                    return number, event, refused
    raise AssertionError("no pause for losses in these weeks")


def test_a_pause_for_losses_outlives_a_kill_and_refuses_until_its_time(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    number, pause, refusals = first_pause(season.records())
    bot = new_season("paused")
    usual, bot.environment = bot.environment, {**bot.environment, "LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS": "1"}
    killed(bot, f"after_append:{number + 2}:0.5")  # the pause is durable by then
    bot.environment = usual
    assert any(pause in record.events for record in bot.records())
    with bot.running("run", "--headless", "--speed", "1") as process:
        status = bot.wait_until(lambda _: True)
        assert status["desks"][pause.desk]["pauses"]["loss_streak"] == pause.action.until_ns
        process.terminate()
        assert ended(process).code == 0
    assert bot.call("run", "--headless").code == 0
    events = [event for record in bot.records() for event in record.events]
    assert [event for event in events if event in refusals] == refusals
    assert [
        event
        for event in events
        if isinstance(event, Approved)
        and event.request.role is OrderRole.ENTRY
        and event.desk == pause.desk
        and pause.ts < event.ts < pause.action.until_ns
    ] == []
    assert bot.digest() == season.digest()


def test_the_high_water_mark_of_an_account_outlives_a_kill(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    """Drawdown after the restart is measured from the peak before it: at least 1 - equity / the highest mark."""
    bot = new_season("peak")
    killed(bot, "after_append:900")
    durable = bot.records()
    highest = max(mark.equity for mark in marks(durable))
    assert bot.call("run", "--headless").code == 0
    after = marks(bot.records()[len(durable) :])
    assert after
    assert max(mark.equity for mark in after) < highest  # a peak that began anew would show less than this drawdown
    assert all(mark.drawdown >= 1 - mark.equity / highest for mark in after)


def marks(records: list[Record]) -> list[EquityMarked]:
    events = [event for record in records for event in record.events]
    return [e for e in events if isinstance(e, EquityMarked) and (e.account, e.desk) == ("paper", "")]


def test_snapshots_bound_what_a_killed_bot_reads_again_however_often_it_is_killed(
    template: BotFolder, whole: tuple[BotFolder, dict[str, Any]], tmp_path: Path
) -> None:
    """At most the records between two snapshots (5,000) and those of 32 commits (1,600), of more than 10,000."""
    terms = {"LOLIGO__JOURNAL__SNAPSHOT_EVERY_RECORDS": "5000", "LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS": "50"}
    bot = template.copy(tmp_path / "late", **terms)
    for records in (4_900, 4_900, 3_900):  # each too few for a snapshot of its own
        killed(bot, f"after_append:{records}")
    assert len(bot.records()) > 7_000
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    assert done.data["is_resumed"] is True
    assert done.data["recovered_records"] <= 7_000
    assert bot.digest() == whole[0].digest()


def test_ticks_go_on_without_drift_after_a_restart_and_count_what_was_missed(
    template: BotFolder, tmp_path: Path
) -> None:
    """A tick every 1,000 s over hourly candles: on whole multiples, one per candle, and the two or three before it."""
    whole, parts = (template.copy(tmp_path / name, LOLIGO__DESKS__TREND__TICK_S="1000") for name in ("whole", "parts"))
    assert whole.call("run", "--headless", "--until", "2017-07-01T20:00:00Z").code == 0
    for until in ("2017-07-01T14:00:00Z", "2017-07-01T17:00:00Z", "2017-07-01T20:00:00Z"):
        assert parts.call("run", "--headless", "--until", until).code == 0
    ticks = [event for record in parts.records() for event in record.events if isinstance(event, TimerFired)]
    assert {(tick.desk, tick.name, tick.ts % 10**12) for tick in ticks} == {("trend", "tick", 0)}
    assert all(later.ts - tick.ts == (later.missed + 1) * 10**12 for tick, later in pairwise(ticks))
    assert {tick.missed for tick in ticks} >= {2, 3}
    assert parts.digest() == whole.digest()


def change_everything(config: dict[str, Any]) -> None:
    """Another mode, other settings, one desk less, one desk more."""
    desks = config["desks"]
    desks["monthly"]["mode"] = {"tentacle": "grid"}
    desks["trend"]["evaluators"] = [{"tentacle": "rsi", "settings": {"period": 10, "mode": "momentum"}}]
    desks["ladder"]["limits"]["max_trades_per_day"] = 100
    config["accounts"]["extra"] = {"deposits": {"USD": 5_000}}
    desks["late"] = {**desks["trend"], "account": "extra", "capital": 5_000}
    del desks["dips"]


def test_a_person_may_change_modes_settings_and_desks_between_two_runs(new_season: Callable[[str], BotFolder]) -> None:
    bot = new_season("changed")
    assert bot.call("run", "--headless", "--until", "2017-12-28").code == 0
    done = bot.edit(change_everything).call("run", "--headless")
    assert done.code == 0, done.err
    assert set(done.data["desks"]) == {"trend", "monthly", "ladder", "late"}
    records = bot.records()
    numbers = [record.input.number for record in records if isinstance(record.input, GenerationActivated)]
    assert numbers == [1, 2]
    assert [event for record in records for event in record.events if isinstance(event, TentacleFailed)] == []
    assert list(unprotected(records)) == []


def test_an_end_before_the_last_one_leaves_nothing_to_do(season: BotFolder, tmp_path: Path) -> None:
    bot = season.copy(tmp_path / "back")
    done = bot.call("run", "--headless", "--until", "2017-12-28")
    assert (done.code, done.data["records"]) == (0, 0), done.err


def two_feeds(config: dict[str, Any]) -> None:
    """Let a feed of its own read each file; a desk trades each instrument."""
    config["desks"]["dips"] |= {"venue": "bitstamp", "instruments": ["ETH/USD"], "timeframe": "1d"}
    replay = config["feeds"][0]
    hours, days = replay["settings"].pop("sources")
    terms = dict(replay["settings"])
    config["feeds"] = [
        {"tentacle": "replay", "name": name, "settings": {**terms, "sources": [source]}}
        for name, source in (("hours", hours), ("days", days))
    ]


def test_two_feeds_that_are_killed_again_and_again_lose_nothing_and_double_nothing(
    new_season: Callable[[str], BotFolder],
) -> None:
    undisturbed, bot = (new_season(name).edit(two_feeds) for name in ("undisturbed", "killed"))
    assert undisturbed.call("run", "--headless").code == 0
    records = undisturbed.records()
    assert {record.feed for record in records} == {"", "hours", "days"}
    for count in (2, 53, 1, 240, 311):
        killed(bot, f"after_append:{count}")
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    assert bot.digest() == undisturbed.digest()


def test_two_feeds_come_in_the_order_of_one_that_reads_both_in_run_and_backtest(
    new_season: Callable[[str], BotFolder],
) -> None:
    """The market falls on the hours and on days that end with one of them, so instants are shared."""
    one, two, tested = (new_season(name).edit(two_feeds) for name in ("one", "two", "tested"))

    def join(config: dict[str, Any]) -> None:
        hours, days = config["feeds"]
        hours["settings"]["sources"].extend(days["settings"]["sources"])
        del config["feeds"][1]

    assert one.edit(join).call("run", "--headless").code == 0
    assert two.call("run", "--headless", "--speed", "10000000").code == 0
    began, *told = ([record.events, record.input] for record in two.records())
    other, *expected = ([record.events, record.input] for record in one.records())
    assert began[0] == other[0]  # its input is the generation, which names the settings of the feeds
    assert told == expected
    (tested.home / "state").mkdir(exist_ok=True)
    done = tested.call("backtest", "--journal", str(tested.home / "state" / "journal.sqlite"))
    assert done.code == 0, done.err
    assert tested.digest() == two.digest()


def test_evaluators_start_with_the_opinions_of_a_bot_that_ran_through_the_history(
    season: BotFolder, whole: tuple[BotFolder, dict[str, Any]]
) -> None:
    """The season begins on 15 December 2017, the whole run months before. What is smoothed has forgotten its beginning
    but for exp(-6), 0.25 % (rsi), of averages that may then have been a few times as large: 1 % of the range, 0.02."""
    records = season.records()
    warm_ups = [record for record in records if isinstance(record.input, WarmUp)]
    assert warm_ups == records[1 : 1 + len(warm_ups)] != []
    assert [record.events for record in warm_ups] == [[]] * len(warm_ups)
    first = records[1 + len(warm_ups)]
    assert all(candle.ts < first.input.ts for record in warm_ups for candle in record.input.candles)
    expected = opinions(next(record for record in whole[0].records() if record.input == first.input))
    found = opinions(first)
    assert {"ema_cross", "macd", "rsi"} <= {label.partition("#")[0].partition(" ")[0] for label in found}
    shared = sorted(found.keys() & expected.keys())
    assert len(shared) >= 3
    assert [found[label] for label in shared] == pytest.approx([expected[label] for label in shared], abs=0.02)


def opinions(record: Record) -> dict[str, float]:
    return {event.evaluator: event.evaluation.value for event in record.events if isinstance(event, Evaluated)}


def test_a_start_without_enough_history_is_told_in_log_and_status(new_season: Callable[[str], BotFolder]) -> None:
    """The bundled candles begin in July 2017: there is nothing before them."""
    bot = new_season("first").edit(lambda config: config["feeds"][0]["settings"].update(since=""))
    bot.environment |= {"LOLIGO__LOG__LEVEL": "warning"}
    with bot.running("run", "--headless", "--speed", "1") as process:
        status = bot.wait_until(lambda _: True)
        process.terminate()
        done = ended(process)
    assert done.code == 0, done.err
    assert "rsi coinbase:BTC/USD 1h: 0 of 85 candles" in status["short_of_history"]
    assert "rsi coinbase:BTC/USD 1h: 0 of 85 candles" in done.err


def test_corrupt_data_ends_the_run_with_its_file_and_row(new_season: Callable[[str], BotFolder]) -> None:
    bot = new_season("corrupt")
    (bot.home / "data" / "bad.csv").write_text(
        "timestamp,open,high,low,close,volume\n"
        "2017-12-20T00:00:00Z,10,12,9,11,5\n"
        "2017-12-20T01:00:00Z,11,9,12,11,5\n",  # the high lies below the low
        encoding="utf-8",
    )
    bot.edit(lambda config: config["feeds"][0]["settings"]["sources"][0].update(file="bad.csv"))
    done = bot.call("run", "--headless")
    assert done.code == 1
    assert done.data["error"]["kind"] == "DataError"
    assert "bad.csv" in done.data["error"]["message"]
    assert "row" in done.data["error"]["message"]
