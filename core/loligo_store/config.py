"""Settings of the journal."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JournalConfig(BaseModel):
    """Where the journal lies and how often it becomes durable. Orders and commands never wait for a group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(
        default=None,
        description="database address, such as postgresql://user@host/loligo; empty: an SQLite file in the bot folder",
    )
    commit_every_records: int = Field(default=2_000, ge=1, description="records in one commit at most")
    commit_every_s: float = Field(
        default=1.0,
        gt=0,
        description="seconds that a record waits for its commit at most, kept by the journal's driver",
    )
    snapshot_every_records: int = Field(
        default=100_000, ge=1, description="records between two snapshots of the state, which bound recovery time"
    )
    keep_snapshots: int = Field(default=3, ge=1, description="snapshots kept, newest first")
    retention_days: int | None = Field(
        default=None,
        ge=1,
        description="days of records kept, in the time of the data; empty: all. What a snapshot needs is kept longer",
    )
