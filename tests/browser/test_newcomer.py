"""What a newcomer does in the first minute: `make run`, the page that it opens, a switch, and what came of it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.visits import PASSWORD, Bot, browse, from_menu
from tests.scenario.bots import ROOT, BotFolder
from tests.scenario.test_run_page import LINK, in_terminal

RUN = ("run", "--page", "--stay", "--speed", "345600")
MINUTE_S = 60.0


def test_a_newcomer_switches_a_tentacle_off_and_sees_what_it_changes_within_a_minute(
    browser: Browser, tmp_path: Path
) -> None:
    assert f"$(BIN)/loligo {' '.join(RUN)};" in (ROOT / "Makefile").read_text()  # what `make run` does in a terminal
    bot, shown = newcomer(tmp_path)
    began = time.monotonic()
    with in_terminal(bot, *RUN) as terminal:
        link = LINK.search(terminal.until(LINK))
        assert link is not None
        address = link[0].partition("/join/")[0]
        with browse(browser, Bot(home=bot.home, address=address), owner=False) as watched:
            page = watched.page
            page.goto(link[0])
            expect(page.get_by_role("heading", name="Make this bot yours")).to_be_visible()
            print(f"from the command to the page: {time.monotonic() - began:.1f} s")
            assert shown.read_text() == link[0]  # the browser of the newcomer was sent there, too
            page.get_by_label("Name").fill("anna")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_label("The same again").fill(PASSWORD)
            page.get_by_role("button", name="Open my bot").click()
            from_menu(page, "link", "Decisions")
            newest = page.get_by_role("region", name="Newest first").get_by_role("listitem")
            changed = newest.filter(has_text="strategy off")
            expect(newest.first).to_be_visible()
            expect(changed).to_have_count(0)
            from_menu(page, "link", "Tentacles")
            page.get_by_role("switch", name="Weighted vote (strategy)").click()
            expect(page.locator("#row-strategy-weighted_vote .badge").first).to_have_text("off")
            from_menu(page, "link", "Decisions")
            while changed.count() == 0:
                assert time.monotonic() - began < MINUTE_S
                page.reload()
            changed.first.get_by_role("link").click()
            expect(page.get_by_role("heading", name="Why?")).to_be_visible()
            expect(page.get_by_role("main")).to_contain_text("strategy does not act; strategy off")
            took = time.monotonic() - began
    print(f"from the command to what the switch changed: {took:.1f} s")
    assert took < MINUTE_S


def newcomer(home: Path) -> tuple[BotFolder, Path]:
    """Return a folder as it is made, and the file into which a browser writes what it is sent to."""
    program, shown = home / "browser", home / "shown"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {shown}\n')
    program.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    paths = os.pathsep.join((str(ROOT / "core"), str(ROOT / "web")))
    screen = {"TERM": "xterm", "COLUMNS": "200", "BROWSER": str(program)}
    (home / "bot").mkdir()
    bot = BotFolder(home / "bot", PYTHONPATH=paths, LOLIGO__WEB__PORT=port, LOLIGO__WEB__OPEN_BROWSER="true", **screen)
    assert bot.call("init", str(bot.home)).code == 0
    return bot, shown
