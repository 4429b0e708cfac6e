"""What lies behind a door in tests: the parts that a test has, and none of the others."""

from __future__ import annotations

from typing import Any

from loligo_bot.door.inside import Inside

_PARTS = ("bot", "session", "thread", "reconciler", "health", "edges", "projecting", "rows", "journal", "tasks")
_COUNTING = ("meter", "committer", "notifying", "jobs", "experiments")


def inside(**parts: Any) -> Inside:
    """Return an inside with these parts; who touches another one fails."""
    chosen: dict[str, Any] = {name: parts.get(name) for name in (*_PARTS, *_COUNTING)}
    return Inside(**chosen)
