"""Every page in light, dark and on a phone: usable without eyes or mouse, light, quiet, and nothing from elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from playwright.sync_api import Browser, Page, expect

import bring_browser
from loligo_web import pages, server
from tests.browser.conftest import running_bot
from tests.browser.used import more_desks, use
from tests.browser.visits import LOOKS, PASSWORD, PHONE, Bot, Visit, Watched, browse, sign_in
from tests.fakes.early_page import early_page
from tests.fakes.packages import archive

PAGES = (
    "/",
    "/market",
    "/market/coinbase:BTC/USD",
    "/trades",
    "/tentacles",
    "/tentacles/install",
    "/tentacles/install/steps?name=trading_mode/dca&since=0",
    "/tentacles/evaluator/rsi",
    "/tentacles/evaluator/rsi/source",
    "/tentacles/interface/web",
    "/view/strategy/weighted_vote",
    "/decisions",
    "/why/{ordered}",
    "/why/{declined}",
    "/experiments",
    "/experiments/eager",
    "/experiments/past/{historic}",
    "/performance",
    "/backtests",
    "/backtests/{backtest}",
    "/backtests/compare",
    "/backtests/compare?ids={backtest}&ids={backtest_2}",
    "/backtests/reality",
    "/backtests/reality/{reality}",
    "/backtests/replay/{replay}",
    "/jobs",
    "/automations",
    "/automations/guard",
    "/risk",
    "/risk/limits/trend",
    "/risk/limits/account:paper",
    "/notifications",
    "/health",
    "/configuration",
    "/access",
    "/access/hooks",
    "/access/shares",
    "/audit",
    "/start",
    "/search?q=rsi",
    "/api",
    "/more",
)


def open_code(page: Page) -> None:
    page.get_by_text("I use a code from an app").click()
    expect(page.get_by_label("Code")).to_be_visible()


def mistype(page: Page) -> None:
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("not my password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def repeat_wrongly(page: Page) -> None:
    page.get_by_label("Name").fill("carl")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD[::-1])
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_label("The same again")).to_have_attribute("aria-invalid", "true")


def look_at_package(page: Page) -> None:
    package = archive(permissions='["net:a.example", "files"]')
    page.get_by_label("Zip of the tentacle").set_input_files(
        {"name": "drift.zip", "mimeType": "application/zip", "buffer": package}
    )
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label("It writes files")).to_be_visible()


def preview(page: Page) -> None:
    page.get_by_label("Entry threshold").fill("0.99")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("img", name="Closes of BTC/USD")).to_be_visible()


def stop(page: Page) -> None:
    page.keyboard.press("Shift+K")
    expect(page.get_by_role("dialog", name="Stop trading")).to_be_visible()


VISITS = (
    *(Visit(path=path) for path in PAGES),
    Visit(path="/", does="stop trading", act=stop),
    Visit(path="/tentacles/install", does="consent", act=look_at_package),
    Visit(path="/tentacles/strategy/weighted_vote?place=desks.trend.strategy", does="preview", act=preview),
    Visit(path="/sign-in", who="nobody"),
    Visit(path="/sign-in", who="nobody", does="with a code", act=open_code),
    Visit(path="/sign-in", who="nobody", status=403, does="wrong password", act=mistype),
    Visit(path="/join/{invited}", who="nobody"),
    Visit(path="/join/{invited}", who="nobody", status=422, does="wrong field", act=repeat_wrongly),
    Visit(path="/investor/{shared}", who="nobody"),
    Visit(path="/nothing/here", status=404),
    Visit(path="/decisions?result=luck", status=422),
    Visit(path="/access/shares", who="viewer", status=403, does="refused"),
)
EARLY = Visit(path="/trades", status=503)  # while the bot starts
# What is answered with HTML and is part of a page, or a file to keep; and all else that is no page.
PARTS = ("/part/kpis", "/part/bell", "/part/bell/count", "/backtests/part/list", "/experiments/part/list")
REPORTS = (
    "/performance/report/{report}",
    "/backtests/{backtest}/report",
    "/experiments/eager/export",
    "/experiments/past/{historic}/export",
)
OTHERS = (
    *PARTS,
    "/experiments/eager/part",
    *REPORTS,
    "/trades/export/fills",
    "/configuration/export/settings",
    "/health/diagnostics",
    "/healthz",
    "/readyz",
    "/metrics",
    "/app.webmanifest",
    "/api/v1/openapi.json",
    "/api/v1/status",
)
STREAMS = ("/events", "/live", "/api/v1/ws")  # which do not end
NAMED = ("/static/page.css", "/health/backup/some.zip")  # whose names are known when they are there
IS_CI = bool(os.environ.get("CI"))
# Under CI half of them: one is wide and light, one narrow and dark.
CHECKED = {name: look for name, look in LOOKS.items() if name in ("light", "phone dark") or not IS_CI}
PAGE_LIMIT = 120 * 1024  # bytes that travel, compressed


@pytest.fixture(scope="module")
def bot(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot that has one of everything."""
    with running_bot(tmp_path_factory.mktemp("pages") / "bot", more_desks) as running:
        sign_in(browser, running)
        use(browser, running)
        yield running


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
SEEN = [(name, one) for at, one in enumerate(VISITS) for name in (list(CHECKED)[at % 2 :: 2] if IS_CI else CHECKED)]


@pytest.mark.parametrize(("name", "visit"), SEEN, ids=str)
def test_a_page_is_for_everybody_and_light(browser: Browser, bot: Bot, name: str, visit: Visit) -> None:
    look = LOOKS[name]
    with visit.made(browser, bot, look) as watched:
        page = watched.page
        expect(page.get_by_role("main")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= (PHONE["width"] if look["phone"] else 1280)
        assert {request.url.partition(bot.address)[0] for request in watched.requests} == {""}  # nothing from elsewhere
        for _ in range(3):
            page.keyboard.press("Tab")
            assert page.evaluate(FOCUSED), "the keyboard leads to what cannot be seen"
        if name == "light" or IS_CI:
            page.wait_for_load_state("load")
            sizes = weight(watched)
            assert sum(sizes.values()) <= PAGE_LIMIT, sizes


# What has the focus is marked and in the window; nothing of the page has it after the last.
FOCUSED = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  if (one === document.body) return true;
  const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return one.matches(":focus-visible") && box.width > 0 && inside;
}"""


def test_every_page_that_is_served_is_looked_at(bot: Bot) -> None:
    seen = (*(visit.path for visit in VISITS), *OTHERS, *STREAMS, *NAMED)
    with ThreadPoolExecutor(1) as pool:  # beside playwright this thread can run no loop
        served, looked_at = pool.submit(asyncio.run, routes_of([path.format(**bot.made) for path in seen])).result()
    assert served - looked_at == set()


async def routes_of(paths: list[str]) -> tuple[set[str], set[str]]:
    """Return every route that is read, and those to which paths lead."""
    app, verbs = web.Application(), {verb for page in pages.PAGES for verb in page.needs}
    app.add_routes(server.routes(pages.PAGES, verbs))
    served = {route.resource.canonical for route in app.router.routes() if route.method in ("GET", "*")}
    found = [await app.router.resolve(make_mocked_request("GET", path)) for path in paths]
    return served, {one.route.resource.canonical for one in found}


def test_what_is_not_looked_at_is_no_page(page: Watched) -> None:
    for path in OTHERS:
        answer = page.page.request.get(page.bot.address + path.format(**page.bot.made))
        assert answer.ok, path
        is_file = "attachment" in answer.headers.get("content-disposition", "")
        assert is_file or "<html" not in answer.text(), path


@pytest.mark.parametrize("name", CHECKED)
def test_a_report_that_was_taken_home_is_for_everybody(browser: Browser, bot: Bot, name: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    with browse(browser, bot, **LOOKS[name]) as watched:
        for path in REPORTS:
            file.write_bytes(watched.page.request.get(bot.address + path.format(**bot.made)).body())
            watched.page.goto(file.as_uri())
            assert violations(watched.page) == [], path
            width = watched.page.evaluate("document.documentElement.scrollWidth")
            assert width <= (PHONE["width"] if LOOKS[name]["phone"] else 1280), path
        assert {request.url for request in watched.requests} == {file.as_uri()}  # nothing from elsewhere


def test_what_cannot_be_shown_before_the_bot_runs_says_so(browser: Browser, tmp_path: Path) -> None:
    with early_page(tmp_path) as address:
        bot = Bot(home=tmp_path, address=address)
        sign_in(browser, bot)
        for look in CHECKED.values():
            with EARLY.made(browser, bot, look) as watched:
                expect(watched.page.get_by_role("heading", name="The bot is not ready")).to_be_visible()
                expect(watched.page.get_by_role("main")).to_contain_text(
                    "the bot has not begun to run yet", ignore_case=True
                )
                assert violations(watched.page) == []
                watched.page.get_by_role("link", name="Try again").click()
                watched.page.wait_for_url(f"{address}/trades")
                watched.expect_fault("503")


def weight(page: Watched) -> dict[str, int]:
    """Return how many bytes travelled for a page, by what was asked for."""
    wanted = {request.url for request in page.requests if request.resource_type in ("document", "stylesheet", "script")}
    return {url: len(gzip.compress(page.page.request.get(url).body(), 6)) for url in sorted(wanted)}


def test_candles_and_equity_are_drawn(page: Watched) -> None:
    page.open("/performance")
    expect(page.page.locator("#equity canvas")).to_be_visible()
    page.open("/")
    expect(page.page.get_by_role("img", name="Equity from")).to_be_visible()
    expect(page.page.locator("#candles canvas").first).to_be_visible()
    expect(page.page.locator("#candles")).to_have_attribute("data-bars", "300")
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
        where = path.format(**page.bot.made)
        answer = page.page.request.get(f"{page.bot.address}{where}{'&' if '?' in path else '?'}json")
        assert answer.ok
        assert isinstance(answer.json(), dict)
