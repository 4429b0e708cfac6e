"""A bot that trades recorded candles with its page on a free port, as `loligo run` has it, and tokens of its owner."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from loligo_web.server import FIRST_LINK_FILE
from tests.scenario.bots import ROOT, BotFolder
from tests.web.site import Visitor, join

PER_SECOND = "108000"  # 30 candles of an hour in a second
LIMIT_S = 120.0  # until the page answers, on a busy machine
PAUSE_S = 0.02
QUICK = ("REHEARSAL_INPUTS", "SHADOW_INPUTS", "PROBATION_INPUTS")


@dataclass(frozen=True)
class RunningPage:
    """The page of a bot at work."""

    bot: BotFolder
    address: str
    tokens: Mapping[str, str]  # by role

    def headers(self, role: str = "admin") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@contextmanager
def running_page(
    home: Path, prepare: Callable[[BotFolder], object] = lambda folder: None, **environment: str
) -> Iterator[RunningPage]:
    """Run a bot whose folder was prepared; its owner has a token of each role."""
    home.mkdir()
    paths = os.pathsep.join((str(ROOT / "core"), str(ROOT / "web")))
    quick = {f"LOLIGO__SWAP__{name}": "5" for name in QUICK}
    folder = BotFolder(home, PYTHONPATH=paths, **quick, **environment)
    assert folder.call("init", str(home)).code == 0
    folder.edit(lambda config: config.update(interfaces=[{"tentacle": "web", "settings": {"port": 0}}]))
    folder.edit(lambda config: config["feeds"][0]["settings"].update(since="2017-12-01"))
    prepare(folder)
    with folder.running("run", "--headless", "--stay", "--speed", PER_SECOND) as process:
        link = first_link(home, process)
        address = link[: link.index("/join/")]
        tokens = asyncio.run(tokens_of(address, link.removeprefix(address)))
        yield RunningPage(folder, address, tokens)


def first_link(home: Path, process: Any) -> str:
    """Return the first link of a bot that is starting."""
    file, until = home / FIRST_LINK_FILE, time.monotonic() + LIMIT_S
    while not (file.exists() and file.read_text().endswith("\n")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "the page did not open"
        time.sleep(PAUSE_S)
    return file.read_text().strip()


async def tokens_of(address: str, link: str) -> dict[str, str]:
    """Follow the first link and make a token of each role."""
    tokens = {}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        owner = await join(Visitor(session, address), link, "anna")
        for role in ("view", "trade", "admin"):
            _, page = await owner.post("/access/token", {"name": role, "role": role})
            tokens[role] = "loligo_" + str(page).partition("loligo_")[2].partition("<")[0]
    return tokens
