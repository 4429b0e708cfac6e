"""The controls of a bot at work: trading stopped, settings put back, a market looked at, the page exchanged."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import running_bot
from tests.browser.visits import Bot, Watched, sign_in
from tests.scenario.bots import ROOT, BotFolder

ETH, FILE = "coinbase:ETH/USD", "ETH_USD-1d.parquet"
FAR = {"limits": {"stop_loss": 0.9, "take_profit": 9.0}}


def keeps_and_watches(config: dict[str, Any]) -> None:
    """A desk holds what it buys, for only a strong score makes it leave; another watches a market."""
    trend = config["desks"]["trend"]
    trend["capital"] = 25_000
    strategy = {"tentacle": "weighted_vote", "settings": {"exit_threshold": 0.7}}
    config["desks"]["keeper"] = {**copy.deepcopy(trend), **FAR, "strategy": strategy}
    config["venues"]["coinbase"]["instruments"]["ETH/USD"] = {}
    source = {"kind": "candles", "file": FILE, "instrument": ETH, "timeframe": "1d"}
    config["feeds"][0]["settings"]["sources"].append(source)
    config["jobs"] = {"watch": {"trend": ["ETH/USD"]}}


@pytest.fixture(scope="module")
def bot(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    prepared = running_bot(tmp_path_factory.mktemp("browser") / "bot", keeps_and_watches)
    shutil.copy(
        ROOT / "tentacles/feeds/replay/market/bitstamp/ETH_USD-1d.parquet", prepared.folder.home / "data" / FILE
    )
    with prepared as running:
        sign_in(browser, running)
        yield running


def stop(page: Page, label: str, typed: str = "stop") -> None:
    page.get_by_role("button", name="Stop trading").click()
    dialog = page.get_by_role("dialog", name="Stop trading")
    dialog.get_by_role("radio", name=label).check()
    dialog.get_by_label(re.compile("^Type")).fill(typed)
    dialog.get_by_role("button", name="Stop", exact=True).click()


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Stop trading").click()
    page.get_by_role("button", name="Let new entries through again").click()
    expect(page.locator("#bar .badge.bad")).to_have_count(0)


def test_no_new_entries_leaves_what_is_held_and_closing_everything_does_not(page: Watched) -> None:
    here = page.open("/trades")
    held = here.get_by_role("region", name="Open positions")
    keeper, none = held.get_by_role("row").filter(has_text="keeper"), held.get_by_text("Nothing is held")
    expect(keeper).to_be_visible()
    stop(here, "No new entries", typed="yes")
    expect(here.get_by_role("dialog", name="Stop trading")).to_be_visible()  # it is not the word
    expect(here.locator("#bar .badge.bad")).to_have_count(0)
    here.keyboard.press("Escape")
    stop(here, "No new entries")
    expect(here.locator("#bar .badge.bad")).to_have_text("No new entries")
    expect(here.get_by_role("dialog")).to_have_count(0)
    expect(keeper).to_be_visible()
    stop(here, "Close everything")
    expect(here.locator("#bar .badge.bad")).to_have_text("Everything closed")
    expect(none).to_be_visible()
    here.reload()
    expect(none).to_be_visible()
    go_on(here)
    stop(here, "No new entries")  # on the same page
    expect(here.locator("#bar .badge.bad")).to_have_text("No new entries")
    expect(page.open("/audit?by=web:anna").get_by_role("row").filter(has_text="panic")).to_have_count(3)
    go_on(here)


def test_settings_are_put_back_to_an_older_generation_and_forward_again(page: Watched) -> None:
    here = page.open("/tentacles/strategy/weighted_vote?place=desks.trend.strategy")
    before = here.get_by_label("Entry threshold").input_value()
    here.get_by_label("Entry threshold").fill("0.85")
    here.get_by_role("button", name="Save and use").click()
    expect(here.get_by_role("status").filter(has_text="Saved")).to_contain_text("0.85")
    history = here.get_by_role("region", name="History").get_by_role("listitem")
    at_the_place = "desk/trend strategy.settings.entry_threshold: nothing → 0.85 (strategy/weighted_vote)"
    expect(history.first).to_contain_text(at_the_place)
    for wanted in (before, "0.85"):
        go_back(page.open("/configuration"))
        page.open("/tentacles/strategy/weighted_vote?place=desks.trend.strategy")
        expect(here.get_by_label("Entry threshold")).to_have_value(wanted)


def go_back(page: Page) -> None:
    """Take back the newest change, and wait until it is in the list of the page."""
    generations = page.get_by_role("region", name="Before").get_by_role("listitem").filter(has_text="Generation")
    newest = generations.first.locator("b").inner_text()
    page.get_by_role("button", name="Back to it").first.click()
    page.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Back to it").first.click()
    page.get_by_role("button", name="Put them back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(generations.first.locator("b")).not_to_have_text(newest)  # by itself, without loading it
    expect(generations.first).to_contain_text("web:anna · config undo to generation")


def test_a_watched_market_is_looked_at_and_what_failed_runs_once_more(page: Watched) -> None:
    here = page.open(f"/market/{ETH}")
    watched = here.get_by_role("region", name="Watched, not traded")
    expect(watched).to_contain_text("not looked at yet")
    watched.get_by_role("button", name="Look now").click()
    expect(here.locator(".toast")).to_be_visible()
    expect(watched).to_contain_text("as of")  # by itself, without loading the page
    file = page.bot.home / "data" / FILE
    file.rename(file.with_suffix(".away"))
    watched.get_by_role("button", name="Look now").click()
    scan = page.open("/jobs").get_by_role("listitem").filter(has_text="Scan").first
    expect(scan.locator(".badge")).to_have_text("failed")
    file.with_suffix(".away").rename(file)
    here.get_by_role("button", name="Run the 1 that failed once more").click()
    expect(here.locator(".toast")).to_contain_text("1 of 1 jobs run once more")
    expect(scan).to_contain_text("attempt 2")
    expect(scan.locator(".badge")).to_have_text("done")


def test_the_page_is_exchanged_under_the_browser_that_sets_it_and_nothing_is_lost(page: Watched) -> None:
    folder = BotFolder(page.bot.home)
    here = page.open("/tentacles/interface/web")
    process, begun = folder.asked("status")["answer"]["pid"], folder.asked("status")["answer"]["next_seq"]
    for wanted in ("7", "8"):
        here.get_by_label("Lock after").fill(wanted)
        here.get_by_role("button", name="Save and use").click()
        expect(here.get_by_role("status").filter(has_text="Saved")).to_contain_text(f"→ {wanted}")
        expect(here.get_by_label("Lock after")).to_have_value(wanted)
        expect(here.get_by_role("region", name="History").get_by_role("listitem").first).to_contain_text(f"→ {wanted}")
        known = here.locator("#bar time").get_attribute("data-at") or ""
        expect(here.locator("#bar time")).not_to_have_attribute("data-at", known)  # it is live
        expect(here.locator("#offline")).to_be_hidden()
    status = folder.asked("status")["answer"]
    assert (status["pid"], status["next_seq"] > begun) == (process, True)


def test_first_steps_are_taken_off_the_dashboard_and_shown_again(page: Watched) -> None:
    first = page.page.get_by_role("region", name="First steps")
    page.open("/start").get_by_role("button", name="Take them off the dashboard").click()
    page.page.wait_for_url(f"{page.bot.address}/")
    expect(first).to_have_count(0)
    page.open("/start").get_by_role("button", name="Show them on the dashboard again").click()
    expect(page.page.get_by_role("button", name="Take them off the dashboard")).to_be_visible()
    page.open("/")
    expect(first).to_be_visible()
