"""Discord: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl
from loligo.api.chat import hurry

from .logic import DiscordChat
from .settings import Settings


@hookimpl
def interface() -> Factory:
    return Factory(settings=Settings, create=DiscordChat)


@hookimpl
def bot_stopping(reason: str) -> None:
    if reason not in ("exchanged", "taken back"):
        hurry("discord")
