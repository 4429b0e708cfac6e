"""Consent: entries of a desk that wait for a person's yes. Without one in time there is no order.

What must hold: only what every rule has let through is asked; at most one question of a seat waits; a yes is no
approval: the request is judged anew, by the rules, prices and positions of that moment. Exits never come here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.model.events import ConsentAsked, Refused
from loligo.model.order import OrderRequest
from loligo.model.risk import Tier
from loligo.model.timeframe import SECOND_NS

CONSENT = "consent"  # the rule that refuses, and the timer at which a question lapses


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A request that waits for a person until `until_ns`; `seq` is that of the event that asked."""

    seq: int
    desk: str
    request: OrderRequest
    until_ns: int


class Consent:
    """The questions of one engine, by desk and instrument."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.waiting: dict[tuple[str, str], Question] = {}

    def ask(self, seat: Seat, request: OrderRequest, ts: int, cause: int) -> Question | None:
        """Ask for a request; None, and a refusal, while another of the seat waits for its answer."""
        if seat.key in self.waiting:
            self._refuse(self.waiting[seat.key], "consent_awaited", ts, cause)
            return None
        until_ns = ts + seat.desk.consent_ns
        asked = self._recorder.emit(ConsentAsked, ts, cause, seat.desk_name, request, until_ns)
        self.waiting[seat.key] = question = Question(asked.seq, seat.desk_name, request, until_ns)
        return question

    def take(self, question_id: str) -> Question | None:
        """Return the question of this id, which waits no longer."""
        found = next((key for key, one in self.waiting.items() if str(one.seq) == question_id), None)
        return self.waiting.pop(found) if found is not None else None

    def deny(self, question: Question, code: str, ts: int) -> None:
        """Record that there is no consent: "consent_denied" or "consent_lapsed"."""
        self._refuse(question, code, ts, question.seq)

    def lapse(self, key: tuple[str, str], ts: int) -> None:
        """Let a question go whose time is over."""
        if key in self.waiting and self.waiting[key].until_ns <= ts:
            self.deny(self.waiting.pop(key), "consent_lapsed", ts)

    def _refuse(self, question: Question, code: str, ts: int, cause: int) -> None:
        instrument, numbers = question.request.instrument, ((question.until_ns - ts) / SECOND_NS,)  # still left
        self._recorder.emit(Refused, ts, cause, question.desk, instrument, CONSENT, Tier.STRATEGY, code, numbers)

    def export_state(self) -> list[Any]:
        return [msgspec.to_builtins(one) for _, one in sorted(self.waiting.items())]

    def restore_state(self, state: list[Any]) -> None:
        found = [msgspec.convert(one, Question) for one in state]
        self.waiting = {(one.desk, one.request.instrument): one for one in found}
