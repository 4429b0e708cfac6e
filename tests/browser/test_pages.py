"""Every page in light, dark and on a phone: usable without eyes or mouse, light, quiet, and nothing from elsewhere."""

from __future__ import annotations

import gzip
import os
from functools import cache

import pytest
from playwright.sync_api import Browser, Page, expect

import bring_browser
from tests.browser.visits import LOOKS, PHONE, Bot, Watched, browse

PAGES = (
    "/",
    "/market",
    "/market/coinbase:BTC/USD",
    "/trades",
    "/tentacles",
    "/tentacles/install",
    "/tentacles/evaluator/rsi",
    "/tentacles/evaluator/rsi/source",
    "/tentacles/interface/web",
    "/view/strategy/weighted_vote",
    "/decisions",
    "/experiments",
    "/performance",
    "/backtests",
    "/backtests/reality",
    "/jobs",
    "/automations",
    "/risk",
    "/risk/limits/trend",
    "/risk/limits/account:paper",
    "/notifications",
    "/health",
    "/configuration",
    "/access",
    "/audit",
    "/start",
    "/search?q=rsi",
    "/api",
    "/more",
)
IS_CI = bool(os.environ.get("CI"))
# Under CI half of them: one is wide and light, one narrow and dark.
CHECKED = {name: look for name, look in LOOKS.items() if name in ("light", "phone dark") or not IS_CI}
PAGE_LIMIT = 120 * 1024  # bytes that travel, compressed


@cache
def axe() -> str:
    file = bring_browser.FETCHED / "axe-core" / "axe.min.js"
    if not file.is_file():
        bring_browser.fetch()
    return file.read_text()


def violations(page: Page) -> list[str]:
    """Return what axe finds against the page as it is."""
    page.evaluate(axe())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found]


# Under CI each page in one of these, by turns.
SEEN = [(name, path) for at, path in enumerate(PAGES) for name in (list(CHECKED)[at % 2 :: 2] if IS_CI else CHECKED)]


@pytest.mark.parametrize(("name", "path"), SEEN)
def test_a_page_is_for_everybody_and_light(browser: Browser, bot: Bot, name: str, path: str) -> None:
    look = LOOKS[name]
    with browse(browser, bot, **look) as watched:
        page = watched.open(path)
        expect(page.get_by_role("main")).to_be_visible()
        assert violations(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= (PHONE["width"] if look.get("phone") else 1280)
        assert {request.url.partition(bot.address)[0] for request in watched.requests} == {""}  # nothing from elsewhere
        if name == "light" or IS_CI:
            page.wait_for_load_state("load")
            sizes = weight(watched)
            assert sum(sizes.values()) <= PAGE_LIMIT, sizes


def test_the_doors_are_for_everybody_too(browser: Browser, bot: Bot) -> None:
    for look in CHECKED.values():
        with browse(browser, bot, owner=False, **look) as watched:
            assert violations(watched.open("/sign-in")) == []


def weight(page: Watched) -> dict[str, int]:
    """Return how many bytes travelled for a page, by what was asked for."""
    wanted = {request.url for request in page.requests if request.resource_type in ("document", "stylesheet", "script")}
    return {url: len(gzip.compress(page.page.request.get(url).body(), 6)) for url in sorted(wanted)}


def test_candles_and_equity_are_drawn(page: Watched) -> None:
    page.open("/performance")
    expect(page.page.locator("#equity canvas")).to_be_visible(timeout=60_000)
    page.open("/")
    expect(page.page.get_by_role("img", name="Equity from")).to_be_visible()
    expect(page.page.locator("#candles canvas").first).to_be_visible()
    expect(page.page.locator("#candles")).to_have_attribute("data-bars", "300", timeout=60_000)
    colours = page.page.evaluate(
        """() => {
          const canvases = [...document.querySelectorAll("#candles canvas")];
          const seen = new Set();
          for (const canvas of canvases) {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 4).join());
          }
          return seen.size;
        }"""
    )
    assert colours > 10  # an empty chart has lines and text in three


def test_the_notice_of_the_chart_stands_on_its_page(page: Watched) -> None:
    notice = page.open("/").get_by_role("contentinfo")
    expect(notice).to_contain_text("TradingView Lightweight Charts™ Copyright © 2025 TradingView, Inc.")
    expect(notice.get_by_role("link")).to_have_attribute("href", "https://www.tradingview.com/")


def test_a_page_has_a_twin_for_programs(page: Watched) -> None:
    for path in PAGES:
        answer = page.page.request.get(f"{page.bot.address}{path}{'&' if '?' in path else '?'}json")
        assert answer.ok
        assert isinstance(answer.json(), dict)
