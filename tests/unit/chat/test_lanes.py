"""Requests of one chat are taken in their order, and one that takes long holds up nobody for long."""

from __future__ import annotations

import asyncio

import structlog
from structlog.testing import capture_logs

from loligo_chat import Lanes

LOG = structlog.get_logger()


def test_requests_of_a_chat_are_answered_in_their_order_and_chats_beside_each_other() -> None:
    async def go() -> None:
        said: list[str] = []
        gate = asyncio.Event()

        async def first() -> None:
            await gate.wait()
            said.append("first")

        async def say(text: str) -> None:
            said.append(text)
            gate.set()

        async with Lanes(LOG) as lanes:
            lanes.put("a", first)
            lanes.put("a", lambda: say("second"))
            lanes.put("b", lambda: say("other"))
        assert said == ["other", "first", "second"]

    asyncio.run(go())


def test_who_takes_longer_than_patience_is_overtaken_and_ended_with_the_lanes() -> None:
    async def go() -> None:
        said = asyncio.Event()

        async def say() -> None:
            said.set()

        async with Lanes(LOG, patience_s=0.001, last_s=lambda: 0.001) as lanes:
            lanes.put("a", asyncio.Event().wait)  # type: ignore[arg-type]
            lanes.put("a", say)
            await said.wait()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(go())


def test_what_fails_is_logged_and_stops_nothing_and_a_full_lane_says_so() -> None:
    async def go() -> list[object]:
        said: list[str] = []

        async def fail() -> None:
            raise ValueError("a fault")

        async def say() -> None:
            said.append("still here")

        with capture_logs() as lines:
            async with Lanes(LOG, most=2) as lanes:
                for work in (fail, say, say):
                    lanes.put("a", work)
        assert said == ["still here"]
        return [line.get("error", line["event"]) for line in lines]

    assert asyncio.run(go()) == ["a chat asks faster than it is answered, a request is left out", "ValueError: a fault"]
