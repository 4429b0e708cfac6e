"""Backtests of a running bot: the same as on the command line, apart from the trading, and over when the bot is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.bots import LIMIT_S, BotFolder, ended

PACE = "108000"  # 30 candles of an hour in a second
RSI = "desks.trend.evaluators.rsi.settings.period"
MINUTES = 400_000  # of candles that a job has to work through: long enough to be met at work


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    return template.copy(tmp_path / "bot", LOLIGO__LOG__LEVEL="error")


@contextmanager
def running(bot: BotFolder) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", PACE) as process:
        bot.wait_until(lambda status: status["next_seq"] > 10)
        yield process


def until(bot: BotFolder, number: int, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        answer: dict[str, Any] = bot.asked("backtest", number=number, trades=5_000)["answer"]
        if is_so(answer["backtest"]):
            return answer
        time.sleep(0.15)
    raise AssertionError(f"backtest {number} did not come to that: {answer['backtest']}")


def is_ended(row: dict[str, Any]) -> bool:
    return row["state"] not in ("queued", "running")


def slow(bot: BotFolder) -> None:
    """Give the trend desk a year of made-up candles of a minute."""
    lines = ["timestamp,open,high,low,close,volume"]
    first_ms = 1_546_300_800_000  # 2019
    for at in range(MINUTES):
        price = 100 + at % 11
        lines.append(f"{first_ms + at * 60_000},{price},{price + 1},{price - 1},{price},5")
    (bot.home / "data").mkdir(exist_ok=True)
    (bot.home / "data" / "minutes.csv").write_text("\n".join(lines))
    source = {"file": "minutes.csv", "instrument": "coinbase:BTC/USD", "timeframe": "1m", "build": ["1h"]}
    bot.edit(lambda config: config["feeds"][0]["settings"].update(sources=[source]))


def at_work(bot: BotFolder) -> int:
    """Start a backtest and return its process once it has got somewhere."""
    number = bot.asked("backtest.start", "key-1", desks=["trend"])["answer"]["number"]
    assert number == 1
    until(bot, 1, lambda row: row["state"] == "running" and (row["progress"] or 0) > 0)
    found = [path for path in Path("/proc").iterdir() if path.name.isdecimal() and _works_for(path, bot.home)]
    assert len(found) == 1
    return int(found[0].name)


def _works_for(process: Path, home: Path) -> bool:
    try:
        return f"{home}/state/jobs/1".encode() in (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + LIMIT_S
    while not is_gone(pid):
        assert time.monotonic() < end, f"process {pid} outlives its bot"
        time.sleep(0.02)


def test_a_backtest_of_the_door_is_that_of_the_command_line_to_the_last_digit(bot: BotFolder) -> None:
    asked = {"since": "2018-01-01", "until": "2018-09-01", "desks": ["trend"], "capital": "20000"}
    terms = {"taker_fee_rate": "0.001", "slippage_rate": "0.001", "overrides": {RSI: 10}}
    with running(bot):
        started = bot.asked("backtest.start", "key-1", **asked, **terms)["answer"]
        again = bot.asked("backtest.start", "key-1", **asked, **terms)["answer"]
        assert started["number"] == again["number"] == 1
        answer = until(bot, 1, is_ended)
        content = bot.asked("backtest.report", number=1, format="json")["answer"]["content"]
    assert answer["backtest"]["state"] == "done", answer["backtest"]["reason"]
    words = ["--since", "2018-01-01", "--until", "2018-09-01", "--desk", "trend", "--capital", "20000"]
    words += ["--taker-fee-rate", "0.001", "--slippage-rate", "0.001", "--set", f"{RSI}=10"]
    alone = bot.call("backtest", *words).data
    result = json.loads(content)["result"]
    assert result["metrics"]["whole"]["trades"] > 20
    for part in ("metrics", "counts", "trades", "data", "config_hash", "tree_hashes", "versions"):
        assert result[part] == alone[part], part
    assert alone["metrics"]["desks"]["trend"]["start_equity"] == 20_000
    plain = bot.call("backtest", "--since", "2018-01-01", "--until", "2018-09-01", "--desk", "trend").data
    assert plain["metrics"] != alone["metrics"]  # what was asked made a difference


def test_progress_goes_up_and_a_cancelled_backtest_is_gone_with_its_process(bot: BotFolder) -> None:
    slow(bot)
    with running(bot):
        pid = at_work(bot)
        assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
        first = until(bot, 1, lambda row: (row["progress"] or 0) > 0)["backtest"]["progress"]
        until(bot, 1, lambda row: row["progress"] > first)
        assert bot.asked("backtest.cancel", "key-2", number=1)["answer"]["is_done"]
        assert is_gone(pid)
        assert bot.asked("backtest", number=1)["answer"]["backtest"]["state"] == "cancelled"
    assert {path.name for path in (bot.home / "state/jobs/1").iterdir()} == {"job.json", "what.json"}


def test_a_killed_bot_leaves_no_process_and_its_backtest_can_be_run_anew(bot: BotFolder) -> None:
    slow(bot)
    with running(bot) as process:
        pid = at_work(bot)
        process.kill()  # kill -9: nobody tells the child
        process.wait()
    wait_until_gone(pid)
    assert not (bot.home / "state/jobs/1/result.json").exists()  # it did not go on to its end by itself
    waits = (bot.home / "state/jobs/1/what.json").read_bytes()
    bot.edit(lambda config: config["desks"]["trend"]["strategy"].update(settings={"entry_threshold": 1.0}))
    with running(bot):
        row = bot.asked("backtest", number=1)["answer"]["backtest"]
        assert (row["state"], row["attempt"]) == ("interrupted", 1)
        assert bot.asked("backtest.start", "key-1", desks=["trend"])["answer"]["number"] == 1  # asked for before
        bot.asked("backtest.retry", "key-3", number=1)
        answer = until(bot, 1, is_ended)
    assert answer["backtest"]["state"] == "done", answer["backtest"]["reason"]
    assert answer["backtest"]["attempt"] == 2
    assert (bot.home / "state/jobs/1/what.json").read_bytes() == waits  # edits do not touch it
    assert answer["figures"][0]["start_equity"] == 50_000


def test_a_bot_that_is_stopped_takes_its_backtest_along_and_says_so(bot: BotFolder) -> None:
    slow(bot)
    with running(bot) as process:
        pid = at_work(bot)
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
        assert is_gone(pid)
    job = json.loads((bot.home / "state/jobs/1/job.json").read_text())
    assert job["state"] == "interrupted"


def test_what_is_asked_is_judged_before_a_job_is_made(bot: BotFolder) -> None:
    with running(bot):
        for asked, field in (
            ({"desks": ["trendy"]}, "desks"),
            ({"instruments": ["coinbase:DOGE/USD"]}, "instruments"),
            ({"since": "yesterday"}, "since"),
            ({"capital": "-5"}, "capital"),
            ({"taker_fee_rate": "2"}, "taker_fee_rate"),
            ({"overrides": {f"{RSI}s": 10}}, f"overrides.{RSI}s"),
            ({"overrides": {RSI: "ten"}}, f"overrides.{RSI}"),
            ({"overrides": {"feeds.0.settings.speed": 1}}, "overrides.feeds.0.settings.speed"),
            ({"overrides": {"desks.trend.evaluators.nothing.settings.a": 1}}, "overrides.desks.trend.evaluators"),
            ({"versions": {"evaluator/rsi": "abcdef"}}, "versions.evaluator/rsi"),
            ({"versions": {"evaluator/no": "abcdef"}}, "versions"),
        ):
            refused = bot.asked("backtest.start", **asked)
            problems = refused["problems"] if "problems" in refused else refused["error"]["problems"]
            assert any(name.startswith(field) for name in problems), (asked, refused)
        assert bot.asked("backtests")["answer"]["backtests"] == []


def test_backtests_are_listed_in_pages_and_compared(bot: BotFolder) -> None:
    span = {"since": "2018-01-01", "until": "2018-03-01"}
    with running(bot):
        for desks, overrides in ((["trend"], {}), (["trend"], {RSI: 10}), (["dips"], {})):
            bot.asked("backtest.start", desks=desks, overrides=overrides, **span)
        until(bot, 3, is_ended)
        page = bot.asked("backtests", limit=2)["answer"]
        assert [row["number"] for row in page["backtests"]] == [3, 2]
        rest = bot.asked("backtests", limit=2, before=page["next_before"])["answer"]
        assert ([row["number"] for row in rest["backtests"]], rest["next_before"]) == ([1], None)
        compared = bot.asked("backtest.compare", numbers=[1, 2])["answer"]
        assert [(one["key"], one["values"]) for one in compared["differences"]] == [
            ("desks.trend.evaluators.2.settings.period", [28, 10])
        ]
        assert all(len(curve["growth"]) > 2 and curve["growth"][0][1] == 0 for curve in compared["curves"])
        other = bot.asked("backtest.compare", numbers=[1, 3])["answer"]["differences"]
        assert {"key": "desk dips", "values": [False, True]} in other
        second = bot.asked("backtest", number=2)["answer"]
        assert any("One of 2 settings tried on these very candles" in one for one in second["warnings"])
