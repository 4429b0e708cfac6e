"""Changes that leave no command and no exchange are noted, and nobody waits for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import Field

from loligo.errors import BadArguments, LoligoError, NotFound
from loligo.model.command import Noted, SwapResult
from loligo.ports.door import Actor, Role
from loligo.runtime.inbox import Inbox
from loligo.runtime.supervisor import Supervisor
from loligo_bot.door.inside import Inside
from loligo_bot.door.noting import Noting
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.operating import Done
from loligo_bot.wish import SwapReport, Wish
from tests.fakes.inside import inside

ASKED = Asked(Actor(name="web:anna", role=Role.ADMIN))


class Job(Arguments):
    """Which one, and with what."""

    name: str = "7"
    values: dict[str, str] = Field(default={})


def offer(serve: Callable[..., Coroutine[Any, Any, Done]]) -> Offer:
    return changing("job.turn", "turn a job", Role.TRADE, Job, Done, serve)


def refusing(error: LoligoError) -> Offer:
    async def serve(*_: Any) -> Done:
        raise error

    return offer(serve)


def left_by(story: Callable[[Inside], Coroutine[Any, Any, None]], report: SwapReport | None = None) -> list[Noted]:
    """Return the notes that wait for an engine that takes nothing."""
    inbox = Inbox()

    async def reconcile(_wish: Wish) -> SwapReport | None:
        await asyncio.sleep(0)
        return report

    async def whole() -> None:
        async with Supervisor({"edges": 1.0}) as tasks:
            parts = {"thread": SimpleNamespace(inbox=inbox), "reconciler": SimpleNamespace(reconcile=reconcile)}
            await story(inside(tasks=tasks, **parts))

    asyncio.run(whole())
    return [item for item in inbox.first if isinstance(item, Noted)]


def test_what_was_done_is_noted_and_an_engine_that_hangs_is_not_waited_for() -> None:
    async def serve(*_: Any) -> Done:
        return Done(is_done=True, message="it is turned")

    async def story(behind: Inside) -> None:
        await Noting().serve(behind, offer(serve), ASKED, Job(name="8"))

    facts = {"role": "admin", "on": "8", "is_done": "yes"}
    assert left_by(story) == [Noted(0, "request", "job.turn", "web:anna", "job.turn 8: it is turned", facts)]


def test_the_same_refusal_is_noted_once_a_minute() -> None:
    noting, missing = Noting(), refusing(NotFound("there is none"))

    async def story(behind: Inside) -> None:
        for name in ("8", "8", "9"):
            with pytest.raises(NotFound):
                await noting.serve(behind, missing, ASKED, Job(name=name))

    told = [(note.text, note.facts["is_done"]) for note in left_by(story)]
    assert told == [("job.turn 8: there is none", "no"), ("job.turn 9: there is none", "no")]


def test_of_values_that_were_refused_only_their_names_are_noted() -> None:
    error = BadArguments("values.token = 's3cret': expected a number", {"values.token": "s3cret"})

    async def story(behind: Inside) -> None:
        with pytest.raises(BadArguments):
            await Noting().serve(behind, refusing(error), ASKED, Job(name="8", values={"token": "s3cret"}))

    assert [note.text for note in left_by(story)] == ["job.turn 8: refused because of values.token; the log says why"]


@pytest.mark.parametrize(
    ("result", "by", "noted"),
    [
        (SwapResult.GOOD, "web:anna", []),  # the history of swaps tells of it
        (SwapResult.UNCHANGED, "web:anna", ["job.turn 8: nothing to do"]),
        (SwapResult.GOOD, "web:bert", ["job.turn 8: nothing to do"]),
    ],
)
@pytest.mark.parametrize("patience_s", [0.0, 5.0])
def test_an_exchange_is_noted_only_where_it_is_not_told_in_the_name_of_who_asked(
    result: SwapResult, by: str, noted: list[str], patience_s: float
) -> None:
    async def serve(behind: Inside, asked: Asked, _given: Job) -> Done:
        await behind.swap(Wish(by=asked.actor.name), patience_s)
        return Done(is_done=True, message="nothing to do")

    async def story(behind: Inside) -> None:
        await Noting().serve(behind, offer(serve), ASKED, Job(name="8"))
        while any(task.get_name() == "swap" for task in asyncio.all_tasks()):
            await asyncio.sleep(0)

    report = SwapReport(result=result, number=2, text="nothing to do", by=by)
    assert [note.text for note in left_by(story, report)] == noted
