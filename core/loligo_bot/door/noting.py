"""Noting: a change that left nothing in the journal by itself is noted there, done or refused, for the verb audit.

What must hold: a note has who asked, the verb, on what, and what came of it, but no argument that may hold a secret;
nobody waits for the engine; the same question with the same key is noted once, and so is the same refusal within a
minute. What only tries out, and what somebody has read, is no change of the bot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from loligo.errors import BadArguments, LoligoError
from loligo.log import masked
from loligo.ports.door import Answer, Role, Verb
from loligo_bot.door.audit import REQUEST, Lately, note
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked, Offer
from loligo_bot.door.trail import begin
from loligo_bot.wish import LONGEST_TEXT, SwapReport

LONGEST_SUBJECT = 200
UNFINISHED = "it came to no end; the log says why"
_SUBJECTS = (  # arguments that say on what; the first that was given
    *("name", "target", "order", "number", "id", "scope", "experiment", "control", "session", "desk"),
    *("instrument", "to", "period", "place", "level"),
)
_FREE = {"text", "source", "upload", "overrides"}  # arguments that may hold anything; mappings may, too
_Outcome = tuple[bool, str]


class Noting:
    """Serves changes, and notes those that do not tell of themselves."""

    def __init__(self) -> None:
        self._refused = Lately()

    async def serve(self, inside: Inside, offer: Offer, asked: Asked, given: BaseModel) -> Answer:
        """Return what the verb answers, or raise what it raises."""
        if offer.verb.role is Role.VIEW or getattr(given, "dry_run", False):
            return await offer.serve(inside, asked, given)
        trail, outcome = begin(), (False, UNFINISHED)
        tell = partial(self._note, inside, offer.verb, asked, given)
        try:
            answer = await offer.serve(inside, asked, given)
            outcome = _answered(answer, given)
            return answer
        except LoligoError as exc:
            outcome = False, _refusal(exc, given)
            raise
        finally:
            if trail.swap is not None and not trail.swap.done():
                trail.swap.add_done_callback(lambda swap: None if trail.is_told else tell(*_swapped(swap)))
            elif not trail.is_told:
                tell(*outcome)

    def _note(self, inside: Inside, verb: Verb, asked: Asked, given: BaseModel, is_done: bool, said: str) -> None:
        subject = _subject(given)
        text = f"{' '.join(filter(None, (verb.name, subject)))}: {masked(said)}"[:LONGEST_TEXT]
        if is_done or self._refused.is_new(asked.actor.name, text):
            note(inside, REQUEST, asked.actor, verb.name, text, on=subject, is_done="yes" if is_done else "no")


def _subject(given: BaseModel) -> str:
    found = (getattr(given, name) for name in _SUBJECTS if name in given.model_fields_set)
    return str(masked(str(next((one for one in found if one not in (None, "")), ""))))[:LONGEST_SUBJECT]


def _is_free(given: BaseModel) -> bool:
    """Say whether there are arguments that an answer may repeat and that may hold a secret."""
    return any(name in _FREE or _holds_mapping(getattr(given, name)) for name in given.model_fields_set)


def _holds_mapping(value: Any) -> bool:
    inner = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(one, Mapping | BaseModel) for one in inner)


def _answered(answer: Answer, given: BaseModel) -> _Outcome:
    is_done = bool(getattr(answer, "is_done", True))
    said = "" if _is_free(given) else str(getattr(answer, "message", ""))
    return is_done, said or ("done" if is_done else "not done")


def _refusal(error: LoligoError, given: BaseModel) -> str:
    if not _is_free(given):
        return str(error)
    wrong = ", ".join(sorted(error.problems)) if isinstance(error, BadArguments) else ""
    return f"refused{f' because of {wrong}' if wrong else ''}; the log says why"


def _swapped(swap: asyncio.Task[SwapReport]) -> _Outcome:
    if swap.cancelled() or swap.exception() is not None:
        return False, UNFINISHED
    return swap.result().is_done, swap.result().text
