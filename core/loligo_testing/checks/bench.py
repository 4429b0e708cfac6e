"""What all checks of one tentacle share: its script, the answers of the first instance, its run on a desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from loligo_testing.desk import DeskRun
from loligo_testing.script import Call, desk_inputs, desk_of, play, recorded_mode_calls, script_of
from loligo_testing.subject import IN_ENGINE, Subject


@dataclass(frozen=True)
class Bench:
    """One tentacle on the bench. Answers are made once, by the first instance of all."""

    subject: Subject
    count: int = 600  # candles, boards or requests of the script

    @property
    def is_called(self) -> bool:
        """Whether its calls can be made one by one."""
        return self.subject.kind in IN_ENGINE

    @cached_property
    def calls(self) -> list[Call]:
        return self._recorded[0] if self.subject.kind == "trading_mode" else script_of(self.subject, count=self.count)

    @cached_property
    def answers(self) -> list[bytes]:
        return play(self.subject.make(), self.calls)

    @cached_property
    def run(self) -> DeskRun:
        """Its run on a simulated desk, over its tape."""
        if self.subject.kind == "trading_mode":
            return self._recorded[1]
        return desk_of(self.subject).run(desk_inputs(self.subject, self.count))

    @cached_property
    def _recorded(self) -> tuple[list[Call], DeskRun]:
        return recorded_mode_calls(self.subject, self.count)


def cuts(length: int, count: int) -> list[int]:
    """Return places that cut a row into pieces of about equal length, the ends left out."""
    return sorted({length * part // (count + 1) for part in range(1, count + 1)} - {0})


def first_difference(one: Sequence[Any], other: Sequence[Any]) -> int | None:
    """Return the first place at which two rows differ, None when they do not."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return None if len(one) == len(other) else min(len(one), len(other))
