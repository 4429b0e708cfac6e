"""A person at the controls of a running bot: signals, commands over the control socket, a second bot."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import Noted, OperatorCommand
from loligo.model.events import Approved, KillSwitchSet
from loligo.model.order import OrderRole
from loligo.model.timeframe import iso
from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder, ended

STOP_LIMIT_S = 20.0  # of a machine that is busy; two seconds of one that is not
FAST = "720000"  # 200 candles of an hour per second
SLOW = "3600"  # one
VERY_SLOW = "1"  # none while a test runs
CURIOUS = """
from contextlib import suppress
from loligo.api import Actor, Denied, Factory, Role, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    pass

class Curious:
    def __init__(self, settings, context):
        self.door = context.door

    async def run(self):
        anna = Actor(name="curious:anna", role=Role.VIEW)
        await self.door.ask(anna, "status", {})
        for _ in range(3):
            with suppress(Denied):
                await self.door.ask(anna, "panic", {"level": "flatten"})

@hookimpl
def interface() -> Factory:
    return Factory(settings=Settings, create=Curious)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_a_bot_and_the_next_run_comes_to_the_same_end(
    season: BotFolder, new_season: Callable[[str], BotFolder], number: signal.Signals, code: int
) -> None:
    bot = new_season("stopped")
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 4_000)
        process.send_signal(number)
        done = ended(process)
    assert done.seconds < STOP_LIMIT_S
    assert done.code == code, done.err
    assert done.data["ok"] is True and done.data["reason"] == f"signal {number.name}"
    assert 0 < done.data["records"] < len(season.records())
    again = bot.call("run", "--headless")
    assert again.data["is_resumed"] is True
    assert again.data["recovered_records"] == 0  # a clean stop leaves a snapshot
    assert bot.digest() == season.digest()
    assert bot.rows() == season.rows()


def test_a_stop_does_not_wait_for_the_backlog_of_a_replay_at_full_speed(
    template: BotFolder, whole: tuple[BotFolder, dict[str, Any]], tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "full-speed", LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS="1")  # or it is over too soon
    with bot.running("run", "--headless") as process:
        bot.wait_until(lambda status: status["waiting_inputs"] > 5_000)
        process.terminate()
        done = ended(process)
    print(f"stopped in {done.seconds:.2f} s")
    assert done.seconds < STOP_LIMIT_S
    assert done.code == 0, done.err
    assert done.data["records"] < whole[1]["records"] - 4_000


def test_a_pause_outlives_a_kill_and_resume_lifts_it(new_season: Callable[[str], BotFolder]) -> None:
    bot = new_season("paused")
    with bot.running("run", "--headless", "--speed", VERY_SLOW) as process:
        bot.wait_until(lambda status: "trend" in status["desks"])
        second = bot.call("run", "--headless")
        assert (second.code, "already running" in second.data["error"]["message"]) == (1, True)
        assert bot.call("pause", "trend").data["ok"] is True
        process.kill()
    with bot.running("run", "--headless", "--speed", VERY_SLOW) as process:
        status = bot.wait_until(lambda _: True)
        assert [until for until in status["desks"]["trend"]["pauses"].values()] == [0]  # until a person resumes
        assert status["desks"]["dips"]["pauses"] == {}
        assert bot.call("resume", "trend").data["ok"] is True
        assert bot.call("status").data["status"]["desks"]["trend"]["pauses"] == {}
        assert bot.call("stop").code == 0
        assert ended(process).code == 0
    commands = [record.input for record in bot.records() if isinstance(record.input, OperatorCommand)]
    assert [(command.kind, command.target) for command in commands] == [("pause", "trend"), ("resume", "trend")]
    assert [row["is_done"] for row in bot.rows()["commands"]] == [True, True]


def test_panic_at_level_three_closes_every_position_and_lets_no_entry_through(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    trade = next(row for row in season.rows()["trades"] if row["desk"] == "trend")
    bot = new_season("panic")
    assert bot.call("run", "--headless", "--until", iso((trade["opened_at_ns"] + trade["closed_at_ns"]) // 2)).code == 0
    with bot.running("run", "--headless", "--speed", SLOW) as process:
        bot.wait_until(lambda status: is_held(status, "trend"))
        answer = bot.call("panic", "--level", "flatten", "--yes")
        assert answer.code == 0, answer.err
        status = bot.wait_until(lambda status: not any(is_held(status, desk) for desk in status["desks"]))
        assert status["kill_switch"] == 3
        assert bot.call("status", "--check").code == 7  # a risk limit or the kill switch is in force
        process.terminate()
        assert ended(process).code == 0
    events = [event for record in bot.records() for event in record.events]
    set_at = next(event.seq for event in events if isinstance(event, KillSwitchSet))
    after = [event.request.role for event in events if isinstance(event, Approved) and event.seq > set_at]
    assert OrderRole.FLATTEN in after
    assert OrderRole.ENTRY not in after


def is_held(status: dict[str, Any], desk: str) -> bool:
    return any(float(quantity) for quantity in status["desks"][desk]["positions"].values())


def test_what_was_denied_and_who_stopped_the_bot_is_in_the_journal(new_season: Callable[[str], BotFolder]) -> None:
    bot = new_season("audited")
    write_tentacle(bot.home, "interface", "curious", code=CURIOUS)
    write_registry(bot.home)
    bot.edit(lambda config: config.update(interfaces=[{"tentacle": "curious"}]))
    with bot.running("run", "--headless", "--speed", VERY_SLOW) as process:
        bot.wait_until(lambda status: status["edges"].get("interfaces/curious", {}).get("state") == "ended")
        assert bot.call("pause", "trend").data["ok"] is True
        told = bot.asked("audit")["answer"]["rows"]
        of_anna = bot.asked("audit", by="curious:anna")["answer"]["rows"]
        first = bot.asked("audit", limit=1)["answer"]
        then = bot.asked("audit", limit=1, before=first["next_before"])["answer"]
        assert bot.call("stop").code == 0
        assert ended(process).code == 0
    assert [(one["what"], one["by"], one["is_done"]) for one in told] == [
        ("command", told[0]["by"], True),
        ("denied", "curious:anna", False),  # asked three times within a minute
    ]
    assert of_anna == told[1:] == then["rows"]
    assert (first["rows"], then["next_before"]) == (told[:1], None)
    notes = [record.input for record in bot.records() if isinstance(record.input, Noted)]
    assert [(one.kind, one.subject) for one in notes] == [("denied", "panic"), ("stop", "bot")]
    assert notes[0].text == "curious:anna may not use panic: it needs the role trade, and they have view"
    assert notes[1].by == told[0]["by"] and notes[1].by.startswith("cli:")
