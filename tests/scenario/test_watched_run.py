"""What a run leaves for those who watch it: its log file with its own name, its traces, and how long its end took."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from loligo_bot.run import STAGES
from tests.fakes.trace_collector import collector, facts
from tests.scenario.bots import ROOT, BotFolder, ended

PACE = "720000"  # 200 candles of an hour in a second


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A folder whose log is a file of JSON lines, with the page at work."""
    paths = os.pathsep.join((str(ROOT / "core"), str(ROOT / "web")))
    log = {"LOLIGO__LOG__LEVEL": "info", "LOLIGO__LOG__FORMAT": "json", "LOLIGO__LOG__FILE": "logs/bot.log"}
    return template.copy(tmp_path / "bot", PYTHONPATH=paths, LOLIGO__WEB__PORT="0", **log)


def lines(bot: BotFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bot.home / "logs" / "bot.log").read_text().splitlines()]


def test_ctrl_c_ends_a_bot_at_work_within_two_seconds_and_each_line_names_its_run(bot: BotFolder) -> None:
    bot.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = (
        "http://127.0.0.1:9"  # nobody collects there, which holds nothing up
    )
    for _ in range(2):
        with bot.running("run", "--headless", "--speed", PACE) as process:
            bot.wait_until(lambda status: status["next_seq"] > 1 and (bot.home / "state/web/first-start.txt").exists())
            process.send_signal(signal.SIGINT)  # Ctrl-C
            assert ended(process).code == 130
    written = lines(bot)
    ends = [one for one in written if one["event"] == "the bot has ended"]
    assert sum(STAGES.values()) < 2  # none of them waits longer for what does not end by itself
    assert all(one["reason"] == "signal SIGINT" and one["took_s"] < 2 for one in ends), ends
    assert len({one["run"] for one in ends}) == 2
    assert {one["run"] for one in written} == {one["run"] for one in ends}
    newest = bot.records()[-1]
    assert ends[-1]["seq"] == (newest.events[-1] if newest.events else newest).seq  # where to look in the journal


def test_a_short_replay_logs_each_event_with_desk_seq_and_cause(bot: BotFolder) -> None:
    del bot.environment["LOLIGO__WEB__PORT"]
    assert bot.call("run", "--headless", "--until", "2017-07-20").code == 0
    events = {event.seq: event for record in bot.records() for event in record.events}
    told = about_events(bot)
    assert len(told) >= 3
    for line in told:
        event = events[line["seq"]]
        assert (line["desk"], int(line["cause"])) == ("trend", event.cause), line
    assert "Loligo stops: feeds ended" in [line["event"] for line in lines(bot)]


def about_events(bot: BotFolder) -> list[dict[str, Any]]:
    return [line for line in lines(bot) if line.get("seq") and "cause" in line]


def test_a_collector_hears_of_questions_and_exchanges_and_no_secret(bot: BotFolder) -> None:
    with collector() as found:
        bot.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": found.address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with bot.running("run", "--headless", "--speed", PACE) as process:
            bot.wait_until(lambda status: status["next_seq"] > 1)
            assert not bot.asked("why", id="hu5h")["ok"]
            bot.asked("tentacle.switch", name="evaluator/macd", on=False)
            told = facts(found.until("exchange"))
            assert told["loligo.changed"].startswith("evaluator/macd")
            assert facts(found.until("ask tentacle.switch"))["loligo.role"] == "admin"
            asked = found.until("ask why")
            assert facts(asked)["error.type"] == "NotFound"
            assert "hu5h" not in str(found.spans)  # what was asked with is told to nobody
            process.send_signal(signal.SIGTERM)
            assert ended(process).code == 0
