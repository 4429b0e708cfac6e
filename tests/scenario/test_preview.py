"""What other settings would have traded: told by a running bot, and the same as a backtest of that time comes to."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.bots import BotFolder, ended

FAST = "3600000"  # 1,000 candles of an hour in a second
CANDLES = 400
SURE = {"entry_threshold": 0.95}  # it hardly trades at all


@pytest.fixture(scope="module")
def bot(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotFolder]:
    """The bundled folder, come to the end of its data and waiting there."""
    bot = template.copy(tmp_path_factory.mktemp("preview") / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    bot.edit(lambda config: config["feeds"][0]["settings"].update(since="2019-05-01", until="2019-07-01"))
    with running(bot):
        yield bot


@contextmanager
def running(bot: BotFolder) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", FAST, "--stay") as process:
        bot.wait_until(lambda status: status["time"][:10] >= "2019-06-30")
        yield process
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0


def previewed(bot: BotFolder, **given: Any) -> dict[str, Any]:
    told = bot.asked("tentacle.preview", **given)
    assert told["ok"], told
    answer: dict[str, Any] = told["answer"]
    return answer


def test_a_preview_tells_what_a_backtest_of_that_time_comes_to(bot: BotFolder) -> None:
    told = previewed(bot, name="weighted_vote", place="desks.trend.strategy", values=SURE, candles=CANDLES)
    desk = next(one for one in told["desks"] if one["desk"] == "trend")
    assert desk["candles"] == CANDLES and desk["then"]["trades"] < desk["now"]["trades"]
    for side, settings in (("now", {}), ("then", SURE)):
        given = [f"--set=desks.trend.strategy.settings.{name}={value}" for name, value in settings.items()]
        begin = datetime.fromisoformat(desk["since"]) - timedelta(seconds=1)  # a backtest begins after its time
        ran = bot.call(
            "backtest", "--desk", "trend", f"--since={begin.isoformat()}", f"--until={desk['until']}", *given
        )
        assert ran.code == 0, ran.out
        exits = [(trade["closed_at"], trade["exit_role"]) for trade in ran.data["trades"]]
        assert len(exits) == desk[side]["trades"], side
        assert exits == [
            (fill["time"], fill["role"]) for fill in desk["fills"] if fill[side] and fill["role"] != "entry"
        ]


def test_candles_that_come_while_it_looks_are_not_in_it(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.01")
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["time"][:10] >= "2017-08-15")
        seen = 0
        for _ in range(5):
            told = previewed(bot, name="weighted_vote", place="desks.trend.strategy", values=SURE, candles=CANDLES)
            desk = next(one for one in told["desks"] if one["desk"] == "trend")
            assert all(fill["time"] <= desk["until"] for fill in desk["fills"])
            seen += len(desk["fills"])  # none in a quiet month, which a slow machine may meet
        assert seen
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0


def test_nothing_that_trades_is_touched(bot: BotFolder) -> None:
    before = bot.call("status").data["status"]
    previewed(bot, name="rsi", values={"period": 3})
    after = bot.call("status").data["status"]
    assert (before["generation"], before["next_seq"]) == (after["generation"], after["next_seq"])
    assert bot.asked("tentacle.info", name="rsi")["answer"]["settings"] == {}


def test_only_desks_that_would_work_otherwise_are_shown(bot: BotFolder) -> None:
    told = previewed(bot, name="ema_cross", values={"fast": 5})
    users = {one["place"].split(".")[1] for one in bot.asked("tentacle.info", name="ema_cross")["answer"]["places"]}
    assert {one["desk"] for one in told["desks"]} <= users
    assert previewed(bot, name="rsi")["message"] == "it is set like that already"


def test_what_is_wrong_is_told_by_field(bot: BotFolder) -> None:
    told = bot.asked("tentacle.preview", name="rsi", values={"period": 1})
    assert told["problems"].keys() == {"values.period"}
    told = bot.asked("tentacle.preview", name="replay", values={})
    assert "decides nothing" in told["error"]
