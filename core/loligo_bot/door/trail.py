"""The trail of one question: whether what it began tells of itself in the journal.

A command, an exchange and the note of a stop mark the trail of the question that they are made for, however deep below
its verb. A question that another one asks has a trail of its own.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass

from loligo_bot.wish import SwapReport


@dataclass(slots=True)
class Trail:
    """What a question has left so far."""

    is_told: bool = False
    swap: asyncio.Task[SwapReport] | None = None  # the newest; it may go on when the question is answered


_now: ContextVar[Trail | None] = ContextVar("trail", default=None)


def begin() -> Trail:
    """Return the trail of what this task, and those that it starts, do from now on."""
    trail = Trail()
    _now.set(trail)
    return trail


def current() -> Trail:
    """Return the trail of the question at work; where nobody asked, one that nobody reads."""
    return _now.get() or Trail()
