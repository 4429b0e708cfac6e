"""A test of three arms on the page, to its end: all arms at once, the split of money; what was made for one goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from loligo_lab.experiment.whole_field import LEAST_DAYS
from tests.browser.conftest import running_bot
from tests.browser.test_pages import CHECKED, violations
from tests.browser.visits import Bot, Watched, browse, sign_in
from tests.scenario.bots import BotFolder
from tests.scenario.test_experiment_field import three_arms

FAST, SLOW = 600_000.0, 36_000.0  # seven days of the data a second; ten hours
TWO_YEARS = {"since": "2018-01-01", "until": "2019-12-01"}


@pytest.fixture(scope="module")
def testing(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot with a test that can say something of three arms."""
    prepared = running_bot(tmp_path_factory.mktemp("field") / "bot", three_arms, speed=None)
    with_speed(prepared.folder, FAST)
    with prepared as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            page = watched.open("/experiments/field")
            expect(page.locator("#verdict")).to_contain_text("is better")
            while page.request.get(f"{bot.address}/api/v1/experiment?name=field").json()["day"] < LEAST_DAYS:
                page.wait_for_timeout(200)
        with_speed(prepared.folder, SLOW)  # the tape is to last
        yield bot


def with_speed(folder: BotFolder, speed: float) -> None:
    folder.edit(lambda config: config["feeds"][0]["settings"].update(speed=speed))


@pytest.fixture
def seen(browser: Browser, testing: Bot) -> Iterator[Watched]:
    with browse(browser, testing) as watched:
        yield watched


def test_a_split_of_money_is_shown_beside_what_each_did_and_is_no_verdict(seen: Watched) -> None:
    page = seen.open("/experiments/field")
    row = page.get_by_role("row").filter(has_text="Split of money now")
    shares = [int(re.sub(r"\D", "", text)) for text in row.get_by_role("cell").all_inner_texts()]
    assert len(shares) == 3
    assert sum(shares) == 100
    assert min(shares) >= 10
    expect(page.locator("#facts")).to_contain_text("never touches the verdict")


def test_each_challenger_has_its_letter(seen: Watched) -> None:
    page = seen.open("/experiments/field?challenger=calmer")
    expect(page.locator("#facts").get_by_role("columnheader", name="C calmer").first).to_be_visible()
    expect(page.locator("#facts").get_by_role("columnheader", name="B calmer")).to_have_count(0)


def test_all_arms_are_compared_once_the_test_has_ended(seen: Watched) -> None:
    pytest.importorskip("arch")
    page = seen.open("/experiments/field")
    expect(page.locator("#whole")).to_contain_text("once, at the end of the test")
    expect(page.get_by_role("button", name="Tidy up …")).to_have_count(0)
    stopped_with_the_comparison_cancelled(seen)
    expect(page.locator("#whole")).to_contain_text("The cross-check is cancelled")
    page.get_by_role("button", name="Compare them now").click()
    expect(page.locator("#toasts")).to_contain_text("of field is")
    expect(page.locator("#whole")).to_contain_text("Some challenger is better than hasty (SPA, p")
    expect(page.locator("#verdict")).to_contain_text("is better")  # as it was
    expect(page.locator("#whole li").filter(has_text="hasty")).to_contain_text("out of the running")
    expect(page.locator("#whole li").filter(has_text="may be the best").first).to_be_visible()
    expect(page.get_by_role("button", name="Tidy up …")).to_have_count(0)  # its desks were there before


def stopped_with_the_comparison_cancelled(seen: Watched) -> None:
    """Stop the test, and cancel the comparison with which it ends while that waits for backtests, and what is left of
    these: on a slow machine the first are at their end by then."""
    page, folder = seen.page, BotFolder(seen.bot.home)
    ahead = [folder.asked("backtest.start", key, **TWO_YEARS)["answer"]["number"] for key in "abcdef"]
    page.get_by_role("button", name="Stop the test …").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the test").click()
    expect(page.locator("#whole")).to_contain_text("being compared")
    seen.open("/jobs")
    waiting = page.get_by_role("button", name=re.compile("^Cancel cross check"))
    waiting.click()
    expect(waiting).to_have_count(0)
    for number in reversed(ahead):  # those that wait first
        assert "answer" in folder.asked("job.cancel", number=number)
    seen.open("/experiments/field")


def test_the_desk_that_was_made_for_a_test_is_tidied_up_once_it_holds_nothing(seen: Watched) -> None:
    page = seen.open("/experiments")
    page.get_by_label("Name of the test").fill("quick")
    page.get_by_label("A, the desk that stays as it is").select_option("calm")
    page.get_by_label("Setting 1").fill("evaluators.rsi.settings.period")
    page.get_by_label("Value 1").fill("9")
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator("#tests")).to_contain_text("A calm against B quick_b")
    page.goto(f"{seen.bot.address}/experiments/quick")
    page.get_by_role("button", name="Stop the test …").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the test").click()
    expect(page.locator("#verdict")).to_contain_text("desk quick_b, account quick_b are still there")
    until_flat(seen)
    page.get_by_role("button", name="Tidy up …").click()
    page.get_by_role("dialog").get_by_role("button", name="Tidy up").click()
    expect(page.locator("#toasts")).to_contain_text("out of the files: desk quick_b, account quick_b")
    expect(page.locator("#toasts")).to_contain_text("goes with the next start")
    assert (seen.bot.home / "config" / "loligo.yaml").read_text().count("quick_b") == 1  # in the test, which stays


def until_flat(seen: Watched) -> None:
    """Wait until the desk that takes no new positions has none."""
    page = seen.page
    expect(page.locator("#verdict")).to_contain_text("It ended")
    for _ in range(400):
        held = page.request.get(f"{seen.bot.address}/api/v1/positions?desk=quick_b").json()["positions"]
        orders = page.request.get(f"{seen.bot.address}/api/v1/orders?desk=quick_b&is_open=true").json()["orders"]
        if not held and not orders:
            return
        page.wait_for_timeout(100)
    raise AssertionError("quick_b did not come to hold nothing")


@pytest.mark.parametrize("look", CHECKED.values(), ids=CHECKED)
def test_the_page_of_three_arms_is_for_everybody(browser: Browser, testing: Bot, look: dict[str, Any]) -> None:
    with browse(browser, testing, **look) as watched:
        page = watched.open("/experiments/field")
        expect(page.locator("#whole")).to_be_visible()
        expect(page.locator("#growth canvas")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
