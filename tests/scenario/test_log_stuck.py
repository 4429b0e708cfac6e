"""A bot whose log nobody takes, as in a terminal that was stopped with Ctrl-S: it trades on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.bots import LIMIT_S, LOLIGO, BotFolder


@pytest.fixture
def stuck() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe that is full already."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"." * 4_096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_bot_runs_to_its_end_while_nobody_takes_its_log(
    template: BotFolder, tmp_path: Path, stuck: tuple[int, int]
) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__LOG__LEVEL="debug", LOLIGO__LOG__FORMAT="json")
    command = (*LOLIGO, "--home", str(bot.home), "--json", "run", "--headless", "--until", "2017-08-01")
    done = subprocess.run(
        command, env=bot.environment, stdout=subprocess.PIPE, stderr=stuck[1], timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0 and b'"reason"' in done.stdout
    assert len(bot.records()) > 500
