"""Who may ask: a list of ids with roles, and how often one person may.

What must hold: an empty list is nobody. A stranger gets no answer, not even a refusal; the log has them once an hour.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from loligo.api import SECOND_NS, Clock, Role

_HOUR_NS = 3_600 * SECOND_NS
_REMEMBERED = 1_000  # ids, of strangers and of those who ask: more are not told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A chat or channel, and the topic or thread in it, "" where there is none."""

    chat: str
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks, as the platform vouches for them; `groups` are ids of roles that they hold there."""

    id: str
    name: str = ""
    groups: tuple[str, ...] = ()


class Access:
    """Roles by id of a person, of a chat (for everybody in it) or of a group; the highest that applies."""

    def __init__(self, allowed: Mapping[str, Role], clock: Clock) -> None:
        self._allowed, self._clock = dict(allowed), clock
        self._logged_ns: OrderedDict[str, int] = OrderedDict()

    def role_of(self, person: Person, place: Place) -> Role | None:
        """Return what they may do; None: nothing, they are strangers."""
        ids = (person.id, place.chat, *person.groups)
        return max((self._allowed[id_] for id_ in ids if id_ in self._allowed), default=None)

    def is_news(self, stranger: Person) -> bool:
        """Say whether the log is to hear of a stranger: once per id and hour."""
        now_ns = self._clock.now_ns()
        if now_ns - self._logged_ns.get(stranger.id, now_ns - _HOUR_NS) < _HOUR_NS:
            return False
        self._logged_ns[stranger.id] = now_ns
        self._logged_ns.move_to_end(stranger.id)
        while len(self._logged_ns) > _REMEMBERED:
            self._logged_ns.popitem(last=False)
        return True


class RateLimit:
    """So many requests of one person within any minute."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._asked_ns: OrderedDict[str, deque[int]] = OrderedDict()
        self._told: set[str] = set()

    def wait_s(self, person: Person) -> float:
        """Count a request; return 0 when it may be answered, else after how many seconds the next one may."""
        now_ns = self._clock.now_ns()
        asked = self._asked_ns.setdefault(person.id, deque())
        self._asked_ns.move_to_end(person.id)
        while asked and now_ns - asked[0] >= 60 * SECOND_NS:
            asked.popleft()
        if len(asked) >= self._per_minute:
            return (asked[0] + 60 * SECOND_NS - now_ns) / SECOND_NS
        asked.append(now_ns)
        self._told.discard(person.id)
        if len(self._asked_ns) > _REMEMBERED:
            gone, _ = self._asked_ns.popitem(last=False)
            self._told.discard(gone)
        return 0.0

    def is_first_refusal(self, person: Person) -> bool:
        """Say whether they have not been told yet that they ask too often."""
        is_first = person.id not in self._told
        self._told.add(person.id)
        return is_first
