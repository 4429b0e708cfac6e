"""`make run` in a terminal: the page opens beside the run and stays when the data has ended; Ctrl-C ends it cleanly."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from loligo_bot.cli.run_verbs import STAYS
from loligo_web.settings import WebSettings
from tests.scenario.bots import LIMIT_S, LOLIGO, ROOT, BotFolder

LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/join/[\w-]+")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LOOK_S = 0.05


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A folder with a month of candles, and a browser that writes down what it is shown."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/shown\n')
    browser.chmod(0o755)
    paths = os.pathsep.join((str(ROOT / "core"), str(ROOT / "web")))
    bot = template.copy(tmp_path / "bot", PYTHONPATH=paths, TERM="xterm", COLUMNS="200", BROWSER=str(browser))
    return bot.edit(lambda config: config["feeds"][0]["settings"].update(since="2018-01-01", until="2018-02-01"))


class Terminal:
    """What a person sees of a command."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process, self._screen, self._seen = process, screen, b""

    def until(self, text: str | re.Pattern[str]) -> str:
        """Return all that was seen once it holds a text."""
        end = time.monotonic() + LIMIT_S
        while not (re.search(text, self.seen) if isinstance(text, re.Pattern) else text in self.seen):
            assert time.monotonic() < end and not self._is_at_end(), self.seen
        return self.seen

    def rest(self) -> str:
        while not self._is_at_end():
            pass
        return self.seen

    @property
    def seen(self) -> str:
        return COLOURS.sub("", self._seen.decode(errors="replace")).replace("\r", "")

    def _is_at_end(self) -> bool:
        if not select.select([self._screen], [], [], LOOK_S)[0]:
            return self.process.poll() is not None
        try:
            self._seen += os.read(self._screen, 65_536)
        except OSError:  # Linux says so when the other side is closed
            return True
        return False


@contextmanager
def in_terminal(bot: BotFolder, *arguments: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    command = (*LOLIGO, "--home", str(bot.home), *arguments)
    with subprocess.Popen(
        command, env=bot.environment, cwd=bot.home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)


def test_the_page_opens_stays_with_the_finished_run_and_ends_by_ctrl_c(bot: BotFolder, tmp_path: Path) -> None:
    bot.environment["LOLIGO__INTERFACES"] = '[{"tentacle": "web", "settings": {"port": 0, "open_browser": true}}]'
    with in_terminal(bot, "run", "--page", "--stay") as terminal:
        link = LINK.search(terminal.until(LINK))
        assert link is not None
        terminal.until(STAYS)
        with urlopen(f"http://127.0.0.1:{link[1]}/readyz", timeout=LIMIT_S) as answer:
            assert answer.status == 200
        assert (tmp_path / "shown").read_text() == link[0]
        assert bot.asked("status")["answer"]["time"].startswith("2018-02-01")  # the bot answers, too
        os.killpg(terminal.process.pid, signal.SIGINT)  # Ctrl-C
        seen = terminal.rest()
        assert terminal.process.wait(LIMIT_S) == 0
        assert "What to try next:" in seen.partition(STAYS)[2]


def test_a_page_that_the_configuration_names_keeps_its_settings(bot: BotFolder) -> None:
    bot.edit(lambda config: config.update(interfaces=[{"tentacle": "web", "settings": {"port": 0}}]))
    done = bot.call("run", "--headless", "--page")
    link = LINK.search(done.err)
    assert link is not None
    assert (done.code, done.data["is_read_to_end"]) == (0, True)
    assert int(link[1]) not in (0, WebSettings().port)


def test_where_nobody_looks_a_run_ends_with_its_data(bot: BotFolder) -> None:
    done = bot.call("run")
    assert (done.code, done.data["is_read_to_end"], done.data["reason"]) == (0, True, "feeds ended")
    assert not (bot.home / "state" / "web").exists()
