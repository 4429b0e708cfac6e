"""Settings of the log notifier."""

from __future__ import annotations

from pydantic import Field

from loligo.api import TentacleSettings
from loligo.api.notify import Rule


class Settings(TentacleSettings):
    """What is written into the log."""

    rules: tuple[Rule, ...] = Field(
        default=(), description="The first that fits a message says whether it is written; none at all: everything."
    )
