"""Telegram: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl
from loligo.api.chat import hurry

from .logic import TelegramChat
from .settings import Settings


@hookimpl
def interface() -> Factory:
    return Factory(settings=Settings, create=TelegramChat)


@hookimpl
def bot_stopping(reason: str) -> None:
    if reason not in ("exchanged", "taken back"):
        hurry("telegram")
