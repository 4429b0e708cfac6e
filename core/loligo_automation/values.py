"""What an automation says: what it wants done and why, and how it stands.

What must hold: the key of a firing names what fired it, so one that is made again from the same records or for the same
instant has the same key, and is carried out once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pydantic import Field

from loligo.api import Record, TentacleSettings
from loligo_automation.world import World


class AutomationSettings(TentacleSettings):
    """Base of every automation's settings: what the bot holds it to."""

    enabled: bool = Field(default=True, description="Off: it sees and does nothing.")
    dry_run: bool = Field(default=False, description="Only tell what it would do.")
    most_per_day: int = Field(default=1, ge=1, le=1_000, description="Firings within 24 hours at most.")
    cool_down_s: float = Field(default=0.0, ge=0, description="Seconds between two firings at least.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing to do: a verb of the door with its arguments."""

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What an automation wants done now, in this order. `why` is one sentence, with the numbers."""

    key: str
    why: str
    acts: Sequence[Act]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an automation stands, for people."""

    words: str  # what it does, one sentence
    state: str  # such as "armed"
    next_at_ns: int = 0  # when it acts next, where that is known


class _Automation(Protocol):
    """What both sorts share; state is plain data, of which `restore_state` takes back what fits."""

    def acts(self) -> Sequence[Act]: ...
    def standing(self) -> Standing: ...
    def export_state(self) -> dict[str, Any]: ...
    def restore_state(self, state: dict[str, Any]) -> None: ...


@runtime_checkable
class Recording(_Automation, Protocol):
    """An automation that hears every durable record, in order; the world is as of that record."""

    def on_record(self, record: Record, world: World) -> Firing | None: ...


@runtime_checkable
class Timed(_Automation, Protocol):
    """An automation that is asked every second, by the wall clock."""

    def on_time(self, now_ns: int) -> Firing | None: ...
