"""Mail of a killed bot: the server was away, the bot was killed, and both come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loligo_notify import AGAIN
from tests.fakes.mail_server import Post, mail_server, text_of
from tests.scenario.bots import BotFolder
from tests.scenario.test_notify_kill import PER_SECOND, free_port, reached, run, stopped, worth_telling
from tests.scenario.test_swap_running import edit_registry

RULES = [{"kinds": ["daily_summary"]}]
MAILS = 4  # apprise sends one in some seconds, so that no server takes it for a flood


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path, port: int) -> BotFolder:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    edit_registry(bot, lambda entries: [entry.update(enabled=True) for entry in entries if entry["name"] == "apprise"])
    url = f"mailto://127.0.0.1:{port}?from=bot@example.org&to=anna@example.org&mode=insecure"
    told = [{"name": "anna", "url": url, "rules": RULES}]
    return bot.edit(
        lambda config: (
            config.update(notifiers=[{"tentacle": "apprise", "settings": {"destinations": told}}]),
            config["feeds"][0]["settings"].update(since="2018-01-01", until="2019-07-01"),
        )
    )


def test_mails_of_a_killed_bot_come_once_in_order_when_the_server_is_back(bot: BotFolder, port: int) -> None:
    async def story() -> None:
        with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
            await reached(bot, 2_000)
            process.kill()
            await asyncio.to_thread(process.wait)
        missed = [text for kind, _, text in worth_telling(bot) if kind == "daily_summary"]
        assert len(missed) >= MAILS
        post = Post()
        async with mail_server(post, port):
            with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
                await post.until(MAILS)
                await stopped(process)
        told = [text_of(mail) for mail in post.mails]
        assert not [text for text in told[1:] if text.startswith(AGAIN)]  # one was on its way at the kill, if any
        texts = [text.removeprefix(AGAIN).splitlines()[0] for text in told]
        assert texts[:MAILS] == missed[:MAILS]
        assert len(set(texts)) == len(texts)

    run(story)
