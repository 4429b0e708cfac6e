"""A session in which everything is exchanged, some of it faulty, replays from its journal to the same bytes.

The suite makes eight steps; `make verify-swap` fifty, or as many as LOLIGO_SWAP_STEPS says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from loligo.model.command import SwapEnded
from loligo_bot.cli.control_client import ask
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_edge_swap import TO_FILE, applied
from tests.scenario.test_edge_swap import bot as bot  # the fixture
from tests.scenario.test_swap_running import CLOCK, COUNTER, calls_are_whole, edit_config, edit_registry

STEPS = int(os.environ.get("LOLIGO_SWAP_STEPS", "8"))
MODE = Path("tentacles/trading_modes/at_market/__init__.py")
RULE = Path("tentacles/risk_rules/limit/__init__.py")
PER_SECOND = "180000"  # 50 candles of an hour in a second
QUICK = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "50", "REHEARSAL_INPUTS": "0"}  # a rehearsal would find the faults


@dataclass(frozen=True, slots=True)
class Step:
    """One change by a person, and how it must end; one that does not end well is taken back."""

    name: str
    change: Callable[[BotFolder, int], object]  # `number` makes it a new one
    result: str = "good"
    says: str = ""  # in its report


def edit(file: Path, old: str, new: str) -> Callable[[BotFolder, int], object]:
    """Return an edit of a tentacle's file; "N" in `new` becomes the number of the step."""

    def change(bot: BotFolder, number: int) -> None:
        content = (bot.home / file).read_text()
        assert old in content, (file, old)
        (bot.home / file).write_text(content.replace(old, new.replace("N", str(number)), 1))

    return change


def setting(where: str, key: str, value: Callable[[int], Any]) -> Callable[[BotFolder, int], object]:
    """Return an edit of the configuration."""

    def change(bot: BotFolder, number: int) -> None:
        def put(config: dict[str, Any]) -> None:
            for part in where.split("."):
                config = config[part]
            config[key] = value(number)

        edit_config(bot, put)

    return change


def toggle(name: str, what: str = "enabled") -> Callable[[BotFolder, int], object]:
    """Return a change of a switch in a tentacle's entry of the registry."""

    def put(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] == name:
                entry[what] = not entry.get(what, what == "enabled")

    return lambda bot, _number: edit_registry(bot, put)


COUNTS = "self.count(candle.ts)"
LATE = f"""self.first = getattr(self, "first", self.asked)
        if self.first > 90 and self.asked == self.first + 30:  # no verifier comes that far
            raise OSError("late N")
        {COUNTS}"""
KINDS = (
    Step("evaluator", edit(COUNTER, '"count', '"countN')),
    Step("faulty evaluator", edit(COUNTER, COUNTS, "raise OSError('shadow N')"), "refused", "shadow"),
    Step("strategy", edit(CLOCK, 'FLAT, 1.0, "clock', 'FLAT, 1.0, "clockN')),
    Step("strategy off and on", toggle("by_clock")),
    Step("evaluator that fails late", edit(COUNTER, COUNTS, LATE), "rolled_back", "late"),
    Step("settings of the venue", setting("venues.coinbase", "fills", lambda n: {"slippage_rate": 0.0001 * (n + 1)})),
    Step("strategy on and off", toggle("by_clock")),
    Step("mode", edit(MODE, "view.price * 0.9", "view.price * 0.9 * 1")),
    Step("limits of the desk", setting("desks.trend", "limits", lambda n: {"min_confidence": 0.001 * (n + 1)})),
    Step("notifier", edit(TO_FILE, " first", " firstN")),
    Step("mode off and on", toggle("at_market")),
    Step("rule", edit(RULE, '"fine', '"fineN')),
    Step("broken syntax", edit(CLOCK, "def decide", "def decide("), "refused", "SyntaxError"),
    Step("notifier off and on", toggle("to_file")),
    Step("capital", setting("desks.trend", "capital", lambda n: n + 1), "refused", "is what the desk began with"),
    Step("pin of the evaluator, on and off", toggle("counter", "pin")),
    Step("mode on and off", toggle("at_market")),
    Step("state that is lost", edit(COUNTER, 'state["asked"]', 'state["gone"]'), "refused", "gone"),
    Step("notifier on and off", toggle("to_file")),
)


def carry_out(bot: BotFolder, step: Step, number: int) -> None:
    """Make the change and see it end as it must; what was refused is taken back in the files, too."""
    files = [bot.home / file for file in (COUNTER, CLOCK, "config/loligo.yaml")]
    before = [file.read_bytes() for file in files]
    step.change(bot, number)
    report = applied(bot, step.result)
    assert step.says in report["text"], (step.name, report)
    if step.result != "good":
        for file, content in zip(files, before, strict=True):
            file.write_bytes(content)
        applied(bot, "unchanged")


@pytest.mark.timeout(120 + 10 * STEPS)
def test_session_of_swaps_and_toggles_of_all_kinds_replays_from_its_first_record_to_the_same_bytes(
    bot: BotFolder,
) -> None:
    bot.environment |= {f"LOLIGO__SWAP__{name}": value for name, value in QUICK.items()}
    plan = list(islice(cycle(KINDS), STEPS))
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        for number, step in enumerate(plan):
            carry_out(bot, step, number)
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    calls_are_whole(bot)
    told = [record.input.result for record in bot.records() if isinstance(record.input, SwapEnded)]
    assert told == [step.result for step in plan]
    replays(bot)


def replays(bot: BotFolder) -> None:
    """Take the snapshots away, and start: every record is made again, and compared byte by byte."""
    digest, records, rows = bot.digest(), len(bot.records()), bot.rows()
    with bot.database() as engine, engine.begin() as connection:
        connection.execute(text("DELETE FROM snapshot"))
    again = bot.call("run", "--headless", "--until", "2017-12-16")
    assert again.code == 0, again.out + again.err
    assert (again.data["recovered_records"], again.data["records"]) == (records, 0)
    assert bot.digest() == digest
    assert bot.rebuilt_rows() == rows
    print(f"\n{STEPS} swaps and toggles, {records} records replayed in {again.seconds:.1f} s to the same bytes")
