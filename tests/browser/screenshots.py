"""Takes a picture of every page of a bot at work, light, dark and on a phone, and of an A/B test at every verdict, into
reports/screenshots."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import running_bot
from tests.browser.test_experiment_states import opened
from tests.browser.test_pages import EARLY, REPORTS, VISITS
from tests.browser.used import more_desks, use
from tests.browser.visits import LOOKS, Bot, browse, sign_in
from tests.fakes.chromium import ARGUMENTS, chromium
from tests.fakes.early_page import early_page
from tests.fakes.experiments import TESTS, page_of_tests
from tests.scenario.bots import ROOT

TRADING_S = 30.0  # before the first picture, so that there is something to see
DRAWN_MS = 1_500.0
SPAN = {"since": "2018-01-01", "until": "2018-07-01"}  # of what is tested over the past
STATES = tuple(f"/experiments/{name}" for name in TESTS)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as home:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        with running_bot(Path(home) / "bot", more_desks) as bot:
            sign_in(browser, bot)
            time.sleep(TRADING_S)
            use(browser, bot, SPAN)
            for look, how in LOOKS.items():
                for visit in VISITS:
                    with visit.made(browser, bot, how) as watched:
                        shoot(watched.page, folder, str(visit), look)
                with browse(browser, bot, **how) as watched:
                    for path in REPORTS:
                        file = Path(home) / "report.html"
                        file.write_bytes(watched.page.request.get(bot.address + path.format(**bot.made)).body())
                        watched.page.goto(file.as_uri())
                        shoot(watched.page, folder, path, look)
        with early_page(Path(home) / "early") as address:
            early = Bot(home=Path(home) / "early", address=address)
            sign_in(browser, early)
            for look, how in LOOKS.items():
                with EARLY.made(browser, early, how) as watched:
                    shoot(watched.page, folder, "early", look)
        with page_of_tests(Path(home) / "states") as (address, _):
            states = Bot(home=Path(home) / "states", address=address)
            sign_in(browser, states)
            for look, how in LOOKS.items():
                for path in STATES:
                    with browse(browser, states, **how) as watched:
                        shoot(opened(watched, path), folder, path, look)
        browser.close()
    print(f"{len(LOOKS) * len((*VISITS, EARLY, *REPORTS, *STATES))} pictures in {folder}")


def shoot(page: Page, folder: Path, name: str, look: str) -> None:
    """Take a picture of all of a page, in a window as high as it is: what stands at its foot stands there."""
    page.wait_for_timeout(DRAWN_MS)
    window = page.viewport_size
    assert window is not None
    height = max(window["height"], page.evaluate("document.documentElement.scrollHeight"))
    if page.locator("dialog[open]").count():
        height = window["height"]  # it stands in the middle of that
    page.set_viewport_size({"width": window["width"], "height": height})
    stem = re.sub("[^a-z0-9]+", "-", name).strip("-") or "dashboard"
    page.screenshot(path=folder / f"{stem}-{look.replace(' ', '-')}.png")
    page.set_viewport_size(window)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports" / "screenshots")
