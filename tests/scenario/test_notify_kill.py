"""A real bot is killed while nobody takes its messages: what was worth telling is told once, in order, all of it."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.ports.tentacles import Message
from loligo_bot.daily import Daily
from loligo_bot.folder_config import read_config
from loligo_bot.tell import Orders, messages_of
from loligo_notify import Rule, rule_for
from tests.fakes.hook_server import HookServer, hook_server
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_swap_running import edit_registry

PER_SECOND = "720000"  # 200 candles of an hour in a second
RULES: list[dict[str, Any]] = [{"kinds": ["order", "fill", "stop_hit", "trade_closed", "daily_summary", "command"]}]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path, port: int) -> BotFolder:
    """The bundled bot with a signed webhook at that port."""
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05", LOLIGO_WEBHOOK_SECRET="a secret")
    edit_registry(bot, lambda entries: [entry.update(enabled=True) for entry in entries if entry["name"] == "webhook"])
    settings = {"url": f"http://127.0.0.1:{port}/hook", "rules": RULES, "waiting": 50_000}
    return bot.edit(
        lambda config: (
            config.update(notifiers=[{"tentacle": "webhook", "settings": settings}]),
            config["feeds"][0]["settings"].update(since="2018-01-01", until="2019-07-01"),
        )
    )


def worth_telling(bot: BotFolder) -> list[tuple[str, int, str]]:
    """What an undisturbed bot would have told of this journal."""
    accounts = {name: one.reference for name, one in read_config(bot.home).accounts.items()}
    daily, rules = Daily("00:00", "UTC", accounts), [Rule.model_validate(one) for one in RULES]
    found: list[Message] = []
    orders = Orders()
    for record in bot.records():
        summary = daily.hear(record)
        found += [*([summary] if summary else []), *messages_of((record,), orders)]
    return [(one.kind, one.seq, one.text) for one in found if rule_for(rules, one)]


def heard(server: HookServer) -> list[tuple[str, int, str]]:
    data = [one["data"] for one in server.taken]
    return [(one["kind"], one["seq"], one["text"].partition("\n")[0]) for one in data]


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(300):
            await story()

    asyncio.run(within())


async def reached(bot: BotFolder, seq: int) -> int:
    return int((await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > seq))["next_seq"])


async def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    done = await asyncio.to_thread(ended, process)
    assert done.code == 0, done.err


def test_a_bot_that_is_killed_thrice_while_its_webhook_is_down_tells_all_once_in_order(
    bot: BotFolder, port: int
) -> None:
    async def story() -> None:
        seq = 500
        for _ in range(3):
            with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
                seq = await reached(bot, seq + 1_500)
                process.kill()
                await asyncio.to_thread(process.wait)
        missed = worth_telling(bot)
        assert len(missed) > 30, "too little happened to prove anything"
        async with hook_server(port) as server:
            with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
                await server.until(len(missed))
                await reached(bot, seq + 300)
                begun = bot.asked("notifications", kinds=["started"])["answer"]["notifications"]
                await stopped(process)
            told = heard(server)
        assert told[: len(missed)] == missed
        assert begun[-1]["level"] == "info"
        assert {one["level"] for one in begun[:-1]} == {"warning"} and "the run before was cut off" in begun[0]["text"]
        assert told == worth_telling(bot)[: len(told)]

    run(story)
