"""Looking before one acts: what settings would have traded, what a tentacle is made of, all trades as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlparse

import pyotp
from playwright.sync_api import expect

from tests.browser.visits import Watched


def test_a_preview_shows_what_settings_would_have_traded(page: Watched) -> None:
    page.open("/tentacles/strategy/weighted_vote?place=desks.trend.strategy")
    page.page.get_by_label("Entry threshold").fill("0.99")
    page.page.get_by_role("button", name="Preview").click()
    told = page.page.get_by_role("status").filter(has_text="What would change")
    expect(told.get_by_role("heading", name="trend: the last")).to_be_visible()
    expect(told.get_by_role("img", name="Closes of BTC/USD")).to_be_visible()
    expect(told).to_contain_text(re.compile(r"As it is: \d+ fills.*With these settings: \d+ fills"))
    expect(told.locator("summary")).to_contain_text(re.compile(r"\d+ alike, [1-9]\d* gone, \d+ new"))
    expect(page.page.get_by_label("Entry threshold")).to_have_value("0.99")
    expect(page.page.get_by_role("region", name="History")).not_to_contain_text("settings")  # nothing was changed


def test_docs_and_source_of_a_tentacle_are_read(page: Watched) -> None:
    page.open("/tentacles/evaluator/rsi").get_by_role("link", name="Docs and source").click()
    docs = page.page.get_by_role("region", name="Docs")
    expect(docs).to_contain_text("New Concepts in Technical Trading Systems")
    expect(docs.get_by_role("row", name=re.compile("^oversold"))).to_contain_text("30.0")
    source = page.page.get_by_role("region", name="Source")
    expect(source.get_by_role("group", name="logic.py").get_by_text("class ").first).to_be_visible()
    source.get_by_text("tentacle.toml").click()
    expect(source.get_by_role("group", name="tentacle.toml")).to_contain_text('name = "rsi"')


def test_trades_are_taken_away_as_a_file(page: Watched) -> None:
    page.open("/trades")
    with page.page.expect_download() as coming:
        page.page.get_by_role("navigation", name="All of it as CSV").get_by_role("link", name="fills").click()
    assert coming.value.suggested_filename == "fills.csv"
    told = coming.value.path().read_text()
    rows = list(csv.DictReader(io.StringIO(told)))
    assert rows and {"time", "instrument", "side", "price", "quantity", "fee", "fee_asset"} <= rows[0].keys()
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_what_was_traded_is_looked_through_by_desk_and_market(page: Watched) -> None:
    here = page.open("/trades")
    here.get_by_role("link", name="Fills", exact=True).click()
    traded = here.get_by_role("region", name="Fills")
    expect(traded.get_by_role("columnheader", name="Fee")).to_be_visible()
    here.get_by_label("Desk").select_option("trend")
    here.get_by_role("button", name="Show").click()
    here.wait_for_url(re.compile("show=fills&desk=trend"))
    rows = traded.locator("tbody tr")
    expect(rows.first).to_contain_text("trend")
    told = here.request.get(f"{page.bot.address}/trades?show=fills&desk=trend&json").json()["traded"]["fills"]
    assert {one["desk"] for one in told} == {"trend"}
    with here.expect_download() as coming:
        traded.get_by_role("link", name="fills", exact=True).click()
    assert coming.value.suggested_filename == "fills-trend.csv"
    here.get_by_role("combobox", name="Market").select_option("ETH/USD")  # which that desk does not trade
    here.get_by_role("button", name="Show").click()
    expect(traded).to_contain_text("None is like that")


def test_a_report_is_written_and_taken_home(page: Watched) -> None:
    here = page.open("/performance")
    here.get_by_label("Up to now, of the last").select_option("month")
    here.get_by_role("button", name="Write report").click()
    report = here.get_by_role("region", name="Reports").get_by_role("link", name="month-").first
    with here.expect_download() as coming:
        report.click()
    assert "<svg" in coming.value.path().read_text()
    outside = here.request.get(f"{page.bot.address}/performance/report/..%2Fconfig%2Floligo.yaml")
    assert outside.status == 404


def test_diagnostics_are_one_file(page: Watched) -> None:
    page.open("/health")
    with page.page.expect_download() as coming:
        page.page.get_by_role("button", name="Diagnostics").or_(
            page.page.get_by_role("link", name="Diagnostics")
        ).click()
    told = json.loads(coming.value.path().read_text())
    assert {"version", "health", "config.show", "failures", "logs"} <= told.keys()
    assert not [verb for verb, answer in told.items() if set(answer) == {"error"}]


def test_the_key_of_the_code_at_sign_in_can_be_photographed(page: Watched) -> None:
    page.open("/access")
    picture = page.page.get_by_role("img", name="QR code of the key below")
    expect(picture).to_be_visible()
    assert str(picture.get_attribute("src")).startswith("data:image/svg+xml")
    address = urlparse(str(page.page.get_by_role("link", name="Open in an app").get_attribute("href")))
    secret = parse_qs(address.query)["secret"][0]
    assert pyotp.TOTP(secret).now().isdecimal()
    expect(page.page.get_by_text(secret)).to_be_visible()
