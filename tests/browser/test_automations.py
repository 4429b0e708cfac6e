"""The page of automations: add by a form, see in words, run, switch, take away with undo; in every look."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import CHECKED, violations
from tests.browser.visits import PHONE, Bot, Watched, browse

SLOW_MS = 30_000.0  # settings are taken up by a swap


def add(page: Page, name: str, what: str, level: str, then: str) -> None:
    form = page.locator("#add")
    form.get_by_label("Name").fill(name)
    form.get_by_label("When").select_option(label=what)
    form.get_by_label("This much").fill(level)
    form.get_by_label("Desk").select_option("trend")
    form.get_by_label("Then").select_option(label=then)
    form.get_by_role("button", name="Add automation").press("Enter")


def entry(page: Page, name: str) -> Any:
    return page.locator("#automations > ul > li").filter(has=page.locator("b", has_text=name)).first


def test_a_rule_is_added_shown_in_words_run_switched_off_and_taken_away(page: Watched) -> None:
    window = page.open("/automations")
    add(window, "guard", "The price falls below", "9", "pause the desk")
    row = entry(window, "guard")
    expect(row).to_contain_text("When BTC/USD falls below 9: pause trend, tell, at most once a day", timeout=SLOW_MS)
    expect(row.locator(".badge").first).to_have_text("armed")
    window.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Run now: guard").click()
    expect(window.locator(".toast").last).to_contain_text("paused trend")
    expect(row).to_contain_text("asked for by web:anna")
    expect(row.get_by_role("link", name="What followed: pause of guard")).to_be_visible()
    row.get_by_role("button", name="Switch off guard").click()
    expect(row.locator(".badge").first).to_have_text("off", timeout=SLOW_MS)
    row.get_by_role("button", name="Remove guard").click()
    expect(row).to_have_count(0, timeout=SLOW_MS)
    window.locator(".toast").last.get_by_role("button", name="Undo").click()
    expect(entry(window, "guard").locator(".badge").first).to_have_text("off", timeout=SLOW_MS)


def test_what_is_wrong_is_said_and_what_was_typed_stays(page: Watched) -> None:
    window = page.open("/automations")
    add(window, "Guard!", "The price falls below", "many", "tell me")
    expect(window.locator("#add [role=alert]")).to_contain_text("expected a number, such as 9000")
    page.expect_fault("422")
    expect(window.locator("#add").get_by_label("Name")).to_have_value("Guard!")
    window.locator("#add").get_by_label("This much").fill("9")
    window.locator("#add").get_by_role("button", name="Add automation").click()
    expect(window.locator("#add [role=alert]")).to_contain_text("Guard!")
    page.expect_fault("422")


def test_a_schedule_tells_when_it_runs_next_and_edits_lead_to_its_own_settings(page: Watched) -> None:
    window = page.open("/automations")
    form = window.locator("#schedule")
    form.get_by_label("Name").fill("nightly")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    form.get_by_role("button", name="Add schedule").click()
    row = entry(window, "nightly")
    expect(row).to_contain_text("At 06:30 on Monday through Friday (Europe/Berlin): write a report", timeout=SLOW_MS)
    rows = window.request.get(f"{page.bot.address}/automations?json").json()["automations"]["automations"]
    assert next(one for one in rows if one["name"] == "nightly")["next_at"].endswith(("T04:30:00Z", "T05:30:00Z"))
    window = page.open("/automations")
    entry(window, "nightly").get_by_role("link", name="Edit nightly").click()
    expect(window.locator("#s-cron")).to_have_value("30 6 * * 1-5")
    assert violations(window) == []
    window.locator("#s-cron").fill("0 7 * * *")
    window.get_by_role("button", name="Save and use").click()
    expect(entry(window, "nightly")).to_contain_text(
        "At 07:00 every day (Europe/Berlin): write a report", timeout=SLOW_MS
    )


@pytest.mark.parametrize("look", CHECKED.values(), ids=CHECKED)
def test_the_page_with_automations_is_for_everybody(browser: Browser, bot: Bot, look: dict[str, Any]) -> None:
    with browse(browser, bot, **look) as watched:
        page = watched.open("/automations")
        expect(page.locator("#automations h2")).to_be_visible()
        assert violations(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= (PHONE["width"] if look.get("phone") else 1280)
