"""Pauses a desk when a price falls below a level: put your own trigger and your own acts in their place.

It is pure: a record and the world in, a firing out. The bot carries it out, once, and holds it to `most_per_day` and
the other settings that all automations have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from loligo.api import MakeContext, Record
from loligo.api.automation import Act, AutomationSettings, Firing, Standing, World


class Settings(AutomationSettings):
    instrument: str = Field(default="coinbase:BTC/USD", description="VENUE:SYMBOL whose price is watched.")
    below: float = Field(default=1_000.0, gt=0, description="The level, in quote units.")
    desk: str = Field(default="*", description='Which is paused; "*" is all of them.')


class Sample:
    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._settings = settings
        self._was_above = False  # once per fall, and not for a price that lies below from the start

    def on_record(self, record: Record, world: World) -> Firing | None:
        price = world.prices.get(self._settings.instrument)
        if price is None:
            return None
        was_above, self._was_above = self._was_above, price >= self._settings.below
        if self._was_above or not was_above:
            return None
        why = f"{self._settings.instrument} fell to {price:g}, below {self._settings.below:g}"
        return Firing(key=f"seq {record.seq}", why=why, acts=self.acts())

    def acts(self) -> Sequence[Act]:
        return [Act(verb="pause", arguments={"target": self._settings.desk})]

    def standing(self) -> Standing:
        desk = "all desks" if self._settings.desk == "*" else self._settings.desk
        words = f"when {self._settings.instrument} falls below {self._settings.below:g}: pause {desk}"
        return Standing(words=words, state="armed" if self._was_above else "waiting")

    def export_state(self) -> dict[str, Any]:
        return {"was_above": self._was_above}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Take back what fits; of one that never ran, or watched otherwise, there may be nothing."""
        self._was_above = state.get("was_above", False)
