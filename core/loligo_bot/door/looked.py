"""Looked at: packages that somebody was shown and has not agreed to yet.

What must hold: only who looked may agree, to that very content, once, and for a while; memory is bounded.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from loligo.errors import NotFound
from loligo_kit.plans import Plan

KEPT_S = 900.0
MOST = 8  # each may hold some megabytes; the oldest goes first


@dataclass(frozen=True, slots=True)
class _Shown:
    plan: Plan
    by: str
    at_s: float


class Looked:
    """Plans by a name that nobody can guess."""

    def __init__(self, *, now_s: Callable[[], float] = monotonic, kept_s: float = KEPT_S) -> None:
        self._now_s, self.kept_s = now_s, kept_s
        self._shown: dict[str, _Shown] = {}  # oldest first

    def keep(self, plan: Plan, by: str) -> str:
        """Return the name by which its viewer may agree to it."""
        self._forget()
        while len(self._shown) >= MOST:
            del self._shown[next(iter(self._shown))]
        name = secrets.token_hex(8)
        self._shown[name] = _Shown(plan, by, self._now_s())
        return name

    def find(self, name: str, by: str) -> Plan:
        """Return a plan. NotFound when it is not there, no longer, or was shown to somebody else."""
        self._forget()
        shown = self._shown.get(name)
        if shown is None or shown.by != by:
            minutes = f"{self.kept_s / 60:g} minutes"
            raise NotFound(
                f'no package waits for your yes under "{name[:40]}": it was agreed to, or nobody did for {minutes}; '
                "look at it again"
            )
        return shown.plan

    def take(self, name: str, by: str) -> Callable[[], None]:
        """Take one out; return what puts it back, for the case that nothing came of it."""
        self.find(name, by)
        shown = self._shown.pop(name)

        def put_back() -> None:
            self._shown.setdefault(name, shown)

        return put_back

    def _forget(self) -> None:
        oldest = self._now_s() - self.kept_s
        for name in [name for name, shown in self._shown.items() if shown.at_s <= oldest]:
            del self._shown[name]
