"""Two browsers, a chat, the command line and an edited file change one bot's tentacles at the same moment."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from loligo.model.command import SwapEnded, SwapResult
from tests.browser.conftest import running_bot
from tests.browser.visits import PASSWORD, Bot
from tests.fakes.chromium import ARGUMENTS, chromium
from tests.fakes.telegram_server import telegram
from tests.scenario.bots import LIMIT_S, BotFolder
from tests.scenario.test_swap_running import edit_config, edit_registry

OFF = ("evaluator/macd", "evaluator/rsi", "evaluator/instant_fluctuation", "trading_mode/grid")
CHANGED = (*OFF, "desk/trend")  # whose strategy gets another threshold


async def owner(browser: Browser, bot: Bot) -> Any:
    """Become the owner by the first link; return the cookies."""
    page = await browser.new_page()
    await page.goto(bot.link.read_text().strip())
    await page.get_by_label("Name").fill("anna")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Open my bot").click()
    await page.wait_for_url(f"{bot.address}/")
    return await page.context.storage_state()


async def switch_off(page: Page, label: str) -> None:
    await page.get_by_role("switch", name=label).click()
    await expect(page.get_by_role("switch", name=label)).not_to_be_checked()


def with_threshold(config: dict[str, Any]) -> None:
    config["desks"]["trend"]["strategy"]["settings"] = {"entry_threshold": 0.45}


def registry(folder: BotFolder) -> set[str]:
    entries = json.loads((folder.home / "tentacle_registry.json").read_text())["tentacles"]
    return {f"{one['kind']}/{one['name']}" for one in entries if not one["enabled"]}


def running(folder: BotFolder) -> set[str]:
    """Return what does not run of what is to be off."""
    rows = folder.asked("tentacle.list")["answer"]["tentacles"]
    return {f"{one['kind']}/{one['name']}" for one in rows if not one["is_on"]} & set(OFF)


def changes(folder: BotFolder) -> dict[str, str]:
    """Return by what was exchanged for whom it was."""
    ended = [one.input for one in folder.records() if isinstance(one.input, SwapEnded)]
    return {line.partition(" ")[0]: one.by for one in ended if one.result is SwapResult.GOOD for line in one.changed}


async def converged(folder: BotFolder) -> None:
    until = time.monotonic() + LIMIT_S
    while not (running(folder) == set(OFF) <= registry(folder) and set(CHANGED) <= changes(folder).keys()):
        assert time.monotonic() < until, (running(folder), registry(folder), changes(folder))
        await asyncio.sleep(0.2)


def test_all_who_change_tentacles_at_once_get_what_they_want(tmp_path: Path) -> None:
    async def story() -> None:
        async with async_playwright() as playwright, telegram(time.time) as server:
            settings = {**server.settings, "allowed": {"1": "admin"}, "requests_per_minute": 1000}

            def with_chat(config: dict[str, Any]) -> None:
                config["interfaces"].append({"tentacle": "telegram", "settings": settings})

            prepared = running_bot(tmp_path / "bot", with_chat)
            folder = prepared.folder
            edit_registry(
                folder, lambda every: [one.update(enabled=True) for one in every if one["name"] == "telegram"]
            )
            browser = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
            with prepared as bot:
                cookies = await owner(browser, bot)
                one, other = [await (await browser.new_context(storage_state=cookies)).new_page() for _ in range(2)]
                await asyncio.gather(one.goto(f"{bot.address}/tentacles"), other.goto(f"{bot.address}/tentacles"))
                await asyncio.gather(
                    switch_off(one, "MACD (evaluator)"),
                    switch_off(other, "RSI (evaluator)"),
                    server.say(1, "/tentacle_switch trading_mode/grid off"),
                    asyncio.to_thread(folder.call, "tentacle", "off", "evaluator/instant_fluctuation"),
                    asyncio.to_thread(edit_config, folder, with_threshold),
                )
                await converged(folder)
                for page, label in ((one, "RSI (evaluator)"), (other, "MACD (evaluator)")):
                    await expect(page.get_by_role("switch", name=label)).not_to_be_checked()
                await server.until(lambda: any("switch" in sent.text for sent in server.sent))
            await browser.close()

    asyncio.run(story())
