"""A new version of a strategy is saved, tried beside the old one, wins, and takes over with the position: all by the
page, while the bot trades a tape that runs fast."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from loligo.model.command import Noted, SwapEnded
from tests.browser.conftest import running_bot
from tests.browser.visits import Bot, browse, sign_in
from tests.scenario.canary import (
    BRISK,
    at_every_whim,
    held_through_the_last_flip,
    own_strategy,
    save_calmer_version,
    still_with_a_position,
)

FAST = 300_000.0  # three and a half days of the data a second: four minutes of them
STRATEGY = "/tentacles/strategy/weighted_vote"


def leading(page: Page, bot: Bot) -> dict[str, str]:
    """Return the version of each tentacle that is at work, by name."""
    rows = page.request.get(f"{bot.address}/api/v1/tentacle/list").json()["tentacles"]
    return {row["name"]: row["hash12"] for row in rows if row["kind"] == "strategy"}


def position(page: Page, bot: Bot) -> list[str]:
    """Return what the page says of the one position of the control: market, desk, quantity, entry."""
    page.goto(f"{bot.address}/")
    table = page.get_by_role("group", name="Open positions")
    row = table.get_by_role("row").filter(has=page.get_by_role("cell", name="trend", exact=True))
    expect(row).to_have_count(1)
    return row.locator("th, td").all_inner_texts()[:4]


def test_a_version_is_tried_wins_and_takes_over_with_the_position(browser: Browser, tmp_path: Path) -> None:
    def on_the_tape(config: dict[str, Any]) -> None:
        at_every_whim(config)
        desk = config["desks"]["trend"]
        rests = {"tentacle": "weighted_vote", "settings": {"entry_threshold": 1.0, "exit_threshold": 1.0}}
        config["accounts"]["other"] = {"deposits": {"USD": 10_000}}
        config["desks"]["other"] = desk | {"account": "other", "capital": 10_000, "strategy": rests}
        config["feeds"][0]["settings"]["speed"] = FAST

    prepared = running_bot(tmp_path / "bot", on_the_tape, speed=None, **BRISK)
    own_strategy(prepared.folder)
    with prepared as bot:
        sign_in(browser, bot)
        prepared.folder.wait_until(lambda status: status["next_seq"] > 500)
        with browse(browser, bot) as watched:
            save_calmer_version(prepared.folder)
            page = watched.open(STRATEGY)
            before = leading(page, bot)
            only_compared(page)
            assert leading(page, bot) == before
            as_experiment(page)
            page.goto(f"{bot.address}/experiments")
            page.locator("#tests").get_by_role("link", name=re.compile("^weighted_vote_")).click()
            expect(page.locator("#verdict")).to_contain_text("is better")
            expect(page.locator("#verdict-title")).to_contain_text(re.compile("_b has earned .* more than trend"))
            test = page.url
            still_with_a_position(prepared.folder)
            held = position(page, bot)
            page.goto(test)
            page.get_by_role("button", name=re.compile("^Let weighted_vote_.*_b take over$")).click()
            page.get_by_role("dialog").get_by_role("button", name="Let it take over").click()
            expect(page.locator("#toasts")).to_contain_text("trend runs what weighted_vote_")
            expect(page.locator("#toasts")).to_contain_text("so do other, which use strategy/weighted_vote, too")
            page.goto(bot.address + STRATEGY)  # nothing is taken up by itself here
            page.get_by_role("button", name="Take it up").click()
            page.goto(test)
            expect(page.locator("#verdict")).to_contain_text("It ended")
            expect(page.locator("#verdict")).to_contain_text("is better")
            assert position(page, bot) == held
            after = leading(page, bot)
    (pinned,) = (name for name in after if name.startswith("weighted_vote@"))
    assert after["weighted_vote"] == after[pinned] != before["weighted_vote"]
    records = prepared.folder.records()
    assert held_through_the_last_flip(records)
    noted = [record.input for record in records if isinstance(record.input, Noted)]
    assert "challenger_better" in [note.facts["verdict"] for note in noted if note.kind == "verdict"]
    swaps = [record.input for record in records if isinstance(record.input, SwapEnded)]
    assert (swaps[-1].by, str(swaps[-1].result)) == ("web:anna", "good")


def only_compared(page: Page) -> None:
    """Let the version on disk work beside the one that runs, for a while: it is told what came of it, and no more."""
    page.get_by_label("How").select_option("only compare, beside the old one")
    page.get_by_role("button", name="Take it up").click()
    newest = page.get_by_role("region", name="History").get_by_role("listitem").first
    expect(newest.locator(".badge")).to_have_text("shadowed")
    expect(newest).to_contain_text("compared only")


def as_experiment(page: Page) -> None:
    """Take up the version on disk beside the one that runs."""
    expect(page.get_by_role("heading", name="On disk, not running")).to_be_visible()
    page.get_by_label("How").select_option("experiment")
    page.get_by_label("Tested on desk").select_option("trend")
    page.wait_for_timeout(1_500)  # what is live asks anew meanwhile, and must not take the choice away
    expect(page.get_by_label("How")).to_have_value("experiment")
    page.get_by_role("button", name="Take it up").click()
    said = re.compile("experiment|goes on by itself")  # whichever comes first: the page does not wait for the end
    expect(page.locator("#toasts")).to_contain_text(said)
