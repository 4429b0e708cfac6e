"""What a replay or a reality check is asked for, by the door; judged before there is a job, which then holds what is
wanted at that moment: an edit, or a variable that only the bot's process has, changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loligo.errors import ConfigError
from loligo.model.timeframe import ns_from_iso
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe

REPLAY, REALITY = "replay", "reality"  # kinds of jobs


def _instant(text: str) -> str:
    try:
        ns_from_iso(text)
    except (ConfigError, OverflowError) as exc:
        raise ValueError(str(exc)) from exc
    return text


Instant = Annotated[str, AfterValidator(_instant)]
SessionName = Annotated[
    str, Field(pattern=r"^(last|[1-9][0-9]{0,5})$", description="its number in `loligo journal sessions`, or last")
]


class ReplayRequest(BaseModel):
    """Which session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: SessionName = "last"


class RealityRequest(BaseModel):
    """Whose trades, from when to when, in which session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    desk: str = Field(min_length=1, max_length=64, description="whose trades are checked")
    since: Instant | None = Field(
        default=None, description="from this time of the data, ISO 8601; none: where the desk began"
    )
    until: Instant | None = Field(default=None, description="up to this time of the data; none: its end")
    session: SessionName = "last"


def frozen(home: Path, asked: BaseModel) -> bytes:
    """Return what is asked, and what the folder wants now, without secrets. It blocks."""
    now = recipe_now(home).masked()
    return msgspec.json.encode(
        {"asked": asked.model_dump(mode="json"), "now": {"config": now.config, "registry": now.registry}}
    )


def thawed(home: Path, given: bytes) -> tuple[object, Recipe]:
    """Return what was asked, and what was wanted then, with the secrets of the folder."""
    found = msgspec.json.decode(given)
    return found["asked"], Recipe(**found["now"]).filled(recipe_now(home))
