"""Takes a picture of every page of a bot at work, light, dark and on a phone, into reports/screenshots."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import running_bot
from tests.browser.test_experiments import more_desks
from tests.browser.test_pages import LOOKS, PAGES
from tests.browser.visits import browse, sign_in
from tests.fakes.chromium import ARGUMENTS, chromium
from tests.scenario.bots import ROOT

TRADING_S = 30.0  # before the first picture, so that there is something to see
DRAWN_MS = 1_500.0
SHOTS = (*PAGES, "/experiments/eager")  # and all about a test


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as home:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        with running_bot(Path(home) / "bot", more_desks) as bot:
            sign_in(browser, bot)
            time.sleep(TRADING_S)
            for look, how in LOOKS.items():
                for path in SHOTS:
                    with browse(browser, bot, **how) as watched:
                        page = watched.open(path)
                        page.wait_for_timeout(DRAWN_MS)
                        name = re.sub("[^a-z]+", "-", path).strip("-") or "dashboard"
                        page.screenshot(path=folder / f"{name}-{look.replace(' ', '-')}.png", full_page=True)
        browser.close()
    print(f"{len(LOOKS) * len(SHOTS)} pictures in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports" / "screenshots")
