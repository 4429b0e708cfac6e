"""Settings of the outgoing webhook."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from loligo.api.notify import CourierSettings, Rule, Secret


class Settings(CourierSettings):
    """Where messages are posted, how they are signed, and which."""

    name: str = Field(
        default="webhook", pattern=r"^[\w.-]{1,40}$", description="By which its outbox is known; give each its own."
    )
    url: str = Field(description="Where to post, http or https; redirects are not followed.")
    secret: Secret | None = Field(
        default=None, description="To sign with, as whsec_BASE64 or any text; better by the environment."
    )
    secret_env: str = Field(
        default="LOLIGO_WEBHOOK_SECRET", description="Environment variable with the secret, where none is given."
    )
    rules: tuple[Rule, ...] = Field(
        default=(),
        description="The first that fits a message says whether and how it is told; none at all: everything.",
    )
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="Seconds that an answer may take.")
    waiting: int = Field(default=1000, ge=10, le=100_000, description="Messages that wait at most.")

    @property
    def outbox(self) -> str:
        return f"webhook/{self.name}"

    def outboxes(self) -> Mapping[str, tuple[str | int, ...]]:
        return {self.outbox: ("name",)}

    @field_validator("url")
    @classmethod
    def _is_web(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as https://example.org/hook")
        return url
