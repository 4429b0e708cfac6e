"""The bell and the page of notifications: what happened, who is told, a test of the way there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import running_bot
from tests.browser.test_pages import CHECKED, violations
from tests.browser.visits import PHONE, Bot, Watched, browse, sign_in
from tests.scenario.test_notify_kill import free_port
from tests.scenario.test_swap_running import edit_registry

QUIET = {"begins": "22:30", "ends": "07:00", "time_zone": "Europe/Berlin"}
RULES = [
    {"kinds": ["fill", "stop_hit"], "group_s": 60, "desks": ["trend"]},
    {"level": "warning", "quiet": QUIET, "per_minute": 20},
]


class Receiver(BaseHTTPRequestHandler):
    """Takes everything that is posted."""

    taken: list[Any] = []  # noqa: RUF012 of the one server that a test has

    def do_POST(self) -> None:
        Receiver.taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def bot(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot that tells two webhooks, of which one is not there."""
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = tmp_path_factory.mktemp("browser") / "bot"
    made = telling_bot(home, server.server_port, free_port())
    with made as running:
        sign_in(browser, running)
        yield running
    server.shutdown()
    server.server_close()


def telling_bot(home: Path, well: int, dead: int) -> running_bot:
    made = running_bot(home)
    folder = made.folder
    edit_registry(folder, lambda entries: [one.update(enabled=True) for one in entries if one["name"] == "webhook"])
    common: dict[str, Any] = {"secret": "a secret of the test", "waiting": 5000}
    told: list[dict[str, Any]] = [
        {"name": "ledger", "url": f"http://127.0.0.1:{well}/", "rules": RULES},
        {"name": "office", "url": f"http://127.0.0.1:{dead}/"},
    ]
    notifiers = [{"tentacle": "webhook", "settings": {**common, **one}} for one in told]
    folder.edit(lambda config: config.update(notifiers=notifiers))
    return made


def test_the_bell_counts_lists_and_forgets_what_was_read_on_every_device(page: Watched, browser: Browser) -> None:
    window = page.open("/")
    count = window.locator("#bell-count b")
    expect(count).to_be_visible()
    window.locator("#bell > summary").focus()
    window.keyboard.press("Enter")
    first = window.locator("#bell-list li").first
    expect(first).to_be_visible()
    assert violations(window) == []
    newest = window.locator("#bell-list input[name=up_to]").get_attribute("value")
    window.get_by_role("button", name="Mark all as read").click()
    expect(window.locator(f'#bell-list input[value="{newest}"]')).to_have_count(0)
    window.keyboard.press("Escape")
    expect(window.locator("#bell")).not_to_have_attribute("open", "")
    with browse(browser, page.bot) as other:
        told = other.page.request.get(f"{page.bot.address}/notifications?json").json()["notifications"]
        seen = [one for one in told["notifications"] if one["id"] <= int(newest or 0)]
        assert not [one for one in seen if one["is_new"]]


def test_a_test_message_says_whether_it_arrived_and_why_not(page: Watched) -> None:
    window = page.open("/notifications")
    window.get_by_role("button", name="Send a test to webhook/ledger").click()
    expect(window.locator(".toast").last).to_contain_text("webhook/ledger: delivered")
    assert any("This is a test, asked for by web:anna" in str(one) for one in Receiver.taken)
    window.get_by_role("button", name="Send a test to webhook/office").click()
    expect(window.locator(".toast").last).to_contain_text("webhook/office: not delivered")
    row = window.locator("#told li").filter(has_text="webhook/office").first
    expect(row.locator(".badge")).to_have_text("failing")
    expect(row).to_contain_text("Cannot connect to host")


def test_rules_are_told_in_words_and_what_happened_can_be_filtered(page: Watched) -> None:
    window = page.open("/notifications")
    ledger = window.locator("#told li").filter(has_text="webhook/ledger").first
    expect(ledger).to_contain_text("Fill, stop hit; of trend; what comes within 60 s in one message")
    expect(ledger).to_contain_text("quiet from 22:30 to 07:00 Europe/Berlin but for problems")
    window.get_by_label("Kind").select_option("daily_summary")
    window.get_by_role("button", name="Show").click()
    rows = window.locator("section[aria-labelledby=happened-title] li")
    expect(rows.first).to_contain_text("The day to")
    assert all("Daily summary" in text for text in rows.all_inner_texts())


@pytest.mark.parametrize("look", CHECKED.values(), ids=CHECKED)
def test_the_page_is_for_everybody(browser: Browser, bot: Bot, look: dict[str, Any]) -> None:
    with browse(browser, bot, **look) as watched:
        page = watched.open("/notifications")
        expect(page.locator("#told .badge").first).to_be_visible()
        page.locator("#bell > summary").click()
        expect(page.locator("#bell-list li").first).to_be_visible()
        assert violations(page) == []
        panel = page.locator(".bell-panel").bounding_box()
        assert panel is not None and panel["x"] >= 0  # all of it is to be seen
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= (PHONE["width"] if look.get("phone") else 1280)
