"""Tells every loaded tentacle what happens: the lifecycle and observation hooks, as typed calls.

Calls go through pluggy, one tentacle at a time, in registry order, so that one that raises neither hides its failure
nor takes the call from the others. Never called per input by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loligo.errors import TENTACLE_FAULTS
from loligo.host.contract import describe_error
from loligo.host.loader import LoadedTentacle
from loligo.model.events import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFailure:
    """A tentacle raised in a hook; `error` is type, text and place."""

    tentacle: str
    hook: str
    error: str


class Relay:
    """The hooks of one set of loaded tentacles. `on_failure` hears of each tentacle that raises."""

    def __init__(self, tentacles: Sequence[LoadedTentacle], on_failure: Callable[[HookFailure], None]) -> None:
        self._tentacles = tuple(tentacles)
        self._on_failure = on_failure

    def bot_started(self, desks: Sequence[str]) -> None:
        """Tell that the engine accepts inputs."""
        self._tell("bot_started", desks=desks)

    def bot_stopping(self, reason: str) -> None:
        """Tell that the bot is about to end."""
        self._tell("bot_stopping", reason=reason)

    def records_committed(self, records: Sequence[Record]) -> None:
        """Tell of records that are durable now."""
        self._tell("records_committed", records=records)

    def _tell(self, hook: str, **arguments: object) -> None:
        for tentacle in self._tentacles:
            try:
                getattr(tentacle.plugin.hook, hook)(**arguments)
            except TENTACLE_FAULTS as exc:
                self._on_failure(HookFailure(tentacle=tentacle.entry.slot, hook=hook, error=describe_error(exc)))
