"""Interruption: a call that was ended from outside because it did not return, live and in a replay.

That it did not return is observed and cannot be computed, so the journal holds it (`TentacleFailed.is_interrupted`).
Live, whoever watches raises `TentacleInterrupted` in the call. In a replay the calls of every tentacle are bound anew
for that one record, and the call raises instead of being made. Either way the instance is given up for a fresh one:
nobody knows how far it came. No other call costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from loligo.errors import TentacleInterrupted
from loligo.model.events import TentacleFailed

EVALUATE = "evaluate"  # how events name the calls of an evaluator, whatever it reads
Bind = Callable[[Callable[..., Any], str, str | None], Callable[..., Any]]  # call, tentacle, desk -> what is called


def as_made(call: Callable[..., Any], _tentacle: str, _desk: str | None) -> Callable[..., Any]:
    """Bind a call as it is."""
    return call


def as_recorded(failures: Iterable[TentacleFailed], next_seq: Callable[[], int]) -> Bind:
    """Return what binds calls so that each of `failures` happens again, when the events before it have come.

    A desk of None is that of the view, which is the last argument of a call: account rules serve many desks.
    """
    left = {event.seq: event for event in failures}

    def bind(call: Callable[..., Any], tentacle: str, desk: str | None) -> Callable[..., Any]:
        @wraps(call)
        def stand_in(*given: Any) -> Any:
            event = left.get(next_seq())
            if event is not None:
                who = (tentacle, given[-1].desk if desk is None else desk)
                if who == (event.tentacle, event.desk) and event.call in (call.__name__, EVALUATE):
                    del left[event.seq]
                    raise TentacleInterrupted(event.error)
            return call(*given)

        return stand_in

    return bind
