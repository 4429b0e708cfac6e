"""A tentacle of a running bot saved by real tools: each version is loaded as a whole, and soon."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from loligo.model.events import Evaluated
from loligo.model.market import Candle
from loligo_bot.cli.control_client import ask
from tests.fakes import savers
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import BotFolder, ended

SAVERS = [
    savers.vim if shutil.which("vim") else savers.vim_steps,
    savers.vim_in_place if shutil.which("vim") else savers.vim_steps,
    savers.atomic,
    savers.slow,
    savers.slower,
    savers.git_checkout,
]
LIVE_S = 1.5  # from the last write to the flip: rest, verification, shadow
SLOWER_MACHINE = 3
PART, LINES = "part.py", 200


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot with an evaluator of several files, which says what it was made from."""
    quick = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "5"}
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in quick.items()})
    write_hanging(bot.home, "evaluator", 0)
    registry = bot.home / "tentacle_registry.json"
    content = json.loads(registry.read_text())
    for entry in content["tentacles"]:
        if entry["source"] == "local":
            del entry["tree_hash"]  # whatever the folder holds
    registry.write_text(json.dumps(content))
    code = folder_of(bot) / "__init__.py"
    code.write_text("from . import part\n" + code.read_text().replace('"count"', 'f"{part.number}: {part.lines}"'))
    savers.atomic(folder_of(bot), version_of(bot, 0))
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


def folder_of(bot: BotFolder) -> Path:
    return bot.home / "tentacles" / "evaluators" / "counter"


def version_of(bot: BotFolder, number: int) -> dict[str, bytes]:
    """Return all files of a version: one of them names it in every line, and counts these."""
    held = {path.name: path.read_bytes() for path in folder_of(bot).iterdir() if path.is_file()}
    return {**held, PART: f"number, lines = {number}, globals().get('lines', 0) + 1\n".encode() * LINES}


def await_generation(bot: BotFolder, number: int) -> None:
    bot.wait_until(lambda status: status["generation"] == number and not status["is_swapping"])


@pytest.fixture
def process(bot: BotFolder) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", "360000") as process:  # 100 candles of an hour in a second
        bot.wait_until(lambda status: status["next_seq"] > 100)
        yield process


def test_every_tool_s_save_is_loaded_whole_and_leads_soon(bot: BotFolder, process: subprocess.Popen[str]) -> None:
    lived = {}
    for number, save in enumerate(SAVERS, 1):
        before = ask(bot.home, {"do": "status"})["status"]["generation"]
        save(folder_of(bot), version_of(bot, number))
        saved = time.monotonic()
        await_generation(bot, before + 1)
        lived[f"{number} {save.__name__}"] = time.monotonic() - saved
    ask(bot.home, {"do": "stop"})
    assert ended(process).code == 0
    print({name: f"{seconds:.2f} s" for name, seconds in lived.items()})
    events = [event for record in bot.records() if type(record.input) is Candle for event in record.events]
    said = [event.evaluation for event in events if isinstance(event, Evaluated)]
    versions = [f"{number}: {LINES}" for number in range(len(SAVERS) + 1)]
    assert [code for code, _ in groupby(one.code for one in said)] == versions
    assert [one.numbers[0] for one in said] == [said[0].numbers[0] + place for place in range(len(said))]  # its state
    assert max(lived.values()) < SLOWER_MACHINE * LIVE_S
