"""Feeds and notifiers exchanged under a running bot: every input and every message comes once, whoever brings it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from loligo.model.market import Candle
from loligo_bot.assembly import assemble, make_feeds
from loligo_bot.cli.control_client import ask
from loligo_bot.feeds import in_time_order
from loligo_bot.folder_config import read_config
from loligo_bot.tell import messages_of
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_swap_running import edit_config, edit_registry, rewrite, swapped

TO_FILE = Path("tentacles/notifiers/to_file/__init__.py")
NOTIFIER = """
from loligo.api import Factory, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    sign: str = ""

class ToFile:
    def __init__(self, settings, context):
        self.path, self.sign, self.count = f"{context.home}/told.txt", settings.sign, 0

    async def notify(self, message):
        if not message.seq or message.kind == "daily_summary":
            return  # what no single event tells of
        with open(self.path, "a") as file:
            file.write(f"{message.seq} first{self.sign}\\n")

@hookimpl
def notifier() -> Factory:
    return Factory(settings=Settings, create=ToFile)
"""
ETH = {"file": "bitstamp/ETH_USD-1d.parquet", "instrument": "bitstamp:ETH/USD", "kind": "candles", "timeframe": "1d"}
PER_SECOND = "720000"  # 200 candles of an hour in a second


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot that trades by the clock and tells a file; registry and settings are taken up when it is told to."""
    quick = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "20", "PROBATION_S": "2", "WATCH": "false"}
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in quick.items()})
    bot.environment["LOLIGO__JOURNAL__COMMIT_EVERY_S"] = "0.05"  # a swap hears of what is durable
    write_hanging(bot.home, "evaluator", 0)
    write_tentacle(bot.home, "notifier", "to_file", code=NOTIFIER, manifest={"permissions": '["files"]'})
    write_registry(bot.home)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    edit_registry(bot, lambda entries: [e.update(permissions=["files"]) for e in entries if e["name"] == "to_file"])

    def configure(config: dict[str, Any]) -> None:
        trade_with_them(config, "2017-12-15", "2019-07-01")
        config["notifiers"] = [{"tentacle": "to_file"}]

    return bot.edit(configure)


@contextmanager
def running(bot: BotFolder) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        yield process


def applied(bot: BotFolder, result: str = "good") -> dict[str, Any]:
    """Have the newest registry and settings taken up, and return the report."""
    swap: dict[str, Any] = ask(bot.home, {"do": "apply", "by": "test"}, 60.0)["swap"]
    assert swap["result"] == result, swap
    return swap


def stopped(bot: BotFolder, process: subprocess.Popen[str]) -> None:
    """Let it take some more candles, and end it as a service manager does."""
    seen = ask(bot.home, {"do": "status"})["status"]["next_seq"]
    bot.wait_until(lambda status: status["next_seq"] > seen + 60)
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert done.code == 0, done.err
    assert done.seconds < 20  # not the 600 s that a test may take


def told(bot: BotFolder) -> list[list[str]]:
    return [line.split() for line in (bot.home / "told.txt").read_text().splitlines()]


def messages(bot: BotFolder) -> list[str]:
    """The seqs of all that was worth telling, from the journal."""
    return [str(message.seq) for message in messages_of(bot.records())]


def fed(bot: BotFolder) -> list[tuple[str, Candle]]:
    found = [(record.feed, record.input) for record in bot.records() if record.feed]
    return [(feed, item) for feed, item in found if isinstance(item, Candle)]


def undisturbed(bot: BotFolder, count: int) -> list[tuple[str, Candle]]:
    """The first inputs of a run over the bot's feeds as they are configured now."""
    feeds: Any = make_feeds(assemble(bot.home, read_config(bot.home)))
    return [(sent.feed, sent.item) for sent in islice(in_time_order(feeds), count)]  # type: ignore[misc]


def test_a_notifier_is_exchanged_ten_times_and_each_message_is_told_once_in_order(bot: BotFolder) -> None:
    words = ["first", *(f"word{number}" for number in range(10))]
    with running(bot) as process:
        for old, new in pairwise(words):
            rewrite(bot, TO_FILE, f" {old}{{", f" {new}{{")
            swap = applied(bot)
            assert [line.split()[0] for line in swap["changed"]] == ["notifier/to_file"]
            assert "exchanges notifiers/to_file" in swap["steps"]
            assert not [step for step in swap["steps"] if "evaluator" in step]  # the engine has nothing to compare
        stopped(bot, process)
    assert [seq for seq, _ in told(bot)] == messages(bot)
    order = [words.index(word) for _, word in told(bot)]
    assert order == sorted(order)
    assert len(set(order)) > 5


def test_a_notifier_that_fails_once_it_leads_is_taken_back_and_its_message_told_by_the_one_before(
    bot: BotFolder,
) -> None:
    bot.environment |= {"LOLIGO__SWAP__PROBATION_INPUTS": "100000", "LOLIGO__SWAP__PROBATION_S": "60"}
    with running(bot) as process:
        rewrite(bot, TO_FILE, "with open", "raise OSError('not connected')\n        with open")
        swap = applied(bot, "rolled_back")
        stopped(bot, process)
    assert swap["text"].startswith("notifiers/to_file failed, OSError: not connected")
    assert [seq for seq, _ in told(bot)] == messages(bot)
    assert {word for _, word in told(bot)} == {"first"}


def test_health_tells_of_a_notifier_that_fails_and_of_no_other_edge(bot: BotFolder) -> None:
    rewrite(bot, TO_FILE, "with open", "raise OSError('not connected')\n        with open")
    with running(bot) as process:
        bot.wait_until(lambda status: status["edges"]["notifiers/to_file"]["state"] == "failing")
        problems = bot.asked("health")["answer"]["problems"]
        stopped(bot, process)
    [problem] = [one for one in problems if "/" in one["tentacle"]]  # places of edges; slots of tentacles have none
    assert (problem["problem"], problem["tentacle"]) == ("notifier failing", "notifiers/to_file")
    assert "OSError: not connected" in problem["reason"]


def test_a_notifier_that_cannot_be_made_is_refused(bot: BotFolder) -> None:
    with running(bot) as process:
        rewrite(bot, TO_FILE, "self.count = ", "self.count = 1 / settings.sign, ")
        swap = applied(bot, "refused")
        stopped(bot, process)
    assert "TypeError" in swap["text"]
    assert [seq for seq, _ in told(bot)] == messages(bot)


def test_settings_of_a_notifier_change_in_the_configuration_and_in_the_registry(bot: BotFolder) -> None:
    with running(bot) as process:
        edit_config(bot, lambda config: config["notifiers"][0].update(settings={"sign": "!"}))
        by_config = applied(bot)
        edit_config(bot, lambda config: config["notifiers"][0].pop("settings"))
        edit_registry(
            bot, lambda entries: [e.update(settings={"sign": "?"}) for e in entries if e["name"] == "to_file"]
        )
        by_registry = applied(bot)
        stopped(bot, process)
    for swap in (by_config, by_registry):
        assert "exchanges notifiers/to_file" in swap["steps"]
    assert [seq for seq, _ in told(bot)] == messages(bot)
    assert [word for _, word in told(bot)] == sorted(
        (word for _, word in told(bot)), key=["first", "first!", "first?"].index
    )
    assert told(bot)[-1][1] == "first?"


def test_a_notifier_is_switched_off_and_on_and_the_bot_starts_while_it_is_off(bot: BotFolder) -> None:
    def switch(is_on: bool) -> None:
        edit_registry(bot, lambda entries: [e.update(enabled=is_on) for e in entries if e["name"] == "to_file"])

    with running(bot) as process:
        switch(False)
        off = applied(bot)
        silent_from = len(told(bot))
        stopped(bot, process)
    assert "ends notifiers/to_file" in off["steps"]
    assert len(told(bot)) == silent_from
    with running(bot) as process:
        assert "notifiers/to_file" not in ask(bot.home, {"do": "status"})["status"]["edges"]
        switch(True)
        applied(bot)
        stopped(bot, process)
    seqs = [seq for seq, _ in told(bot)]
    silent = messages(bot).index(seqs[silent_from]) - silent_from
    assert silent > 0
    assert seqs == messages(bot)[:silent_from] + messages(bot)[silent_from + silent :]


def change_feed(config: dict[str, Any], **settings: Any) -> None:
    config["feeds"][0]["settings"].update(settings)


def test_a_replay_is_exchanged_twenty_times_and_every_candle_comes_once_in_order(bot: BotFolder) -> None:
    with running(bot) as process:
        for gap in range(25, 45):
            edit_config(bot, partial(change_feed, maximum_gap_candles=gap))
            assert "exchanges feeds" in applied(bot)["steps"]
        bot.wait_until(lambda status: status["next_seq"] > 8_000)
        stopped(bot, process)
    candles = fed(bot)
    assert len(candles) > 1_000
    assert candles == undisturbed(bot, len(candles))


def test_a_feed_whose_data_is_unsound_is_taken_back_and_one_without_its_file_refused(bot: BotFolder) -> None:
    unsound = bot.home / "data" / "unsound.csv"
    unsound.parent.mkdir(exist_ok=True)
    unsound.write_text("timestamp,open,high,low,close,volume\n1577836800000,1,0.5,2,1,1\n")
    source = {"file": "unsound.csv", "instrument": "coinbase:X/USD", "kind": "candles", "timeframe": "1h"}
    with running(bot) as process:
        edit_config(bot, lambda config: config["feeds"][0]["settings"]["sources"].append(source))
        failed = applied(bot, "rolled_back")
        edit_config(bot, lambda config: config["feeds"][0]["settings"]["sources"][-1].update(file="none.csv"))
        refused = applied(bot, "refused")
        edit_config(bot, lambda config: config["feeds"][0]["settings"]["sources"].pop())
        stopped(bot, process)
    assert "unsound.csv" in failed["text"]
    assert 'no file "none.csv"' in refused["text"]
    assert fed(bot) == undisturbed(bot, len(fed(bot)))


def test_a_feed_is_added_and_removed_in_the_configuration_while_the_bot_runs(bot: BotFolder) -> None:
    more = {"tentacle": "replay", "name": "daily", "settings": {"sources": [ETH]}}
    edit_config(bot, lambda config: config["feeds"][0]["settings"]["sources"].pop())
    with running(bot) as process:
        edit_config(bot, lambda config: config["feeds"].append(more))
        applied(bot)
        bot.wait_until(lambda status: status["edges"]["feeds/daily"]["state"] == "running")
        stopped(bot, process)
    both = fed(bot)
    joined = next(place for place, (feed, _) in enumerate(both) if feed == "daily")
    assert (
        both[joined:]
        == [one for one in undisturbed(bot, 50_000) if one[1].ts >= both[joined][1].ts][: len(both) - joined]
    )
    with running(bot) as process:
        edit_config(bot, lambda config: config["feeds"].pop())
        applied(bot)
        count = len(fed_while_running(bot))
        stopped(bot, process)
    hourly = [one for one in fed(bot) if one[0] == "replay"]
    assert hourly == undisturbed(bot, len(hourly))
    assert {feed for feed, _ in fed(bot)[count:]} == {"replay"}


def fed_while_running(bot: BotFolder) -> list[tuple[str, Candle]]:
    bot.wait_until(lambda status: status["waiting_inputs"] == 0)
    return fed(bot)


def test_a_swap_of_a_feed_and_a_notifier_is_taken_up_from_the_files_and_survives_a_kill(bot: BotFolder) -> None:
    bot.environment |= {"LOLIGO__SWAP__WATCH": "true", "LOLIGO__SWAP__PROBATION_INPUTS": "20"}
    with running(bot) as process:
        edit_config(bot, lambda config: config["feeds"][0]["settings"].update(maximum_gap_candles=30))
        first = swapped(bot, "good")
        rewrite(bot, TO_FILE, " first{", " second{")
        swapped(bot, "good", first["text"])
        process.kill()
        process.wait()
    with running(bot) as process:
        stopped(bot, process)
    assert fed(bot) == undisturbed(bot, len(fed(bot)))
    seqs = [seq for seq, _ in told(bot)]
    assert len(set(seqs)) == len(seqs)
