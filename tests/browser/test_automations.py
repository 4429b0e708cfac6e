"""The page of automations: add by a form, see in words, run, switch, take away with undo; in every look."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import CHECKED, violations
from tests.browser.visits import PHONE, Bot, Watched, browse
from tests.scenario.bots import BotFolder
from tests.scenario.test_swap_running import edit_registry


def add(page: Page, name: str, what: str, level: str, then: str) -> None:
    form = page.locator("#add")
    form.get_by_label("Name").fill(name)
    form.get_by_label("When").select_option(label=what)
    form.get_by_label("This much").first.fill(level)  # a condition may have one, too
    form.get_by_label("Desk").select_option("trend")
    form.get_by_label("Then").select_option(label=then)
    form.get_by_role("button", name="Add automation").press("Enter")


def entry(page: Page, name: str) -> Any:
    return page.locator("#automations > ul > li").filter(has=page.locator("b", has_text=name)).first


def test_a_rule_is_added_shown_in_words_run_switched_off_and_taken_away(page: Watched) -> None:
    window = page.open("/automations")
    add(window, "guard", "The price falls below", "9", "pause the desk")
    row = entry(window, "guard")
    expect(row).to_contain_text("When BTC/USD falls below 9: pause trend, tell, at most once a day")
    expect(row.locator(".badge").first).to_have_text("armed")
    window.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Run now: guard").click()
    expect(window.locator(".toast").last).to_contain_text("paused trend")
    expect(row).to_contain_text("asked for by web:anna")
    expect(row.get_by_role("link", name="What followed: pause of guard")).to_be_visible()
    row.get_by_role("button", name="Switch off guard").click()
    expect(row.locator(".badge").first).to_have_text("off")
    row.get_by_role("button", name="Remove guard").click()
    expect(row).to_have_count(0)
    window.locator(".toast").last.get_by_role("button", name="Undo").click()
    expect(entry(window, "guard").locator(".badge").first).to_have_text("off")


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
    expect(row).to_contain_text("At 06:30 on Monday through Friday (Europe/Berlin): write a report")
    rows = window.request.get(f"{page.bot.address}/automations?json").json()["automations"]["automations"]
    assert next(one for one in rows if one["name"] == "nightly")["next_at"].endswith(("T04:30:00Z", "T05:30:00Z"))
    window = page.open("/automations")
    entry(window, "nightly").get_by_role("link", name="Edit nightly").click()
    expect(window.locator("#s-cron")).to_have_value("30 6 * * 1-5")
    assert violations(window) == []
    window.locator("#s-cron").fill("0 7 * * *")
    window.get_by_role("button", name="Save and use").click()
    expect(entry(window, "nightly")).to_contain_text("At 07:00 every day (Europe/Berlin): write a report")


def condition(form: Any, number: int, label: str) -> Any:
    """Add a condition by the keyboard, choose what has to hold, and return its row."""
    form.get_by_role("button", name="Add a condition").press("Enter")
    row = form.get_by_role("group", name=f"Condition {number}")
    choice = row.get_by_role("combobox", name=f"Condition {number}")
    expect(choice).to_be_focused()
    choice.select_option(label=label)
    expect(row.locator(".pair select, .pair input").first).to_be_visible()
    expect(choice).to_be_focused()  # the row was drawn anew
    return row


def grant(entries: list[dict[str, Any]]) -> None:
    next(one for one in entries if one["name"] == "rule").update(permissions=["admin"])


def test_a_rule_with_a_condition_switches_a_tentacle_off_on_the_tape(page: Watched) -> None:
    edit_registry(BotFolder(page.bot.home), grant)
    window = page.open("/automations")
    form = window.locator("#add")
    form.get_by_label("Then").select_option(label="switch a tentacle on or off")
    form.get_by_label("Tentacle").select_option("evaluator/macd")
    form.get_by_label("Switch it").select_option(label="off")
    condition(form, 1, "A position is held")
    condition(form, 2, "The price is above").get_by_label("This much").fill("many")
    form.get_by_role("button", name="Remove condition 1").press("Enter")
    expect(form.get_by_role("button", name="Add a condition")).to_be_focused()
    row = form.get_by_role("group", name="Condition 1")
    expect(row.get_by_label("This much")).to_have_value("many")
    form.get_by_label("Name").fill("calm")
    form.get_by_label("When").select_option(label="The price rises above")
    form.get_by_label("This much").first.fill("1")
    form.get_by_role("button", name="Add automation").press("Enter")
    level = row.get_by_label("This much")
    expect(level).to_have_attribute("aria-invalid", "true")
    expect(row).to_contain_text("'many': expected a number, such as 9000")
    page.expect_fault("422")
    assert violations(window) == []
    expect(form.get_by_label("Tentacle")).to_have_value("evaluator/macd")
    level.fill("1")
    level.press("Enter")
    fired = entry(window, "calm")
    expect(fired).to_contain_text("→ off")
    expect(fired.locator(".badge").first).to_have_text("fired")
    switch = page.open("/tentacles").get_by_role("switch", name="Macd (evaluator)")
    expect(switch).not_to_be_checked()


def test_a_rule_whose_condition_does_not_hold_stays_armed_and_is_edited_in_rows(page: Watched) -> None:
    window = page.open("/automations")
    condition(window.locator("#add"), 1, "The price is below").get_by_label("This much").fill("1")
    add(window, "never", "The price rises above", "1", "pause the desk")
    row = entry(window, "never")
    expect(row.locator(".badge").first).to_have_text("armed")
    row.get_by_role("link", name="Edit never").click()
    expect(window.get_by_role("combobox", name="Condition 1")).to_have_value("price_below")
    expect(window.get_by_role("combobox", name="Action 2")).to_have_value("notify")
    window.get_by_role("button", name="Add an action").click()
    window.get_by_role("combobox", name="Action 3").select_option(label="Switch a tentacle")
    window.get_by_label("Tentacle").select_option("evaluator/rsi")
    window.get_by_role("button", name="Remove action 1").click()
    expect(window.get_by_role("combobox", name="Action 2")).to_have_value("switch")
    condition(window.locator("main"), 2, "The time of day is within")
    zone = window.get_by_label("Time zone").first
    zone.fill("Mars")
    window.get_by_role("button", name="Save and use").click()
    expect(window.get_by_role("group", name="Condition 2")).to_contain_text(
        "expected a time zone such as Europe/Berlin"
    )
    page.expect_fault("422")
    expect(zone).to_have_value("Mars")
    assert violations(window) == []
    zone.fill("Europe/Berlin")
    window.get_by_role("button", name="Save and use").click()
    expect(entry(window, "never")).to_contain_text("Europe/Berlin")
    expect(entry(window, "never")).to_contain_text("rsi")
    expect(entry(window, "never").locator(".badge").first).to_have_text("armed")


@pytest.mark.parametrize("look", CHECKED.values(), ids=CHECKED)
def test_the_page_with_automations_is_for_everybody(browser: Browser, bot: Bot, look: dict[str, Any]) -> None:
    with browse(browser, bot, **look) as watched:
        page = watched.open("/automations")
        expect(page.locator("#automations h2")).to_be_visible()
        condition(page.locator("#add"), 1, "The time of day is within")
        condition(page.locator("#add"), 2, "A position is held")
        page.get_by_label("Then", exact=True).select_option(label="switch a tentacle on or off")
        expect(page.get_by_label("Switch it")).to_be_visible()
        assert violations(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= (PHONE["width"] if look.get("phone") else 1280)
