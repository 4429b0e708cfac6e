"""From a message to a page that waits at a destination: rules, words, quiet hours, bundles, limits.

What must hold: a message that a rule lets through is in the outbox, on disk, when `tell` returns; told twice, it is
taken once: the place in the journal that it comes from says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from loligo.api import SECOND_NS, Clock, Message
from loligo_notify.kinds import Kind
from loligo_notify.outbox import BUNDLED, Outbox, Page
from loligo_notify.rules import EVERYTHING, Rule, rule_for
from loligo_notify.store import Mark
from loligo_notify.templates import rendered

HELD = "held"  # by a limit per minute
QUIET = "quiet"
_MINUTE_NS = 60 * SECOND_NS

PlaceT = TypeVar("PlaceT", bound=Hashable)
PageT = TypeVar("PageT", bound=Page)


def mark_of(message: Message) -> Mark | None:
    """Return what a message is recognised by when it is made again, None for one that no record tells of."""
    return (message.seq, 0 if message.kind == Kind.DAILY_SUMMARY else 1) if message.seq else None


class Teller(Generic[PlaceT, PageT]):
    """Tells one destination. `dress` makes pages of a message and its words."""

    def __init__(
        self,
        name: str,
        outbox: Outbox[PlaceT, PageT],
        place: PlaceT,
        rules: Sequence[Rule],
        dress: Callable[[Message, str], Sequence[PageT]],
        clock: Clock,
        *,
        via: str = "",
    ) -> None:
        self.name, self.via = name, via
        self.place, self.rules = place, tuple(rules)
        self.outbox = outbox
        self._dress, self._clock = dress, clock
        self._told_ns: dict[Rule, deque[int]] = {}  # in the last minute

    async def tell(self, message: Message) -> PageT | None:
        """Take a message if a rule wants it; return its last page, None when there is none."""
        mark, rule = mark_of(message), rule_for(self.rules, message)
        if rule is None:
            if mark is not None:
                self.outbox.passed(self.place, mark)
            return None
        pages = self._dress(message, rendered(message, rule.template))
        due_ns, bundle = self._when(rule, message)
        for page in pages:
            page.due_ns, page.bundle = due_ns, bundle
        return await self.outbox.keep(self.place, pages, mark)

    def _when(self, rule: Rule, message: Message) -> tuple[int, str]:
        """Return not before when a message is to be sent, and with what together."""
        now_ns = self._clock.now_ns()
        if until_ns := rule.quiet_until_ns(message, now_ns):
            return until_ns, QUIET
        place = self.rules.index(rule) if rule in self.rules else 0
        if held_ns := self._held_until_ns(rule, now_ns):
            return held_ns, f"{HELD} {place}"
        if not rule.group_s:
            return 0, ""
        bundle = f"{BUNDLED} {place}"
        return self.outbox.open_until_ns(self.place, bundle) or now_ns + round(rule.group_s * SECOND_NS), bundle

    def _held_until_ns(self, rule: Rule, now_ns: int) -> int:
        """Count a message; return until when it has to wait because there were too many in the last minute."""
        if not rule.per_minute:
            return 0
        told_ns = self._told_ns.setdefault(rule, deque())
        while told_ns and now_ns - told_ns[0] >= _MINUTE_NS:
            told_ns.popleft()
        if len(told_ns) >= rule.per_minute:
            return told_ns[0] + _MINUTE_NS
        told_ns.append(now_ns)
        return 0

    async def test(self, message: Message, *, within_s: float) -> str:
        """Send a message past all rules, by the outbox; return "" when it was delivered, else why not."""
        ahead = self.outbox.waiting_at(self.place)
        page = await self.outbox.keep(self.place, self._dress(message, rendered(message)))
        if page is None:
            return "there is no room in its outbox"
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await page.tried.wait()
        if page.done.is_set():
            return page.error
        error = page.error or (self.outbox.standing(self.place).error if self.outbox.is_failing(self.place) else "")
        waits = f"{ahead} messages wait before it" if ahead else ""
        return "; ".join(filter(None, (error, waits))) or f"it was not sent within {within_s:g} s"

    def words(self) -> list[str]:
        """Return the rules as people say them."""
        return [rule.words() for rule in self.rules or (EVERYTHING,)]
