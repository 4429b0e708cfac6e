"""A/B tests on the page, done by a browser: read, begin one from the form, stop, promote as an override."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.tree import read_tree
from tests.browser.conftest import running_bot
from tests.browser.test_pages import CHECKED, violations
from tests.browser.used import more_desks
from tests.browser.visits import Bot, Watched, browse, sign_in
from tests.scenario.bots import ROOT


@pytest.fixture(scope="module")
def testing(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot with a test of some days."""
    with running_bot(tmp_path_factory.mktemp("experiments") / "bot", more_desks) as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            page = watched.open("/experiments/eager")
            expect(page.locator("#apart table")).to_be_visible()  # by itself, as days close
        yield bot


@pytest.fixture
def seen(browser: Browser, testing: Bot) -> Iterator[Watched]:
    with browse(browser, testing) as watched:
        yield watched


def test_the_list_tells_each_test_in_a_sentence_and_leads_to_it(seen: Watched) -> None:
    page = seen.open("/experiments")
    expect(page.locator("#tests")).to_contain_text(re.compile(r"A trend against B trend_b · day \d+ of 180 planned"))
    page.get_by_role("main").get_by_role("link", name="eager").click()
    told = page.request.get(f"{seen.bot.address}/api/v1/experiment?name=eager").json()
    expect(page.get_by_role("heading", level=2).first).not_to_be_empty()
    expect(page.locator("#verdict")).to_contain_text(told["rule"])
    expect(page.locator(".gates li")).to_have_count(4)  # days, days apart, trades of each
    expect(page.locator("#verdict")).to_contain_text(re.compile(r"\d+ of 27"))  # 15 % of 180 days


def test_curves_are_drawn_and_stand_beneath_them_as_numbers(seen: Watched) -> None:
    page = seen.open("/experiments/eager")
    expect(page.locator("#growth canvas")).to_be_visible()
    expect(page.locator("#growth")).to_have_attribute("data-lines", "2")
    page.get_by_role("button", name="With holding").press("Enter")
    expect(page.locator("#growth")).to_have_attribute("data-lines", "3")
    expect(page.locator("#ahead canvas")).to_be_visible()
    page.get_by_text("The same in numbers").click()
    expect(page.get_by_role("columnheader", name="trend_b ahead by")).to_be_visible()
    expect(page.locator("#numbers tbody tr").first).to_contain_text("%")


def test_what_one_did_and_the_other_did_not_stands_side_by_side_with_reasons(seen: Watched) -> None:
    page = seen.open("/experiments/eager")
    row = page.locator("#apart tbody tr").first
    expect(row).to_contain_text(re.compile(r"bought 0\.\d+|sold 0\.\d+|stopped out|took its profit"))
    expect(row).to_contain_text(re.compile(r"rsi [\d.]+ against (30|70) \([+-]"))  # what evaluators had told them
    expect(page.locator("#apart")).to_contain_text(re.compile(r"against 0\.[57]"))  # the thresholds of the two
    trades = page.get_by_role("group", name="Trades of both arms")
    expect(trades.get_by_role("row").nth(1)).to_contain_text("score above entry")  # what it began for
    row.get_by_role("link").first.click()
    page.wait_for_url(re.compile(r"/why/\d+$"))
    page.go_back()
    expect(page.locator("#facts")).to_contain_text("limits.min_confidence")  # in what they differ
    expect(page.get_by_role("row").filter(has_text="Loss on the worst day")).to_contain_text("ends the test")
    for figure in ("Sharpe ratio above A's", "Turnover a day, of capital", "Trades won", "Profit factor"):
        expect(page.get_by_role("group", name="Figures of the arms").get_by_role("row", name=figure)).to_be_visible()
    before = "document.getElementById('checks').compareDocumentPosition(document.getElementById('growth'))"
    assert page.evaluate(before) == 4  # DOCUMENT_POSITION_FOLLOWING: integrity is read before any result
    expect(page.locator("#checks")).to_contain_text(re.compile("Both arms were given the same [0-9,]+ events"))


def test_programs_read_the_same_over_http_as_people_see(seen: Watched) -> None:
    request = seen.open("/experiments").request
    twin = request.get(f"{seen.bot.address}/experiments/eager?json").json()["test"]
    assert [arm["name"] for arm in twin["arms"]] == ["trend", "trend_b"]
    growth = 1.0
    for at_ms, value in twin["arms"][1]["curve"]:
        assert at_ms % 86_400_000 == 0  # the close of a day
        growth = 1.0 + value
    assert growth - 1.0 == pytest.approx(twin["arms"][1]["growth"])
    assert request.get(f"{seen.bot.address}/experiments/nothing").status == 404


def test_what_is_wrong_with_a_new_test_stands_at_its_field_and_nothing_is_written(seen: Watched) -> None:
    config = seen.bot.home / "config" / "loligo.yaml"
    before = config.read_text()
    page = seen.open("/experiments")
    page.get_by_label("Name of the test").fill("quick")
    page.get_by_label("A, the desk that stays as it is").select_option("trend")
    page.get_by_label("Setting 1").fill("evaluators.rsi.settings.perod")
    page.get_by_label("Value 1").fill("9")
    page.get_by_label("Planned days").fill("180")
    page.get_by_role("button", name="Start the test").click()
    expect(page.get_by_label("Setting 1")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#h-change-1")).to_contain_text('did you mean "period"?')
    expect(page.get_by_label("Name of the test")).to_have_value("quick")
    page.get_by_label("Setting 1").fill("")
    page.get_by_label("Planned days").fill("3")
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator("#h-changes")).to_contain_text("at least one setting")
    assert config.read_text() == before
    seen.expect_fault("422")
    seen.expect_fault("422")


def test_a_test_begins_from_the_form_and_is_stopped(seen: Watched) -> None:
    page = seen.open("/experiments")
    page.get_by_label("Name of the test").fill("quick")
    page.get_by_label("A, the desk that stays as it is").select_option("trend")
    page.get_by_text("Settings there are").click()
    page.get_by_role("button", name="evaluators.rsi.settings.period", exact=True).press("Enter")  # a hint becomes a row
    expect(page.get_by_label("Setting 1")).to_have_value("evaluators.rsi.settings.period")
    expect(page.get_by_label("Value 1")).to_have_value("28")
    page.get_by_label("Value 1").fill("9")
    page.get_by_role("button", name="Start the test").click()
    page.wait_for_url(re.compile("/experiments#tests$"))
    expect(page.locator("#tests")).to_contain_text("A trend against B quick_b")
    page.get_by_role("main").get_by_role("link", name="quick").click()
    expect(page.locator("#facts")).to_contain_text("evaluators.rsi.settings.period")
    page.get_by_role("button", name="Stop the test …").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the test").click()
    expect(page.locator("#verdict")).to_contain_text("ended")
    expect(page.get_by_role("button", name="Stop the test …")).to_have_count(0)
    assert page.request.get(f"{seen.bot.address}/api/v1/experiment?name=quick").json()["is_ended"]


def test_a_test_of_several_desks_is_planned_as_the_form_is_filled_in_and_begins(seen: Watched) -> None:
    page = seen.open("/experiments")
    outlook, days = page.locator("#outlook"), page.get_by_label("Planned days")
    expect(outlook).to_contain_text("a correlation of 0.9 assumed, as of variants of one strategy")
    page.get_by_label("Difference to find").fill("3")
    expect(outlook).to_contain_text("Plan 129 days")  # a ratio of 3 / sqrt(0.2): 5000 / 45, and 17
    page.get_by_label("Name of the test").fill("several")
    page.get_by_label("A, the desk that stays as it is").select_option("trend")
    page.get_by_label("Setting 1").fill("timeframe")
    page.get_by_label("Value 1").fill("4h")
    page.get_by_role("button", name="One more desk").press("Enter")
    second = page.get_by_role("group", name="In what C differs")
    second.get_by_text("Another strategy").click()
    second.get_by_label("Name of C").fill("No")
    second.get_by_label("Trading mode of C").select_option("dca")
    second.get_by_role("checkbox", name="rsi", exact=True).check()
    second.get_by_label("Risk scale of C").fill("1.5")
    expect(outlook).to_contain_text("a correlation of 0.5 assumed")
    expect(outlook).to_contain_text("2 challengers")
    page.get_by_label("Correlation of the desks").fill("0.98")
    expect(outlook).to_contain_text(re.compile("days find 8 of 10 differences of 1.21 in the Sharpe ratio"))
    outlook.get_by_role("button", name=re.compile("Plan [0-9]+ days")).click()
    assert days.input_value() == "44"  # 5000 / 225, 1.2 times as many for two, and 17
    page.get_by_text("Guardrails, margin").click()
    page.get_by_label("Practically the same, % a year").fill("2")
    page.get_by_role("button", name="Start the test").click()
    expect(second.get_by_label("Name of C")).to_have_attribute("aria-invalid", "true")  # and all else stays
    seen.expect_fault("422")
    second.get_by_label("Name of C").fill("dca")
    page.get_by_role("button", name="Start the test").click()
    page.wait_for_url(re.compile("/experiments#tests$"))
    expect(page.locator("#tests")).to_contain_text("several_b, C several_dca")
    address = f"{seen.bot.address}/api/v1/config/show?key="
    rule = {one["key"]: one["value"] for one in page.request.get(f"{address}experiments.several").json()["settings"]}
    assert rule["experiments.several.risk_scale.several_dca"] == 1.5
    assert rule["experiments.several.margin_per_year"] == 0.02
    desk = {one["key"]: one["value"] for one in page.request.get(f"{address}desks.several_dca").json()["settings"]}
    assert desk["desks.several_dca.mode.tentacle"] == "dca"
    assert [value for key, value in desk.items() if re.search(r"evaluators\.\d+\.tentacle", key)] == ["rsi"]


def test_settings_that_were_tried_are_the_candidate_of_a_test(seen: Watched) -> None:
    page = seen.open("/tentacles/evaluator/rsi?place=desks.trend.evaluators.2")
    page.get_by_label("Period").fill("1")
    page.get_by_role("button", name="Save as A/B candidate").click()
    expect(page.get_by_label("Period")).to_have_attribute("aria-invalid", "true")
    seen.expect_fault("422")
    page.get_by_label("Period").fill("11")
    page.get_by_role("button", name="Save as A/B candidate").click()
    page.wait_for_url(re.compile("/experiments\\?control=trend"))
    expect(page.get_by_label("A, the desk that stays as it is")).to_have_value("trend")
    expect(page.get_by_label("Setting 1")).to_have_value("evaluators.rsi.settings.period")
    expect(page.get_by_label("Value 1")).to_have_value("11")
    shown = page.request.get(f"{seen.bot.address}/api/v1/config/show?key=desks.trend.evaluators.2").json()
    kept = {one["key"]: one["value"] for one in shown["settings"]}
    assert kept["desks.trend.evaluators.2.settings.period"] == 28  # nothing is written
    seen.open("/tentacles/feed/replay")  # no two desks differ in a feed
    expect(page.get_by_role("button", name="Save and use")).to_be_visible()
    expect(page.get_by_role("button", name="Save as A/B candidate")).to_have_count(0)


def test_a_test_is_tried_over_the_past_from_the_form_and_its_page_is_for_everybody(
    browser: Browser, seen: Watched
) -> None:
    page = seen.open("/experiments")
    page.get_by_label("A, the desk that stays as it is").select_option("trend")
    page.get_by_label("Setting 1").fill("strategy.settings.entry_threshold")
    page.get_by_label("Value 1").fill("7")
    page.get_by_text("Or try it over the past first").click()
    page.get_by_label("From", exact=True).fill("2018-01-01")
    page.get_by_label("Until", exact=True).fill("2018-06-01")
    page.get_by_role("button", name="Try it over the past").click()
    expect(page.get_by_label("Value 1")).to_have_attribute("aria-invalid", "true")
    seen.expect_fault("422")
    page.get_by_label("Value 1").fill("0.9")
    page.get_by_role("button", name="Try it over the past").click()
    page.wait_for_url(re.compile("/experiments/past/[0-9]+#historic$"))
    expect(page.locator("#verdict")).to_contain_text("The past proves little")
    expect(page.locator("#historic")).to_contain_text("entry_threshold is 0.9, with trend 0.7 (default)")
    alike = page.get_by_role("region", name="Treated alike")
    expect(alike).to_contain_text("Both are fed by the same records of the same feeds")
    expect(alike.locator("li.down")).to_have_count(0)
    expect(page.get_by_role("region", name="Guardrails").get_by_role("row")).not_to_have_count(1)  # more than its head
    expect(page.locator("#growth")).to_have_attribute("data-lines", "2")
    page.get_by_role("button", name="With holding").click()
    expect(page.locator("#growth")).to_have_attribute("data-lines", "3")
    grown = page.get_by_role("region", name="Growth since the start")
    expect(grown).to_contain_text("Holding: the start capital of trend in coinbase:BTC/USD, which it trades, bought at")
    expect(page.locator("#ahead")).to_have_attribute("data-days", "150")
    page.get_by_text("The same in numbers").click()
    expect(page.locator("#numbers tbody tr").first).to_contain_text("2018-05-31")
    with page.expect_download() as file:
        page.get_by_role("link", name="JSON").click()
    judged = json.loads(file.value.path().read_text())["judgement"]
    expect(page.get_by_role("heading", level=2).first).to_have_text(judged["sentence"])
    address = page.url.removeprefix(seen.bot.address).partition("#")[0]
    listed = seen.open("/experiments").locator("#tries")
    expect(listed).to_contain_text(judged["headline"])
    listed.get_by_role("link", name="trend against historic_b, 2018-01-01 to 2018-06-01").click()
    expect(page.locator("#verdict")).to_contain_text("150 days")
    for look in CHECKED.values():
        with browse(browser, seen.bot, **look) as watched:
            shown = watched.open(address)
            assert violations(shown) == []
            assert shown.evaluate("document.documentElement.scrollWidth") <= shown.viewport_size["width"]  # type: ignore[index]


def test_the_form_is_for_everybody(browser: Browser, testing: Bot) -> None:
    for look in CHECKED.values():
        with browse(browser, testing, **look) as watched:
            page = watched.open("/experiments?control=trend&change=timeframe=4h")
            page.get_by_role("button", name="One more desk").press("Enter")
            page.locator("#arms summary").last.press("Enter")
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def test_the_dashboard_tells_of_each_running_test(seen: Watched) -> None:
    page = seen.open("/")
    card = page.locator("#experiment_cards")
    expect(card.get_by_role("link", name="eager")).to_be_visible()
    expect(card).to_contain_text(re.compile("After|Nothing can be said yet"))


def test_a_test_of_desks_that_are_there_begins_from_the_form(seen: Watched) -> None:
    page = seen.open("/experiments")
    page.get_by_label("Name of the test").fill("twins")
    page.get_by_label("A, the desk that stays as it is").select_option("trend")
    page.get_by_label("desks that are there").check()
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator("#h-challengers")).to_contain_text("choose at least one")
    seen.expect_fault("422")
    expect(page.get_by_role("checkbox", name="trend", exact=True)).to_be_disabled()  # it is A
    page.get_by_role("checkbox", name="trend_c").check()
    page.get_by_role("button", name="Start the test").click()
    page.wait_for_url(re.compile("/experiments#tests$"))
    expect(page.locator("#tests")).to_contain_text("A trend against B trend_c")
    page.get_by_role("main").get_by_role("link", name="twins").click()
    expect(page.locator("#facts")).to_contain_text("In nothing that is set: an A/A test.")


def test_a_test_of_another_version_begins_from_the_form(seen: Watched) -> None:
    store = ContentStore(seen.bot.home / CONTENT_FOLDER)
    kept = store.put({**read_tree(ROOT / "tentacles/evaluators/rsi"), "note.txt": b"another version"})
    page = seen.open("/experiments")
    page.get_by_label("Name of the test").fill("newer")
    page.get_by_label("A, the desk that stays as it is").select_option("trend")
    page.get_by_label("another version of a tentacle").check()
    page.get_by_label("Versions that B runs instead").fill("evaluator/rsi = 0123456789ab")
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator(".fault-box")).to_contain_text("no such version was ever loaded here")
    seen.expect_fault("422")
    page.get_by_label("Versions that B runs instead").fill(f"evaluator/rsi = {kept.removeprefix('h1:')[:12]}")
    page.get_by_text("Equal risk", exact=True).locator("visible=true").click()
    page.get_by_label("Risk scale of B", exact=True).locator("visible=true").fill("-2")
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator("#h-version_scale")).to_contain_text("greater than 0")
    seen.expect_fault("422")
    page.get_by_label("Risk scale of B", exact=True).locator("visible=true").fill("1.5")
    page.get_by_role("button", name="Start the test").click()
    page.wait_for_url(re.compile("/experiments#tests$"))
    expect(page.locator("#tests")).to_contain_text("A trend against B newer_b")
    page.get_by_role("main").get_by_role("link", name="newer").click()
    expect(page.locator("#facts")).to_contain_text(f"rsi@{kept.removeprefix('h1:')[:12]}")
    expect(page.locator("#verdict")).to_contain_text("count 1.5 times against newer_b")
    expect(page.get_by_text("newer_b less 1.5 times trend")).to_be_visible()


def test_one_is_promoted_before_a_verdict_only_as_an_override_and_its_control_keeps_its_desk(seen: Watched) -> None:
    """The last one: it ends the test that all others look at."""
    page = seen.open("/experiments/eager")
    page.get_by_role("button", name="Promote without a verdict …").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("I like it")
    dialog.get_by_role("button", name="Promote all the same").click()
    expect(dialog).to_be_visible()  # it was not agreed to
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Promote all the same").click()
    expect(page.locator("#verdict")).to_contain_text("ended")
    settings = page.request.get(f"{seen.bot.address}/api/v1/config/show?key=desks.trend.strategy").json()["settings"]
    assert {one["key"]: one["value"] for one in settings}["desks.trend.strategy.settings.entry_threshold"] == 0.5
    swaps = page.request.get(f"{seen.bot.address}/api/v1/tentacle/history?limit=1").json()["swaps"]
    assert "an override" in json.dumps(swaps) and "I like it" in json.dumps(swaps)


def test_a_test_is_taken_away_as_a_file_that_says_all_of_it(seen: Watched) -> None:
    page = seen.open("/experiments/eager")
    files = page.get_by_role("group", name="All of it as a file")
    for kind, end, sign in (
        ("HTML", ".html", "<h1>"),
        ("JSON", ".json", '"judgement"'),
        ("CSV", ".csv", "day,opened_at,arm"),
        ("CSV of trades", "-trades.csv", "arm,instrument,side"),
    ):
        with page.expect_download() as coming:
            files.get_by_role("link", name=kind, exact=True).click()
        assert coming.value.suggested_filename == f"experiment-eager{end}"
        assert sign in coming.value.path().read_text()
