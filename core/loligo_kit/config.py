"""Settings of installing through a bot that runs: what page, API and chats may name as a source."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class InstallConfig(BaseModel):
    """The command line may name any source; this is for those who only reach the bot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folders: bool = Field(
        default=False, description="page, API and chats may also name folders, zips and git+file:// of this machine"
    )
