"""What an owner sees to on the page: limits moved by a slider, a backup made and taken home."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.visits import Watched


def test_a_limit_is_moved_by_its_slider_looked_at_saved_and_put_back(page: Watched) -> None:
    shown = page.open("/risk")
    card = shown.locator("section.card", has=shown.get_by_role("heading", name="Desk trend"))
    card.get_by_role("link", name="Change these limits").click()
    number = shown.get_by_label("Max position share", exact=False).locator("visible=true").last
    slider = shown.get_by_role("slider", name="Max position share, slider")
    before = number.input_value()
    for _ in range(8):
        slider.press("ArrowRight")
    moved = number.input_value()
    assert float(moved) > float(before)
    expect(shown.locator('output[for="s-max_position_share"]')).to_have_text(f"{float(moved) * 100:g} %")
    number.fill("0.04")
    shown.get_by_role("button", name="What would change").click()
    told = shown.get_by_role("status").filter(has_text="What would change")
    expect(told).to_contain_text(f"Max position share {before} → 0.04")
    expect(number).to_have_value("0.04")
    shown.get_by_role("button", name="Save and use").click()
    expect(shown.get_by_role("status").filter(has_text="Saved")).to_contain_text("→ 0.04")
    page.open("/risk")
    expect(card.get_by_role("listitem").filter(has_text="Max position share")).to_contain_text(
        re.compile(r"of\s*4\.0\s%")
    )
    card.get_by_role("link", name="Change these limits").click()
    number.fill("-1")
    shown.get_by_role("button", name="Save and use").click()
    expect(shown.get_by_role("alert")).to_have_text("1 field to look at")
    page.expect_fault("422")
    expect(number).to_have_value("-1")
    number.fill(before)
    shown.get_by_role("button", name="Save and use").click()
    expect(shown.get_by_role("status").filter(has_text="Saved")).to_contain_text(f"0.04 → {before}")


def test_a_backup_is_made_by_a_button_and_taken_home_whole(page: Watched, tmp_path: Path) -> None:
    shown = page.open("/health")
    card = shown.locator("#backups")
    expect(card).to_contain_text("None yet.")
    card.get_by_role("button", name="Back up now").click()
    expect(shown.locator("#toasts")).to_contain_text("up to seq")
    link = card.get_by_role("link")
    expect(link).to_have_count(1)
    with shown.expect_download() as download:
        link.click()
    file = tmp_path / "home.zip"
    download.value.save_as(file)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert {"backup.json", "config/loligo.yaml", "state/journal.sqlite"} <= set(archive.namelist())
        assert not [name for name in archive.namelist() if name.startswith("state/web")]
    refused = shown.request.get(f"{page.page.url.partition('/health')[0]}/health/backup/..%2F..%2F.env")
    assert refused.status == 404
