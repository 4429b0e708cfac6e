"""The hooks that a tentacle hears in a real run: `loligo run` calls each of them, in order, with what it promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder

HEARS = """
from pathlib import Path


def note(*words):
    with Path({file!r}).open("a") as file:
        print(*words, file=file)


@hookimpl
def bot_started(desks):
    note("started", ",".join(desks))


@hookimpl
def records_committed(records):
    for record in records:
        note("record", record.seq, type(record.input).__name__)


@hookimpl
def bot_stopping(reason):
    note("stopping", reason)
"""


@pytest.fixture
def heard(new_season: Callable[[str], BotFolder]) -> tuple[BotFolder, list[list[str]]]:
    """Two days with a tentacle that writes down what it hears."""
    bot = new_season("hearing")
    file = bot.home / "heard.txt"
    write_tentacle(bot.home, "notifier", "hears", body=HEARS.format(file=str(file)))
    write_registry(bot.home)
    done = bot.call("run", "--headless", "--until", "2017-12-17")
    assert done.code == 0, done.err
    return bot, [line.split(" ", 1) for line in file.read_text().splitlines()]


def test_a_run_calls_every_hook_in_order_and_tells_of_every_record_once(
    heard: tuple[BotFolder, list[list[str]]],
) -> None:
    bot, lines = heard
    kept = [f"{record.seq} {type(record.input).__name__}" for record in bot.records()]
    assert [text for kind, text in lines if kind == "record"] == kept
    said = [(kind, text) for kind, text in lines if kind != "record"]
    assert said == [("started", "trend,dips,monthly,ladder"), ("stopping", "feeds ended")]
