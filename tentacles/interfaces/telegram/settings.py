"""Settings of the Telegram chat."""

from __future__ import annotations

import os

from pydantic import Field

from loligo.api.chat import ChatSettings, Secret, secret_if_given


class Settings(ChatSettings):
    """Who may ask the bot in Telegram, and which chats are told what."""

    token: Secret | None = Field(default=None, description="Of the bot, from @BotFather; better by the environment.")
    token_env: str = Field(
        default="LOLIGO_TELEGRAM_TOKEN", description="Environment variable with the token, where `token` is not given."
    )
    base_url: str = Field(default="https://api.telegram.org/bot", description="Of the Bot API; the token follows it.")
    base_file_url: str = Field(default="https://api.telegram.org/file/bot", description="Of its files, likewise.")
    poll_s: float = Field(default=25.0, ge=0, le=50, description="Seconds that one question for news is kept open.")
    oldest_s: float = Field(
        default=120.0, gt=0, description="A command that is older, in seconds, when it is read is not carried out."
    )

    def account(self) -> str:
        return secret_if_given(self.token, self.token_env, os.environ)
