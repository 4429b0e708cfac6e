"""Pages and cards that tentacles bring, as people see them: there while their tentacle works, gone without it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.visits import LOOK, Watched
from tests.scenario.bots import BotFolder

PAUSE_MS = 200.0


def switch(page: Page, name: str, *, on: bool) -> None:
    """Flip a switch, and wait until the bot has done it."""
    page.get_by_role("switch", name=name).click()
    said = f"{name.partition(' (')[0]} is {'on' if on else 'off'}"
    expect(page.locator(".toast").filter(has_text=said)).to_be_visible()


def open_until(page: Watched, path: str, is_so: Callable[[], bool]) -> None:
    """Open a page anew until it is as wanted: the menu is made with the page."""
    while page.open(path) and not is_so():
        page.page.wait_for_timeout(PAUSE_MS)


def test_a_page_of_a_tentacle_stands_in_the_menu_and_goes_with_it(page: Watched) -> None:
    where, pages = (
        ("/more", page.page.get_by_role("main")) if LOOK["phone"] else ("/", page.page.get_by_role("navigation"))
    )
    votes = pages.get_by_role("link", name="Votes")
    page.open(where)
    votes.click()
    expect(page.page.get_by_role("heading", name="Votes", level=1)).to_be_visible()
    opinions = page.page.get_by_role("region", name="Opinions that it weighed")
    expect(opinions.get_by_role("cell", name="EMA cross").first).to_be_visible()
    if not LOOK["phone"]:
        expect(votes).to_have_attribute("aria-current", "page")
    page.open("/tentacles")
    switch(page.page, "Weighted vote (strategy)", on=False)
    open_until(page, where, lambda: votes.count() == 0)
    assert page.page.request.get(f"{page.bot.address}/view/strategy/weighted_vote").status == 404
    page.open("/tentacles")
    switch(page.page, "Weighted vote (strategy)", on=True)
    open_until(page, where, lambda: votes.count() == 1)


def test_a_card_of_a_tentacle_leaves_an_open_dashboard_with_it(page: Watched) -> None:
    card = page.open("/").get_by_role("region", name="What RSI says")
    expect(card.get_by_role("img", name="BTC/USD")).to_be_visible()
    switch(page.page, "RSI (evaluator)", on=False)
    expect(card).to_have_count(0)
    switch(page.page, "RSI (evaluator)", on=True)
    expect(card).to_be_visible()


def test_the_command_line_tells_the_same(page: Watched) -> None:
    folder = BotFolder(page.bot.home)
    done = folder.call("ask", "tentacle.view", "name=weighted_vote")
    assert done.code == 0, done.err
    assert [part["title"] for part in done.data["parts"]] == [
        "What was decided",
        "What kept it from trading",
        "Opinions that it weighed",
    ]
