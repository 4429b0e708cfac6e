"""The page of one market in a real browser: what is drawn, said in words, and reached by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.visits import Watched

PLACE = "/market/coinbase:BTC/USD"
SOME = re.compile("[0-9]{3}")  # the newest 300, and what has come since


def test_candles_are_drawn_with_what_evaluators_say_in_panes_of_their_own(page: Watched) -> None:
    page.open("/market").get_by_role("link", name="BTC/USD").click()
    box = page.page.locator("#market")
    expect(box).to_have_attribute("data-bars", SOME)
    expect(box).to_have_attribute("data-panes", "4")  # candles; macd; rsi; opinions
    expect(box).to_have_attribute("data-lines", "8")  # fast, slow; macd, signal; rsi; three opinions
    names = page.page.get_by_role("group", name="What is drawn").get_by_role("button").all_inner_texts()
    assert sorted(names) == sorted(
        ["EMA cross fast", "EMA cross slow", "MACD", "MACD signal", "RSI", "EMA cross says", "MACD says", "RSI says"]
    )


def test_a_line_is_hidden_and_shown_by_its_button(page: Watched) -> None:
    button = page.open(PLACE).get_by_role("button", name="EMA cross fast")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")


def test_the_chart_is_read_candle_by_candle_with_the_keyboard(page: Watched) -> None:
    page.open(PLACE)
    box, spoken = page.page.locator("#market"), page.page.locator("#spoken")
    expect(box).to_have_attribute("data-bars", SOME)
    box.press("Home")
    expect(spoken).to_contain_text("open")
    first = spoken.inner_text()
    box.press("ArrowRight")
    expect(spoken).not_to_have_text(first)
    assert spoken.inner_text()[:13] > first[:13]  # a later hour
    for key in ("End", "ArrowLeft", "+", "-", "Escape"):
        box.press(key)
    expect(page.page.locator("#legend")).to_contain_text("volume")


def test_scrolling_back_brings_older_candles(page: Watched) -> None:
    page.open(PLACE)
    box = page.page.locator("#market")
    expect(box).to_have_attribute("data-bars", SOME)
    first = box.get_attribute("data-from") or ""
    box.press("Home")
    expect(box).not_to_have_attribute("data-from", first)
    assert int(box.get_attribute("data-from") or "") < int(first)


def test_what_happened_leads_to_why(page: Watched) -> None:
    page.open(f"{PLACE}?timeframe=1d")
    expect(page.page.get_by_role("link", name="1d")).to_have_attribute("aria-current", "true")
    expect(page.page.locator("#market")).to_have_attribute("data-timeframe", "1d")
    happened = page.page.get_by_role("region", name="What happened").get_by_role("link").first
    happened.click()
    page.page.wait_for_url("**/why/*")
    expect(page.page.get_by_role("main")).to_contain_text("coinbase:BTC/USD")


def test_the_page_follows_the_market_and_has_a_table_and_a_picture(page: Watched) -> None:
    page.open(PLACE)
    known = page.page.locator("#facts time").first
    before = known.get_attribute("data-at") or ""
    expect(known).not_to_have_attribute("data-at", before)
    assert (known.get_attribute("data-at") or "") > before
    page.page.get_by_text("as a table").click()
    expect(page.page.get_by_role("group", name="Candles", exact=True).get_by_role("row")).to_have_count(41)
    answer = page.page.request.get(f"{page.bot.address}{PLACE}?png")
    assert answer.headers["content-type"] == "image/png"
    assert 10_000 < len(answer.body()) < 200 * 1024


def test_of_every_candle_it_is_told_why_it_was_traded_or_not(page: Watched) -> None:
    box = page.page.locator("#market")
    acts: list[Callable[[], object]] = [
        lambda: box.press("Enter"),
        lambda: box.dblclick(position={"x": 200, "y": 60}),
        lambda: page.page.locator("#legend").get_by_role("link", name="why").click(),
    ]
    for act in acts:
        page.open(PLACE)
        expect(box).to_have_attribute("data-bars", SOME)
        box.press("ArrowLeft")
        act()
        page.page.wait_for_url("**/why/*")
        story = page.page.get_by_label("How it came to that")
        expect(story.get_by_role("heading", name="Candle")).to_have_count(1)
        expect(story.get_by_role("heading", name=re.compile("Declined|Decision")).first).to_be_visible()
