"""Settings of the Discord chat."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from loligo.api.chat import ChatSettings, Secret, secret_if_given


class Settings(ChatSettings):
    """Who may ask the bot in Discord, and which channels are told what."""

    token: Secret | None = Field(default=None, description="Of the bot; better by the environment.")
    token_env: str = Field(
        default="LOLIGO_DISCORD_TOKEN", description="Environment variable with the token, where `token` is not given."
    )
    webhook_url: Secret | None = Field(
        default=None, description="Of a channel's webhook, which is told what happens; enough without a token."
    )
    webhook_level: Literal["info", "warning", "problem"] = Field(
        default="info", description="What is less important is not told the webhook."
    )
    read_messages: bool = Field(
        default=False, description="Also read texts in channels; needs the privileged intent message_content."
    )
    embeds: bool = Field(default=True, description="Show what is said in a coloured frame; off: plain text.")
    api_base: str = Field(default="https://discord.com/api/v10", description="Of the REST API.")
    gateway: str = Field(default="wss://gateway.discord.gg/", description="Of the gateway.")
    proxy: str | None = Field(default=None, description="HTTP proxy; null: HTTPS_PROXY of the environment, if set.")

    def account(self) -> str:
        return secret_if_given(self.token, self.token_env, os.environ)

    def outboxes(self) -> Mapping[str, tuple[str | int, ...]]:
        if self.webhook_url is None:
            return super().outboxes()
        account = self.account() or self.webhook_url.get_secret_value()
        by_webhook = f"{hashlib.sha256(account.encode()).hexdigest()}//webhook"
        return {**super().outboxes(), by_webhook: ("webhook_url",)}
