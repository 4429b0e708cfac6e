"""Writes messages for people to standard error, a line each: put your own way to tell people in its place."""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import Field

from loligo.api import MakeContext, Message, TentacleSettings

_LEVELS = ("info", "warning", "problem")


class Settings(TentacleSettings):
    least: Literal["info", "warning", "problem"] = Field(
        default="info", description="Messages of a lower level are left out."
    )


class Sample:
    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._least = _LEVELS.index(settings.least)

    async def notify(self, message: Message) -> None:
        if message.level not in _LEVELS or _LEVELS.index(message.level) >= self._least:
            numbers = "".join(f" {name}={value}" for name, value in message.fields.items())
            print(f"{message.level} {message.desk} {message.text}{numbers}", file=sys.stderr)
