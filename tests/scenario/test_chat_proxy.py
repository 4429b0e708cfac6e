"""Chats of a bot that reaches the world through a proxy alone, whose certificate a file of the machine vouches for."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.fakes.tls_proxy import certificate, proxy
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_swap_running import edit_registry

CHATS = ("telegram", "discord")
TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"  # of no bot


def test_chats_go_through_the_proxy_and_trust_whom_the_environment_names(template: BotFolder, tmp_path: Path) -> None:
    pem = certificate(tmp_path, ("api.telegram.org", "discord.com"))
    with proxy(pem) as between:
        bot = template.copy(tmp_path / "bot", HTTPS_PROXY=between.address, SSL_CERT_FILE=str(pem))
        edit_registry(bot, lambda every: [one.update(enabled=True) for one in every if one["name"] in CHATS])
        chats = [{"tentacle": name, "settings": {"token": TOKEN}} for name in CHATS]
        bot.edit(lambda config: config.update(interfaces=chats))
        with bot.running("run", "--headless", "--speed", "72000") as process:
            asked = between.until("api.telegram.org:443", "discord.com:443")
            process.send_signal(signal.SIGTERM)  # neither service was reached, which holds nothing up
            assert ended(process).code == 0
    assert asked["api.telegram.org:443"].startswith(f"POST /bot{TOKEN}/")
    assert asked["discord.com:443"].startswith("GET /api/v10/users/@me ")
