"""Backtests on the page, done by a browser: start from the form, watch, cancel, read, compare, take home."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import running_bot
from tests.browser.visits import Bot, Watched, browse, sign_in

RSI = "desks.trend.evaluators.rsi.settings.period"


@pytest.fixture(scope="module")
def tried(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot whose owner has started two backtests from the form."""
    with running_bot(tmp_path_factory.mktemp("backtests") / "bot") as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            for period in (10, 20):
                start(watched.open("/backtests"), note=f"RSI {period}", overrides=f"{RSI} = {period}")
            expect(watched.page.locator("#row-2")).to_contain_text("holding")
        yield bot


@pytest.fixture
def seen(browser: Browser, tried: Bot) -> Iterator[Watched]:
    with browse(browser, tried) as watched:
        yield watched


def start(page: Page, *, note: str, overrides: str = "") -> None:
    page.get_by_label("What it is to find out").fill(note)
    if overrides:
        page.get_by_text("What if: other settings").click()
        page.get_by_label("Settings to try").fill(overrides)
    page.get_by_role("checkbox", name="trend").check()
    page.get_by_role("button", name="Run backtest", exact=True).click()
    page.wait_for_url(re.compile("/backtests#backtests$"))


def test_two_that_were_started_are_read_and_laid_side_by_side(seen: Watched) -> None:
    page = seen.open("/backtests")
    page.get_by_role("checkbox", name="Choose backtest 1").check()
    page.get_by_role("checkbox", name="Choose backtest 2").check()
    page.get_by_role("button", name="Compare chosen").click()
    expect(page.locator("#curves")).to_have_attribute("data-lines", "2")
    row = page.get_by_role("row").filter(has_text="period")
    expect(row.get_by_role("cell")).to_have_text(["20", "10"])  # as in the list, the newest first
    page.get_by_role("link", name="1", exact=True).click()
    expect(
        page.get_by_role("heading", name=re.compile(r"It (gained|lost) .* holding the same markets"))
    ).to_be_visible()
    expect(page.locator("#curves canvas")).to_be_visible()
    expect(page.locator("#curves")).to_have_attribute("data-lines", "2")
    page.get_by_role("button", name="With holding").press("Enter")
    expect(page.locator("#curves")).to_have_attribute("data-lines", "1")


def test_programs_read_the_same_over_http_as_people_see(seen: Watched) -> None:
    request = seen.open("/backtests/1").request
    row = request.get(f"{seen.bot.address}/api/v1/backtest?number=1&trades=200&curves=false").json()
    assert request.get(f"{seen.bot.address}/backtests/1?json").json()["answer"] == row
    assert row["backtest"]["state"] == "done"
    assert row["backtest"]["arguments"]["overrides"] == {RSI: "10"}
    refused = request.post(f"{seen.bot.address}/api/v1/backtest/start", data={"capital": -1})
    assert refused.status in (400, 403)  # without key and token
    assert request.get(f"{seen.bot.address}/backtests/99").status == 404
    seen.faults.clear()


def test_a_report_is_taken_home_as_one_file(seen: Watched, tmp_path: Path) -> None:
    page = seen.open("/backtests/1")
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    assert download.value.suggested_filename == "backtest-1.html"
    download.value.save_as(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "RSI 10" in text
    assert not re.search("https?://|<script", text)


def test_progress_is_seen_and_those_that_wait_or_run_are_cancelled(seen: Watched) -> None:
    for note in ("runs", "waits"):
        start(seen.open("/backtests"), note=note)
    page = seen.page
    page.get_by_role("button", name=re.compile("Cancel backtest")).last.click()
    expect(page.locator("#ended").get_by_role("row").filter(has_text="waits")).to_contain_text("cancelled")
    row = page.locator("#ended").get_by_role("row").filter(has_text="runs")
    expect(row).to_contain_text("holding")  # by itself, without loading the page
    number = row.get_by_role("link").inner_text().partition(" ")[0]
    page.get_by_role("button", name=re.compile("Retry backtest")).first.click()
    progress = page.get_by_role("progressbar").first
    expect(progress).to_be_visible()
    expect(page.locator("#running")).to_have_count(0)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=f"Remove backtest {number}").click()
    expect(page.locator(f"#row-{number}")).to_have_count(0)


def test_the_page_of_one_that_runs_becomes_that_of_its_result(seen: Watched) -> None:
    start(seen.open("/backtests"), note="watched")
    seen.page.get_by_role("link", name=re.compile("watched")).click()
    expect(seen.page.get_by_role("button", name="With holding")).to_be_visible()
    expect(seen.page.locator("#curves canvas")).to_be_visible()


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(seen: Watched) -> None:
    page = seen.open("/backtests")
    page.get_by_text("What if: other settings").click()
    page.get_by_label("Settings to try").fill(f"{RSI}s = 10")
    page.get_by_role("button", name="Run backtest", exact=True).click()
    field = page.get_by_label("Settings to try")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value(f"{RSI}s = 10")
    expect(page.locator("#h-overrides")).to_contain_text('did you mean "period"?')
    seen.expect_fault("422")


def test_one_is_run_again_with_changes(seen: Watched) -> None:
    page = seen.open("/backtests/1")
    page.get_by_role("button", name="Run again with changes").click()
    expect(page.get_by_label("Settings to try")).to_have_value(f"{RSI} = 10")
    expect(page.get_by_label("What it is to find out")).to_have_value("RSI 10")
    expect(page.get_by_role("checkbox", name="trend")).to_be_checked()
    page.get_by_text("Settings there are").click()
    page.get_by_role("button", name="desks.trend.limits.stop_loss", exact=True).press("Enter")
    expect(page.get_by_label("Settings to try")).to_have_value(re.compile(r"10\ndesks\.trend\.limits\.stop_loss = "))


def test_what_one_tried_is_filled_into_the_form_of_an_ab_test(seen: Watched) -> None:
    page = seen.open("/backtests/1")
    page.get_by_role("button", name="Start as A/B test").click()
    page.wait_for_url(re.compile("/experiments\\?control=trend"))
    expect(page.get_by_label("Setting 1")).to_have_value("evaluators.rsi.settings.period")
    expect(page.get_by_label("Value 1")).to_have_value("10")


def test_a_session_is_replayed_and_every_check_has_a_page_and_stays_in_the_list(seen: Watched) -> None:
    page = seen.open("/backtests/reality")
    page.get_by_role("button", name="Replay", exact=True).click()
    page.wait_for_url(re.compile(r"/backtests/replay/\d+$"))
    number = page.url.rpartition("/")[2]
    outcome = page.get_by_text("Every record is the same, to the byte.")
    expect(outcome).to_be_visible()  # by itself, without loading the page
    seen.open("/backtests/reality").get_by_label("Desk").select_option("trend")
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_url(re.compile(r"/backtests/reality/\d+$"))
    expect(page.locator("#recheck .badge")).to_have_text("done")
    runs = seen.open("/backtests/reality").get_by_role("region", name="All checks and replays").get_by_role("listitem")
    expect(runs).to_have_count(2)
    expect(runs.last).to_contain_text("identical")
    runs.last.get_by_role("link", name=f"Replay {number}").click()
    expect(outcome).to_be_visible()


def test_a_job_that_was_cancelled_runs_again_and_is_removed(seen: Watched) -> None:
    for note in ("holds the others up", "given up"):
        start(seen.open("/backtests"), note=note)
    page = seen.open("/jobs")
    row = page.get_by_role("listitem").filter(has_text="given up")
    row.get_by_role("button", name="Cancel").click()
    expect(row.locator(".badge")).to_have_text("cancelled")
    row.get_by_role("link", name=re.compile("given up")).click()
    given_up_and_run_once_more(page)
    seen.open("/jobs")
    row.get_by_role("button", name="Run again").click()
    expect(row.locator(".badge")).to_have_text("done")
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


def given_up_and_run_once_more(page: Page) -> None:
    """Run a job that was cancelled once more on a page of its own, and give it up there."""
    state = page.get_by_role("main").locator(".badge", has_text="cancelled")
    page.get_by_role("button", name="Run it once more").click()
    page.get_by_role("main").get_by_role("button", name="Cancel", exact=True).click()  # it is under way
    expect(state).to_be_visible()  # by itself, without loading the page
    expect(page.get_by_role("button", name="Run it once more")).to_be_visible()


def test_every_other_job_is_given_up_and_run_once_more_on_its_own_page(seen: Watched) -> None:
    held = "holds the others up, once more"
    start(seen.open("/backtests"), note=held)
    page = seen.open("/backtests/reality")
    page.get_by_role("button", name="Replay", exact=True).click()
    page.wait_for_url(re.compile(r"/backtests/replay/\d+$"))
    page.get_by_role("button", name="Cancel", exact=True).click()
    given_up_and_run_once_more(page)
    page = seen.open("/experiments?control=trend&change=timeframe=4h")
    page.get_by_text("Or try it over the past first").click()
    page.get_by_role("button", name="Try it over the past").click()
    page.wait_for_url(re.compile(r"/experiments/past/\d+#historic$"))
    page.get_by_role("button", name="Cancel", exact=True).click()
    given_up_and_run_once_more(page)
