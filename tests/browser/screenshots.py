"""Takes a picture of every page of a bot at work, light, dark and on a phone, and of an A/B test at every verdict, into
reports/screenshots."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import running_bot
from tests.browser.test_experiments import more_desks
from tests.browser.test_pages import PAGES
from tests.browser.visits import LOOKS, Bot, browse, sign_in
from tests.fakes.chromium import ARGUMENTS, chromium
from tests.fakes.experiments import TESTS, page_of_tests
from tests.scenario.bots import LIMIT_S, ROOT, BotFolder, done_job

TRADING_S = 30.0  # before the first picture, so that there is something to see
DRAWN_MS = 1_500.0
SHOTS = (*PAGES, "/experiments/eager")  # and all about a test
SPAN = {"since": "2018-01-01", "until": "2018-07-01"}  # of what is tested over the past
STATES = tuple(f"/experiments/{name}" for name in TESTS)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as home:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        with running_bot(Path(home) / "bot", more_desks) as bot:
            sign_in(browser, bot)
            time.sleep(TRADING_S)
            shots = (*SHOTS, *results_of(BotFolder(bot.home)))
            shoot(browser, bot, shots, folder)
        with page_of_tests(Path(home) / "states") as (address, _):
            states = Bot(home=Path(home) / "states", address=address)
            sign_in(browser, states)
            shoot(browser, states, STATES, folder)
        browser.close()
    print(f"{len(LOOKS) * len(shots + STATES)} pictures in {folder}")


def results_of(bot: BotFolder) -> tuple[str, ...]:
    """Have the bot test over the past, and return the pages of what came of it."""
    arms = {"control": "trend", "changes": {"strategy.settings.entry_threshold": 0.9}}
    tried = done_job(bot, "historic", **arms, **SPAN)["number"]
    ran = bot.asked("backtest.start", "screenshots", **SPAN)["answer"]["number"]
    until = time.monotonic() + LIMIT_S
    while bot.asked("backtest", number=ran)["answer"]["backtest"]["state"] != "done" and time.monotonic() < until:
        time.sleep(1.0)
    return f"/experiments/past/{tried}", f"/backtests/{ran}"


def shoot(browser: Browser, bot: Bot, paths: Sequence[str], folder: Path) -> None:
    """Take a picture of each of these pages in each look."""
    for look, how in LOOKS.items():
        for path in paths:
            with browse(browser, bot, **how) as watched:
                watched.page.route("**/part/bar", lambda route: route.fulfill(status=204))  # not every bot has one
                page = watched.open(path)
                page.wait_for_timeout(DRAWN_MS)
                name = re.sub("[^a-z0-9]+", "-", path).strip("-") or "dashboard"
                page.screenshot(path=folder / f"{name}-{look.replace(' ', '-')}.png", full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports" / "screenshots")
