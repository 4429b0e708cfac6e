"""The pages of A/B tests at every verdict: what somebody reads there is what the verdict says, and nothing beside it
says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import violations
from tests.browser.visits import LOOKS, Bot, Watched, browse, sign_in
from tests.fakes.experiments import Judged, page_of_tests

LUCK = re.compile("a gap this big would show up")


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bot, Judged]]:
    home = tmp_path_factory.mktemp("states")
    with page_of_tests(home) as (address, judged):
        bot = Bot(home=home, address=address)
        sign_in(browser, bot)
        yield bot, judged


@pytest.fixture
def seen(browser: Browser, served: tuple[Bot, Judged]) -> Iterator[Watched]:
    with browse(browser, served[0]) as watched:
        yield watched


def opened(watched: Watched, path: str) -> Page:
    """Open a page of a bot that has nothing but tests."""
    watched.page.route("**/part/bar", lambda route: route.fulfill(status=204))
    return watched.open(path)


@pytest.mark.parametrize(
    ("name", "words", "button", "hint"),
    [
        ("not_begun", "begins with the next midnight", "Promote without a verdict …", "do nothing"),
        ("too_early", "about 18 days more", "Promote without a verdict …", "do nothing"),
        ("open", "anything from", "Promote without a verdict …", "do nothing"),
        ("better", "dips has earned", "Let dips take over", "Keep it running"),
        ("worse", "trend has earned", "Promote against the verdict …", "More days do not change it"),
        ("same", "the very same on each of 60 days", "Promote although they are the same …", "do nothing"),
        ("invalid", "were changed on day 70", "Promote although the test is invalid …", "No further day counts"),
        ("stopped", "the limit is 25.0 %", "Promote despite the safety limit …", "No further day counts"),
        ("vetoed", "a safety limit speaks against it", "Promote without a verdict …", "do nothing"),
        ("too_late", "the planned end is reached", "Promote without a verdict …", "More days do not change it"),
    ],
)
def test_what_may_be_done_is_called_what_it_is_at_every_verdict(
    seen: Watched, name: str, words: str, button: str, hint: str
) -> None:
    page = opened(seen, f"/experiments/{name}")
    verdict = page.locator("#verdict")
    expect(page.locator("#verdict-title")).to_contain_text(words)
    expect(verdict.locator("#open-promote")).to_have_text(button)
    expect(verdict.locator(".buttons")).to_contain_text(hint)
    expect(page.get_by_role("group", name="All of it as a file")).to_have_count(0 if name == "not_begun" else 1)


def test_a_test_that_was_spoilt_or_stopped_says_nothing_of_luck_and_its_band_counts_for_nothing(seen: Watched) -> None:
    told = opened(seen, "/experiments/invalid").request.get(f"{seen.bot.address}/api/v1/experiment?name=invalid").json()
    assert told["pairs"][0]["p_value"] < 0.05 and told["pairs"][0]["luck"] == ""  # it had won before it was spoilt
    expect(seen.page.locator("#verdict")).not_to_contain_text(LUCK)
    expect(seen.page.locator("#caution")).to_contain_text("not treated alike from day 70 on")
    expect(opened(seen, "/experiments/stopped").locator("#verdict")).not_to_contain_text(LUCK)
    page = opened(seen, "/experiments/better")
    expect(page.locator("#verdict")).to_contain_text(LUCK)
    expect(page.locator("#caution")).to_be_hidden()


def test_a_verdict_of_an_earlier_day_stands_beside_what_is_so_today(seen: Watched) -> None:
    page = opened(seen, "/experiments/better")
    pair = page.request.get(f"{seen.bot.address}/api/v1/experiment?name=better").json()["pairs"][0]
    assert pair["verdict_day"] < pair["day"] == 120
    ahead, low = (pair["effect"][name] for name in ("percent_per_month", "low_percent_per_month"))
    expect(page.locator("#verdict")).to_contain_text(
        f"dips is {ahead:.2f} % a month ahead of trend by now, day 120; anything from {low:.2f} %"
    )
    expect(opened(seen, "/experiments/worse").locator("#verdict")).to_contain_text("a month behind trend by now")


def test_who_takes_over_is_who_stood_on_the_button(seen: Watched, served: tuple[Bot, Judged]) -> None:
    page, judged = opened(seen, "/experiments/open"), served[1]
    before = judged.all["open"]
    judged.all["open"] = judged.all["better"]  # it wins while the page is open
    try:
        page.locator("#verdict").dispatch_event("live")
        page.get_by_role("button", name="Let dips take over").click()
    finally:
        judged.all["open"] = before
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("trend runs what dips runs")
    expect(dialog.locator('[name="challenger"]')).to_have_value("dips")


def test_nothing_of_before_the_start_is_shown_as_a_result(seen: Watched) -> None:
    for name in ("not_begun", "no_day"):
        page = opened(seen, f"/experiments/{name}")
        expect(page.locator("#growth-none")).to_contain_text("No whole day has closed yet")
        expect(page.locator("#growth")).to_be_hidden()
    page = opened(seen, "/experiments/not_begun")
    expect(page.get_by_text("No trade has closed yet.")).to_be_visible()
    expect(opened(seen, "/experiments/open").get_by_text("cannot be told now")).to_have_count(2)  # not: "did the same"


def test_each_of_many_arms_has_a_line_of_its_own_in_legend_and_chart(seen: Watched) -> None:
    page = opened(seen, "/experiments/many?challenger=arm_h")
    expect(page.locator("#growth")).to_have_attribute("data-lines", "9")
    looks = page.locator("#growth-title").locator("xpath=ancestor::section").locator(".legend path:not(.held path)")
    drawn = looks.evaluate_all(
        "all => all.map(one => { const s = getComputedStyle(one); return `${s.stroke} ${s.strokeDasharray}` })"
    )
    assert len(drawn) == len(set(drawn)) == 9 and not any(one.startswith("none") for one in drawn)
    signs = "['--up', '--down'].map(name => { const i = document.createElement('i'); i.style.color = `var(${name})`;"
    tones = page.evaluate(f"{signs} document.body.append(i); return getComputedStyle(i).color }})")
    assert not {one.rpartition(") ")[0] + ")" for one in drawn} & {*tones}  # nobody's line is green or red
    difference = page.locator("#ahead-title").locator("xpath=ancestor::section").locator(".legend path").first
    expect(difference).to_have_css("stroke", drawn[7].rpartition(") ")[0] + ")")  # H, as among all
    expect(page.locator("#facts")).to_contain_text("half of an equal share at least")  # nine cannot have a tenth each


def test_of_many_arms_the_one_is_shown_of_whom_the_verdict_speaks(seen: Watched) -> None:
    page = opened(seen, "/experiments/many")
    expect(page.locator("#verdict-title")).to_contain_text("arm_c has earned")
    expect(page.get_by_role("heading", name="How far arm_c is ahead")).to_be_visible()
    (row,) = (
        one
        for one in page.request.get(f"{seen.bot.address}/api/v1/experiments").json()["experiments"]
        if one["name"] == "many"
    )
    assert row["winner"] == "arm_c" and row["percent_per_month"] > 0
    field = page.get_by_role("group", name="Verdict on each challenger")
    expect(field.get_by_role("row")).to_have_count(9)  # and the names of the columns
    expect(field.get_by_role("row").filter(has_text="arm_b")).to_contain_text("Stopped")  # it hides behind no other
    field.get_by_role("link", name="arm_b").click()
    expect(page.get_by_role("heading", name="How far arm_b is ahead")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("arm_b: arm_b fell")
    expect(opened(seen, "/experiments/better").locator("#field")).to_be_hidden()


def test_growth_is_shown_beside_holding_and_the_difference_as_it_is_judged(seen: Watched) -> None:
    page = opened(seen, "/experiments/equal_risk")
    told = page.request.get(f"{seen.bot.address}/api/v1/experiment?name=equal_risk&holding=40").json()
    legend = page.locator("#growth-title").locator("xpath=ancestor::section").locator(".legend")
    for curve in (*(arm["curve"] for arm in told["arms"]), told["holding"]["curve"]):
        expect(legend).to_contain_text(f"{curve[-1][1]:+.1%}")  # also while its line is not drawn
    expect(page.get_by_text(told["holding"]["rule"])).to_contain_text("coinbase:ETH/USD is known: it is left out.")
    page.get_by_role("button", name="With holding").click()
    expect(page.locator("#growth")).to_have_attribute("data-lines", "3")
    expect(page.get_by_text("dips less 1.5 times trend")).to_be_visible()
    page.locator("#growth").hover()
    expect(page.locator("#growth-at")).to_contain_text(re.compile("A [+-].*B [+-]"))


def test_the_list_tells_apart_what_runs_what_is_final_and_what_has_ended(
    seen: Watched, served: tuple[Bot, Judged]
) -> None:
    page = opened(seen, "/experiments")

    def under(title: str) -> list[str]:
        return page.get_by_role("region", name=title, exact=True).locator(".name").all_inner_texts()

    assert under("Final, not ended yet") == ["better", "worse", "invalid", "stopped", "too_late"]
    assert under("Ended") == ["ended"]
    assert under("Running") == ["not_begun", "no_day", "too_early", "open", "same", "vetoed", "equal_risk", "many"]
    expect(page.locator("#tests")).to_contain_text("all of 60 planned days are over")
    expect(page.locator("#tests")).not_to_contain_text("day 70 of 60")
    every = served[1].config
    served[1].config = every.model_copy(update={"experiments": {}})
    try:
        expect(opened(seen, "/experiments").locator("#tests")).to_contain_text("No test is running.")
    finally:
        served[1].config = every


def test_a_test_that_waits_for_its_moment_says_so(seen: Watched) -> None:
    page = opened(seen, "/experiments?control=trend&change=timeframe=4h")
    page.get_by_label("Name of the test").fill("later")
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator(".notice")).to_contain_text("Not begun yet. generation 7 waits until all desks are flat")
    expect(page.get_by_label("Name of the test")).to_have_value("")


@pytest.mark.parametrize("look", ["light", "phone dark"])
def test_states_are_for_everybody(browser: Browser, served: tuple[Bot, Judged], look: str) -> None:
    with browse(browser, served[0], **LOOKS[look]) as watched:
        for name in ("", "no_day", "invalid", "many"):
            page = opened(watched, f"/experiments/{name}".rstrip("/"))
            if name in ("invalid", "many"):
                expect(page.locator("#growth canvas")).to_be_visible()
            assert violations(page) == [], name
            assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], name  # type: ignore[index]
