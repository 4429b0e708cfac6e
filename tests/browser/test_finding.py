"""How people find their way: first steps, search, what was done by whom, cards of their choice, colours."""

from __future__ import annotations

import hashlib

from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import violations
from tests.browser.visits import Bot, Watched, browse
from tests.fakes.package_server import package_server
from tests.fakes.packages import archive


def step(page: Page, name: str) -> str:
    return str(page.get_by_role("listitem").filter(has_text=name).get_attribute("class"))


def test_first_steps_are_ticked_off_when_they_are_taken_and_leave_the_dashboard(page: Watched) -> None:
    here = page.open("/")
    first = here.get_by_role("region", name="First steps")
    first.get_by_role("link", name="Start").click()
    assert step(here, "Ask why") == ""
    here.get_by_role("link", name="Ask why").click()
    here.locator(".list a[href^='/why/']").first.click()
    page.open("/start")
    assert step(here, "Ask why") == "taken"
    here.get_by_role("button", name="Take them off the dashboard").click()
    expect(here.get_by_role("heading", name="Equity").first).to_be_visible()
    expect(first).to_have_count(0)


def test_what_is_searched_for_is_found_and_reached_by_keyboard_alone(page: Watched) -> None:
    here = page.open("/trades")
    here.keyboard.press("Control+K")
    here.keyboard.type("weigh vote")
    found = here.get_by_role("dialog", name="Search").get_by_role("link")
    expect(found.filter(has_text="Weighted vote")).to_have_count(2)  # the tentacle, and the page that it brings
    assert violations(here) == []
    here.keyboard.press("ArrowDown")
    here.keyboard.press("Enter")
    here.wait_for_url(f"{page.bot.address}/view/strategy/weighted_vote")
    here.get_by_role("button", name="Search").click()
    here.keyboard.type("<b>nothing")
    expect(here.get_by_text("Nothing is called that.")).to_be_visible()
    here.keyboard.press("Escape")
    expect(here.get_by_role("dialog")).to_have_count(0)
    here.keyboard.press("Control+K")
    here.get_by_role("textbox", name="What to find").fill("17")
    expect(found.filter(has_text="Why 17?")).to_be_visible()
    here.keyboard.press("Enter")
    here.wait_for_url(f"{page.bot.address}/why/17")


def test_search_tells_what_was_typed_last_also_when_an_earlier_answer_is_late(page: Watched) -> None:
    here = page.open("/trades")
    here.route("**/search?q=weigh", lambda late: None)  # never answered
    here.keyboard.press("Control+K")
    query = here.get_by_role("textbox", name="What to find")
    found = here.get_by_role("dialog", name="Search").get_by_role("link")
    with here.expect_request("**/search?q=weigh"):
        query.fill("weigh")
    query.fill("17")
    expect(found.filter(has_text="Why 17?")).to_be_visible()
    query.fill("trend")
    expect(found.filter(has_text="Desk trend")).to_be_visible()


def test_without_scripts_search_is_a_page(browser: Browser, bot: Bot) -> None:
    context = browser.new_context(storage_state=bot.cookies, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{bot.address}/search")
    page.locator("#q-page").fill("trend")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Desk trend").click()
    assert page.url.endswith("/decisions?desk=trend")
    context.close()


def test_cards_that_somebody_hides_stay_hidden_for_them_until_they_are_shown(browser: Browser, page: Watched) -> None:
    here = page.open("/")
    decisions, votes = (here.get_by_role("region", name=one) for one in ("Last decisions", "What RSI says"))
    expect(votes).to_be_visible()
    choose(here, "Last decisions", "What RSI says", is_shown=False)
    expect(here.get_by_role("region", name="Open positions")).to_be_visible()
    expect(decisions.or_(votes)).to_have_count(0)
    with browse(browser, page.bot) as elsewhere:
        expect(elsewhere.open("/").get_by_role("region", name="Last decisions")).to_have_count(0)
    choose(here, "Last decisions", "What RSI says", is_shown=True)
    expect(decisions).to_be_visible()
    expect(votes).to_be_visible()


def choose(page: Page, *names: str, is_shown: bool) -> None:
    page.get_by_text("Choose cards").click()
    for name in names:
        page.get_by_role("checkbox", name=name).set_checked(is_shown)
    with page.expect_navigation():
        page.get_by_role("button", name="Show these").click()


def test_what_somebody_did_stands_in_the_audit_and_leads_to_why(page: Watched) -> None:
    here = page.open("/risk")
    here.get_by_role("button", name="Pause entries of dips").click()
    expect(here.locator(".toast")).to_be_visible()
    expect(here.get_by_text("Lets no entry through")).to_be_visible()
    row = page.open("/audit").get_by_role("row").filter(has_text="pause")
    expect(row).to_contain_text("web:anna")
    expect(row).to_contain_text("done")
    expect(here.get_by_role("region", name="To access")).to_contain_text("joined as admin")
    here.locator("select[name=what]").select_option("denied")
    here.get_by_role("button", name="Show", exact=True).click()
    expect(here.get_by_text("Nothing is like that.")).to_be_visible()
    page.open("/audit?by=web:anna").get_by_role("link", name="pause").first.click()
    expect(here.get_by_role("heading", name="Why?")).to_be_visible()
    page.open("/risk")  # whose rules may have paused trend meanwhile
    paused = here.get_by_role("listitem").filter(has_text="dips by operator")
    paused.get_by_role("button", name="Resume").click()
    expect(paused).to_have_count(0)


def test_colours_for_those_who_cannot_tell_green_from_red_are_kept(page: Watched) -> None:
    here = page.open("/start")
    up = "getComputedStyle(document.documentElement).getPropertyValue('--up')"
    before = here.evaluate(up)
    here.get_by_role("switch", name="Blue and orange").check()
    assert violations(here) == []
    page.open("/trades")
    assert here.evaluate(up) != before
    assert violations(here) == []


def test_a_desk_is_held_against_a_backtest_of_it(page: Watched) -> None:
    here = page.open("/backtests")
    here.get_by_role("link", name="Reality check and replay").click()
    expect(here.get_by_role("heading", name="Nothing checked yet")).to_be_visible()
    here.get_by_label("Desk").select_option("trend")
    here.get_by_label("From").fill("2017-12-01")
    here.get_by_role("button", name="Check", exact=True).click()
    check = here.get_by_role("region", name="trend from 2017-12-01")
    expect(check.locator(".badge")).to_have_text("done")
    expect(check.get_by_role("listitem").first).to_contain_text("trades")
    assert violations(here) == []


def test_updates_are_looked_for_when_somebody_wants_that(page: Watched) -> None:
    with package_server() as server:
        first = archive(name="aging")
        url, published = server.gives("/aging.zip", first), f"sha256:{hashlib.sha256(first).hexdigest()}"
        here = page.open("/tentacles/install")
        here.get_by_role("radio", name="URL").check()
        here.get_by_label("Address of a zip").fill(url)
        here.get_by_label("Hash that its author published").fill(published)
        here.get_by_role("button", name="Look at it").click()
        here.get_by_role("button", name="Install", exact=True).click()
        expect(here.get_by_text("It runs.")).to_be_visible()
        server.gives("/aging.zip", archive("1.1.0", name="aging"))
        page.open("/tentacles").get_by_role("button", name="Look for updates").click()
        expect(here.locator(".toast")).to_contain_text("1 of 1 have something newer")
        expect(here.locator("#row-evaluator-aging")).to_contain_text("1.1.0 is there")
