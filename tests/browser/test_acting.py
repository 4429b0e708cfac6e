"""What people do on the page, done by a browser: switch, take back, set, stop, sign in and out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import running_bot
from tests.browser.visits import PASSWORD, Bot, Watched, browse, sign_in

SETTLED_MS = 60_000.0  # for an exchange with its shadow and probation


def test_a_newcomer_switches_a_tentacle_off_within_a_minute(browser: Browser, tmp_path: Path) -> None:
    began = time.monotonic()
    with running_bot(tmp_path / "bot") as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            page = watched.open("/")
            page.get_by_role("switch", name="RSI (evaluator)").click()
            expect(page.locator("#row-evaluator-rsi .badge")).to_have_text("off")
            assert time.monotonic() - began < 60
            page.get_by_role("link", name="Decisions").click()
            expect(page.get_by_role("heading", name="Decisions", exact=True)).to_be_visible()


def test_a_switch_is_seen_at_once_and_taken_back_by_undo(page: Watched) -> None:
    shown = page.open("/").locator("#row-evaluator-macd")
    page.page.get_by_role("switch", name="MACD (evaluator)").click()
    expect(page.page.locator(".toast")).to_contain_text("MACD is off")
    expect(shown.locator(".badge")).to_have_text("off")
    expect(page.page.get_by_role("switch", name="MACD (evaluator)")).not_to_be_checked()
    page.page.get_by_role("button", name="Undo").click()
    expect(page.page.get_by_role("switch", name="MACD (evaluator)")).to_be_checked(timeout=SETTLED_MS)


STREAM_BY_HAND = """window.EventSource = class extends EventTarget {
  constructor() { super(); window.stream = this; }
  close() {}
}"""
CHANGED = """stream.dispatchEvent(new MessageEvent("changed", { data: '["tentacles"]' }))"""


def test_what_happens_while_an_answer_is_on_its_way_is_shown_after_it(browser: Browser, tmp_path: Path) -> None:
    running = running_bot(tmp_path / "bot")
    with running as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            watched.page.add_init_script(STREAM_BY_HAND)
            page = watched.open("/")
            overtaken = [page.request.get(f"{bot.address}/part/switches").text()]

            def answer(route: Route) -> None:
                if not overtaken:
                    return route.continue_()
                page.evaluate(CHANGED)
                route.fulfill(body=overtaken.pop(), content_type="text/html")

            page.route("**/part/switches", answer)
            running.folder.asked("tentacle.switch", name="evaluator/macd", on=False)
            page.evaluate(CHANGED)
            expect(page.get_by_role("switch", name="MACD (evaluator)")).not_to_be_checked()


def test_settings_are_judged_field_by_field_previewed_and_kept_in_the_history(page: Watched) -> None:
    page.open("/tentacles/strategy/weighted_vote")
    page.page.get_by_label("Entry threshold").fill("7")
    page.page.get_by_role("button", name="Preview").click()
    wrong = page.page.get_by_label("Entry threshold")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_value("7")
    page.expect_fault("422")
    wrong.fill("0.75")
    page.page.get_by_role("button", name="Preview").click()
    expect(page.page.get_by_role("status").filter(has_text="What would change")).to_contain_text("0.75")
    page.page.get_by_role("button", name="Save and use").click()
    expect(page.page.get_by_role("status").filter(has_text="Saved")).to_contain_text("0.75")
    expect(page.page.get_by_role("region", name="History")).to_contain_text("web:anna", timeout=SETTLED_MS)
    expect(page.page.locator("#state .badge")).to_have_text("running", timeout=SETTLED_MS)


def test_trading_is_stopped_and_resumed_by_keyboard_alone(page: Watched) -> None:
    page.open("/")
    page.page.keyboard.press("Shift+K")
    expect(page.page.get_by_role("dialog", name="Stop trading")).to_be_visible()
    page.page.keyboard.press("ArrowDown")  # cancel entry orders too
    page.page.keyboard.press("Tab")
    page.page.keyboard.type("stop")
    page.page.keyboard.press("Enter")
    badge = page.page.locator("#bar .badge.bad")
    expect(badge).to_have_text("Orders cancelled")
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    page.page.keyboard.press("Shift+K")
    page.page.get_by_role("button", name="Let new entries through again").press("Enter")
    expect(badge).to_have_count(0)


def test_the_theme_is_kept(page: Watched) -> None:
    page.open("/")
    text = page.page.evaluate("getComputedStyle(document.body).color")
    page.page.get_by_role("button", name="Switch between light and dark").click()
    page.open("/trades")
    assert page.page.evaluate("getComputedStyle(document.body).color") != text


def test_whoever_signs_out_is_out(browser: Browser, bot: Bot) -> None:
    with browse(browser, bot, owner=False) as watched:
        page = watched.open("/trades")
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill("not my password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        watched.expect_fault("403")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{bot.address}/trades")  # where they wanted to go
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{bot.address}/sign-in")
        watched.open("/trades")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_numbers_are_grey_when_the_bot_is_gone(browser: Browser, tmp_path: Path) -> None:
    with running_bot(tmp_path / "bot") as bot:
        sign_in(browser, bot)
        context = browser.new_context(storage_state=bot.cookies)
        page = context.new_page()
        page.goto(f"{bot.address}/")
        expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#offline")).to_be_visible(timeout=15_000)
    expect(page.locator("body")).to_have_class("framed mode-replay stale")
    context.close()


def test_the_dashboard_shows_the_candles_of_the_market_that_is_chosen(page: Watched) -> None:
    tabs = page.open("/").locator("button[data-series]")
    expect(tabs.first).to_have_attribute("aria-pressed", "true")
    first = page.page.locator("#candles").get_attribute("data-instrument")
    tabs.nth(1).click()
    expect(tabs.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.page.locator("#candles")).not_to_have_attribute("data-instrument", str(first))


def test_an_entry_that_waits_for_consent_is_answered_on_the_page(browser: Browser, tmp_path: Path) -> None:
    def ask_first(config: dict[str, Any]) -> None:
        for desk in config["desks"].values():
            desk["consent_s"] = 30 * 86_400

    with running_bot(tmp_path / "bot", ask_first) as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            page = watched.open("/risk")
            waits = page.get_by_role("region", name="Waits for your yes").get_by_role("listitem")
            expect(waits.first).to_be_visible(timeout=60_000)
            page.get_by_role("button", name="No: ").first.click()
            expect(page.locator(".toast").first).to_contain_text("denied: ")
