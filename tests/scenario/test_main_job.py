"""The main job: `loligo run` in a folder that `loligo init` made, over the bundled candles."""

from __future__ import annotations

from typing import Any

from loligo.model.events import TentacleFailed
from tests.scenario.bots import BotFolder
from tests.scenario.protection import unprotected

Whole = tuple[BotFolder, dict[str, Any]]


def test_every_desk_closes_trades_with_a_stop_a_target_and_a_refusal_among_them(whole: Whole) -> None:
    _, summary = whole
    assert summary["ok"] is True
    assert summary["reason"] == "feeds ended"
    assert set(summary["desks"]) == {"trend", "dips"}
    for name, desk in summary["desks"].items():
        assert desk["trades"] >= 5, name
        assert desk["exits"]["stop"] >= 1, name
        assert desk["exits"]["target"] >= 1, name
        assert desk["refusals"] >= 1, name


def test_the_journal_of_the_main_job_is_whole_and_no_tentacle_failed(whole: Whole) -> None:
    bot, summary = whole
    records = bot.records()
    assert len(records) == summary["records"]
    assert [event for record in records for event in record.events if isinstance(event, TentacleFailed)] == []
    assert list(unprotected(records)) == []


def test_running_the_main_job_again_finds_nothing_left_to_do(whole: Whole) -> None:
    bot, summary = whole
    digest = bot.digest()
    again = bot.call("run", "--headless")
    assert again.code == 0, again.err
    assert again.data["is_resumed"] is True
    assert again.data["records"] == 0
    assert again.data["desks"] == summary["desks"]
    assert bot.digest() == digest
