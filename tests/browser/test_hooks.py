"""Webhooks and shared views as a person makes them, and the view of an investor."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import violations
from tests.browser.visits import Watched, browse, take_away


def test_a_webhook_is_made_shown_once_called_and_removed(page: Watched) -> None:
    window = page.open("/access")
    window.get_by_role("link", name="Webhooks").click()
    window.get_by_label("Name", exact=True).fill("alerts")
    window.get_by_label("coinbase:BTC/USD").check()
    window.get_by_role("button", name="Make a webhook").click()
    url = window.locator("#hook-url").inner_text()
    message = json.loads(window.get_by_label("Message for any other alert").inner_text())
    assert message == {"instrument": "{{exchange}}:{{ticker}}", "action": "buy", "time": "{{timenow}}"}
    answer = window.request.post(url, data=json.dumps({"instrument": "COINBASE:BTCUSD", "action": "buy"}))
    assert (answer.status, answer.json()["status"]) == (200, "published")
    assert violations(window) == []
    window = page.open("/access/hooks")
    assert url not in window.content()
    calls = window.get_by_role("region", name="What came")
    expect(calls.get_by_role("link", name="tradingview: buy +1 of coinbase:BTC/USD")).to_be_visible()  # to its why
    take_away(window, "Remove alerts")
    expect(window.get_by_role("region", name="Who may")).to_contain_text("Nobody")
    assert window.request.post(url, data="buy").status == 404


def share(window: Page, name: str, *shows: str) -> str:
    """Make a link as a person does; return it."""
    window.get_by_label("For whom").fill(name)
    for one in shows:
        window.get_by_role("checkbox", name=one).check()
    window.get_by_role("button", name="Make a link").click()
    return window.locator("#share-link").inner_text()


def test_a_view_is_shared_seen_without_an_account_and_taken_back(browser: Browser, page: Watched) -> None:
    window = page.open("/access/shares")
    link = share(window, "aunt")
    with browse(browser, page.bot, owner=False) as guest:
        seen = guest.page
        seen.goto(link)
        expect(seen.get_by_role("heading", name="Results", exact=True)).to_be_visible()
        expect(seen.get_by_role("navigation")).to_have_count(0)
        expect(seen.get_by_role("img", name="Result from")).to_be_visible()
        expect(seen.get_by_role("region", name="By month")).to_contain_text("2017")
        assert "USD" not in seen.get_by_role("main").inner_text()
        take_away(page.open("/access/shares"), "Take back aunt")
        expect(page.page.get_by_role("region", name="Links")).to_contain_text("Nothing is shared")
        answer = seen.reload()
        assert answer is not None
        assert answer.status == 404
        guest.expect_fault("404")


def test_a_hook_that_signs_lets_in_what_is_signed_and_shows_what_was_not(page: Watched) -> None:
    window = page.open("/access/hooks")
    window.get_by_role("combobox", name="From").select_option("a program that signs")
    window.get_by_label("Name", exact=True).fill("model")
    window.get_by_label("Source, the name that evaluators listen to").fill("model-7")
    window.get_by_role("button", name="Make a webhook").click()
    url, secret = window.locator("#hook-url").inner_text(), window.locator("#hook-secret").inner_text()
    example = json.loads(window.get_by_label("Example of a body").inner_text())
    body = json.dumps({**example, "value": -0.5})
    assert violations(window) == []
    for ident, key, status in (
        ("msg_1", "whsec_" + "A" * 43 + "=", 401),
        ("msg_1", secret, 200),
        ("msg_1", secret, 200),
    ):
        assert window.request.post(url, data=body, headers=signed(key, ident, body)).status == status
    window = page.open("/access/hooks")
    assert secret not in window.content()
    calls = window.get_by_role("region", name="What came").get_by_role("listitem").filter(has_text="model")
    expect(calls.filter(has=window.locator(".badge.bad", has_text="401"))).to_contain_text("missing or wrong")
    known, published, _ = calls.all()  # the newest first
    expect(known).to_contain_text("it came before and is not published twice")
    expect(published).to_contain_text("model-7: signal -0.5 of coinbase:BTC/USD")
    published.get_by_role("link").click()  # to its why
    window.wait_for_url("**/why/*")
    expect(window.get_by_role("main")).to_contain_text("model-7")
    page.open("/access/hooks").get_by_role("button", name="Remove model").click()
    expect(calls).to_have_count(3)  # what came stays


def signed(secret: str, ident: str, body: str) -> dict[str, str]:
    """Sign as Standard Webhooks has it."""
    sent, key = str(int(time.time())), base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{ident}.{sent}.{body}".encode(), hashlib.sha256).digest()
    text = base64.b64encode(made).decode()
    return {"webhook-id": ident, "webhook-timestamp": sent, "webhook-signature": f"v1,{text}"}
