"""A bot that trades recorded candles, its page, and a browser whose user owns it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.visits import LIMIT_MS, PAUSE_S, Bot, Watched, browse, sign_in
from tests.fakes.chromium import ARGUMENTS, ChromiumMissing, chromium
from tests.scenario.bots import LIMIT_S, ROOT, BotFolder

PER_SECOND = "108000"  # 30 candles of an hour in a second
QUICK = ("REHEARSAL_INPUTS", "SHADOW_INPUTS", "PROBATION_INPUTS")
expect.set_options(timeout=LIMIT_MS)


@pytest.fixture(scope="module")  # no longer: while playwright is open, no other test can run a loop of its own
def browser() -> Iterator[Browser]:
    """Chromium; without one these tests skip, and fail under CI=true."""
    try:
        program = chromium()
    except ChromiumMissing as exc:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(exc))
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))


@pytest.fixture(scope="module")
def bot(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot with an owner."""
    with running_bot(tmp_path_factory.mktemp("browser") / "bot") as running:
        sign_in(browser, running)
        yield running


@pytest.fixture
def page(browser: Browser, bot: Bot) -> Iterator[Watched]:
    """A page of the owner, 1280 wide; what the console says against it fails the test."""
    with browse(browser, bot) as watched:
        yield watched


class running_bot:
    """Starts a bot with a page on a free port, and ends it."""

    def __init__(
        self,
        home: Path,
        change: Callable[[dict[str, Any]], object] = lambda config: None,
        *,
        speed: str | None = PER_SECOND,  # None: as the configuration says
        **environment: str,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        home.mkdir()
        paths = os.pathsep.join((str(ROOT / "core"), str(ROOT / "web")))
        self.folder = BotFolder(home, PYTHONPATH=paths, **{f"LOLIGO__SWAP__{name}": "5" for name in QUICK})
        self.folder.environment |= environment
        self._speed = () if speed is None else ("--speed", speed)
        assert self.folder.call("init", str(home)).code == 0
        self.folder.edit(lambda config: config.update(interfaces=[{"tentacle": "web", "settings": {"port": port}}]))
        self.folder.edit(lambda config: config["feeds"][0]["settings"].update(since="2017-12-01"))
        self.folder.edit(change)
        self._bot = Bot(home=home, address=f"http://127.0.0.1:{port}")

    def __enter__(self) -> Bot:
        self._run = self.folder.running("run", "--headless", "--stay", *self._speed)  # when a busy machine takes longer
        process = self._run.__enter__()
        until = time.monotonic() + LIMIT_S
        while not self._bot.link.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, "the page did not open"
            time.sleep(PAUSE_S)
        return self._bot

    def __exit__(self, *exc: object) -> None:
        self._run.__exit__(None, None, None)
