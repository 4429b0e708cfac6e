"""Webhooks and shared views as a person makes them, and the view of an investor, in light, dark and on a phone."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import CHECKED, PAGE_LIMIT, violations
from tests.browser.visits import PHONE, Bot, Watched, browse

MADE = ("/access/hooks", "/access/shares")


def test_a_webhook_is_made_shown_once_called_and_removed(page: Watched) -> None:
    window = page.open("/access")
    window.get_by_role("link", name="Webhooks").click()
    window.get_by_label("Name", exact=True).fill("alerts")
    window.get_by_label("coinbase:BTC/USD").check()
    window.get_by_role("button", name="Make a webhook").click()
    url = window.locator("#hook-url").inner_text()
    message = json.loads(window.get_by_label("Message for any other alert").inner_text())
    assert message == {"instrument": "{{exchange}}:{{ticker}}", "action": "buy", "time": "{{timenow}}"}
    answer = window.request.post(url, data=json.dumps({"instrument": "COINBASE:BTCUSD", "action": "buy"}))
    assert (answer.status, answer.json()["status"]) == (200, "published")
    assert violations(window) == []
    window = page.open("/access/hooks")
    assert url not in window.content()
    calls = window.get_by_role("region", name="What came")
    expect(calls.get_by_role("link", name="tradingview: buy +1 of coinbase:BTC/USD")).to_be_visible()  # to its why
    window.get_by_role("button", name="Remove alerts").click()
    expect(window.get_by_role("region", name="Who may")).to_contain_text("Nobody")
    assert window.request.post(url, data="buy").status == 404


def share(window: Page, name: str, *shows: str) -> str:
    """Make a link as a person does; return it."""
    window.get_by_label("For whom").fill(name)
    for one in shows:
        window.get_by_role("checkbox", name=one).check()
    window.get_by_role("button", name="Make a link").click()
    return window.locator("#share-link").inner_text()


def test_a_view_is_shared_seen_without_an_account_and_taken_back(browser: Browser, page: Watched) -> None:
    window = page.open("/access/shares")
    link = share(window, "aunt")
    with browse(browser, page.bot, owner=False) as guest:
        seen = guest.page
        seen.goto(link)
        expect(seen.get_by_role("heading", name="Results", exact=True)).to_be_visible()
        expect(seen.get_by_role("navigation")).to_have_count(0)
        expect(seen.get_by_role("img", name="Result from")).to_be_visible()
        expect(seen.get_by_role("region", name="By month")).to_contain_text("2017")
        assert "USD" not in seen.get_by_role("main").inner_text()
        page.open("/access/shares").get_by_role("button", name="Take back aunt").click()
        expect(page.page.get_by_role("region", name="Links")).to_contain_text("Nothing is shared")
        answer = seen.reload()
        assert answer is not None
        assert answer.status == 404
        guest.expect_fault("404")


@pytest.mark.parametrize("look", CHECKED.values(), ids=CHECKED)
def test_the_pages_are_for_everybody_and_light(browser: Browser, bot: Bot, look: dict[str, Any]) -> None:
    with browse(browser, bot, **look) as watched:
        window = watched.open("/access/shares")
        named = f"for {len(look)} {look['scheme']}".replace(" ", "-")
        link = share(window, named, "amounts of money", "open positions", "names of desks, and their trades")
        for address in (*(bot.address + path for path in MADE), link):
            watched.requests.clear()
            window.goto(address)
            expect(window.get_by_role("main")).to_be_visible()
            assert violations(window) == []
            width = window.evaluate("document.documentElement.scrollWidth")
            assert width <= (PHONE["width"] if look.get("phone") else 1280)
            wanted = {one.url for one in watched.requests if one.resource_type in ("document", "stylesheet", "script")}
            assert {url.partition(bot.address)[0] for url in wanted} == {""}  # nothing from elsewhere
            assert sum(len(gzip.compress(window.request.get(url).body(), 6)) for url in wanted) <= PAGE_LIMIT
