"""Access as people use it: tokens for programs, somebody invited and made more or less, passwords and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import violations
from tests.browser.visits import PASSWORD, Bot, Watched, browse, sign_out, take_away

NEW_PASSWORD = "another rather long sentence"


def test_a_token_is_made_shown_once_used_and_removed(page: Watched) -> None:
    here = page.open("/access")
    here.get_by_label("Name of a new token").fill("cron")
    here.get_by_role("combobox", name="It may").select_option("view")
    here.get_by_role("button", name="Make a token").click()
    token = here.get_by_role("alert").locator("code").inner_text()
    tokens = here.get_by_role("group", name="Tokens")
    expect(tokens).to_contain_text(re.compile("cron.*view.*anna.*never"))
    assert called(here, page.bot, token) == 200
    assert token not in page.open("/access").content()
    expect(tokens).not_to_contain_text("never")
    take_away(here, "Remove cron")
    expect(tokens).to_have_count(0)
    assert called(here, page.bot, token) == 401
    here.get_by_label("Name of a new token").fill("a/b")
    here.get_by_role("button", name="Make a token").click()
    expect(here.get_by_label("Name of a new token")).to_have_attribute("aria-invalid", "true")
    page.expect_fault("422")


def called(page: Page, bot: Bot, token: str) -> int:
    """Call the API as a program does, without a cookie; return the status."""
    context = page.context.browser.new_context()
    answer = context.request.get(f"{bot.address}/api/v1/status", headers={"Authorization": f"Bearer {token}"})
    context.close()
    return answer.status


def test_somebody_is_invited_let_do_more_and_removed(browser: Browser, page: Watched) -> None:
    here = page.open("/access")
    link = invite(here, "view")
    with browse(browser, page.bot, owner=False) as guest:
        come_in(guest, link, "bert")
        assert violations(page.open("/access")) == []
        expect(guest.page.get_by_role("button", name="Stop trading")).to_have_count(0)
        here.get_by_label("What bert may", exact=True).select_option("trade")
        here.get_by_role("button", name="Change what bert may").click()
        expect(here.get_by_label("What bert may", exact=True)).to_have_value("trade")
        expect(here.get_by_role("region", name="What was done to access")).to_contain_text("made bert trade")
        expect(guest.open("/").get_by_role("button", name="Stop trading")).to_be_visible()
        expect(guest.open("/access").get_by_role("region", name="bert").locator(".badge")).to_have_text("trade")
        expect(guest.page.get_by_role("region", name="People")).to_have_count(0)
        guest.open("/more")  # of which nothing changes
        take_away(here, "Remove bert")
        expect(here.get_by_role("group", name="People")).not_to_contain_text("bert")
        expect(guest.page.get_by_role("heading", name="Sign in")).to_be_visible()  # by itself
        assert guest.page.url.endswith("/sign-in?next=%2Fmore")
        guest.faults.clear()
        guest.page.goto(link)
        expect(guest.page.get_by_role("main")).to_contain_text("this link was used already")
        guest.expect_fault("404")


def invite(page: Page, role: str) -> str:
    page.get_by_label("Somebody new, who may").select_option(role)
    page.get_by_role("button", name="Make a link for them").click()
    return page.get_by_role("alert").locator("code").inner_text()


def come_in(guest: Watched, link: str, name: str) -> None:
    """Accept an invitation."""
    page = guest.page
    page.goto(link)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()
    page.wait_for_url(f"{guest.bot.address}/")


@pytest.fixture
def carla(browser: Browser, page: Watched) -> Iterator[Watched]:
    """The window of somebody who was invited, so that the owner's password stays."""
    try:
        with browse(browser, page.bot, owner=False) as guest:
            come_in(guest, invite(page.open("/access"), "view"), "carla")
            yield guest
    finally:
        take_away(page.open("/access"), "Remove carla")


def sign_in(page: Page, name: str, password: str, code: str = "") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    if code:
        page.get_by_text("I use a code from an app").click()
        page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


def test_a_password_is_changed_and_the_old_one_is_worth_nothing(carla: Watched) -> None:
    page = carla.open("/access")
    for old, is_right in (("not my password", False), (PASSWORD, True)):
        page.get_by_label(re.compile("^Password")).fill(old)
        page.get_by_label("New password").fill(NEW_PASSWORD)
        page.get_by_label("The same again").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        if not is_right:
            expect(page.get_by_text("this is not your password")).to_be_visible()
            carla.expect_fault("422")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()  # every session ends
    sign_in(page, "carla", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    carla.expect_fault("403")
    sign_in(page, "carla", NEW_PASSWORD)
    page.wait_for_url(f"{carla.bot.address}/access")
    carla.let_pass("401")  # a part of the page that asked when the sessions ended


def test_a_code_is_asked_for_at_sign_in_until_it_is_switched_off(carla: Watched) -> None:
    page = carla.open("/access")
    card, badge = page.get_by_role("region", name="Code at sign-in"), page.locator("#code-title + .badge")
    app = pyotp.TOTP(card.locator("code").inner_text())
    now_s = int(page.evaluate("Date.now() / 1000"))
    card.get_by_label("Your password").fill(PASSWORD)
    card.get_by_label("Code", exact=True).fill(app.at(now_s))
    card.get_by_role("button", name="Ask for a code from now on").click()
    expect(badge).to_have_text("on")
    sign_out(carla)
    sign_in(page, "carla", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    carla.expect_fault("403")
    sign_in(page, "carla", PASSWORD, app.at(now_s + 30))  # the next one: each counts once
    page.wait_for_url(f"{carla.bot.address}/")
    carla.open("/access")
    card.get_by_label("Your password").fill(PASSWORD)
    card.get_by_role("button", name="Ask for no code any more").click()
    expect(badge).to_have_text("off")


def test_an_open_invitation_is_seen_and_taken_back_and_ends_with_whoever_made_it(
    browser: Browser, page: Watched
) -> None:
    here = page.open("/access")
    card = here.get_by_role("region", name="Open invitations")
    link = invite(here, "admin")
    waiting = card.get_by_role("listitem")
    expect(waiting).to_contain_text(re.compile("admin until .*Made by web:anna", re.DOTALL))
    assert violations(here) == []
    with browse(browser, page.bot, owner=False) as guest, browse(browser, page.bot, owner=False) as friend:
        come_in(guest, link, "dora")
        page.open("/access")
        expect(card).to_have_count(0)  # it was used
        left, taken = invite(guest.open("/access"), "admin"), invite(guest.page, "view")
        page.open("/access")
        expect(waiting.filter(has_text="Made by web:dora")).to_have_count(2)
        waiting.filter(has_text="view until").get_by_role("button", name="Take back").click()
        expect(waiting).to_have_count(1)
        did = here.get_by_role("region", name="What was done to access")
        expect(did).to_contain_text("took back an invitation as view")
        take_away(here, "Remove dora")
        expect(did).to_contain_text("ended 1 open invitation of dora with it")
        expect(waiting).to_have_count(0)
        for gone in (taken, left):
            friend.page.goto(gone)
            expect(friend.page.get_by_role("main")).to_contain_text("was taken back, or whoever made it may invite")
            friend.expect_fault("404")
        guest.faults.clear()  # whoever is let in no more
