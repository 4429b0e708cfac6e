"""Jobs over the streams of a bot at work: told as they change, without anybody asking every second."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from tests.web.running import RunningPage
from tests.web.test_live import read_events

LIMIT_S = 120.0  # for a backtest, on a busy machine


async def next_event(response: aiohttp.ClientResponse) -> dict[str, str]:
    [event] = await read_events(response, 1)
    return event


async def started(session: aiohttp.ClientSession, page: RunningPage, key: str) -> int:
    async with session.post(
        f"{page.address}/api/v1/backtest/start",
        json={"desks": ["dips"], "note": "told as it goes"},
        headers={"Idempotency-Key": key},
    ) as response:
        return int((await response.json())["number"])


def test_a_stream_tells_of_a_job_from_its_beginning_to_its_end(running: RunningPage) -> None:
    async def story() -> None:
        async with (
            asyncio.timeout(LIMIT_S),
            aiohttp.ClientSession(headers=running.headers("trade")) as session,
            session.get(f"{running.address}/events?topics=jobs") as response,
        ):
            number, states, seen = 0, list[str](), list[Any]()
            while states[-1:] != ["done"]:
                event = await next_event(response)
                assert event["event"] == "jobs" and "id" not in event
                seen = [one for one in json.loads(event["data"])["jobs"] if one["number"] == number]
                states += [one["state"] for one in seen if one["state"] != (states or [""])[-1]]
                number = number or await started(session, running, "jobs-1")
            assert seen[0]["title"] == "told as it goes"
            assert states[-1] == "done" and set(states) <= {"queued", "running", "done"}

    asyncio.run(story())


def test_pages_hear_that_jobs_have_changed(running: RunningPage) -> None:
    async def story() -> None:
        async with (
            asyncio.timeout(LIMIT_S),
            aiohttp.ClientSession(headers=running.headers("trade")) as session,
            session.get(f"{running.address}/live") as response,
        ):
            heard, is_asked = 0, False
            while heard < 2:  # as they are, and what changes then
                heard += "jobs" in json.loads((await next_event(response))["data"])
                if heard and not is_asked:
                    is_asked = bool(await started(session, running, "jobs-2"))

    asyncio.run(story())


def test_a_socket_tells_of_jobs_where_that_is_wanted(running: RunningPage) -> None:
    async def story() -> None:
        async with (
            asyncio.timeout(LIMIT_S),
            aiohttp.ClientSession(headers=running.headers("trade")) as session,
            session.ws_connect(f"{running.address}/api/v1/ws?topics=jobs") as socket,
        ):
            assert isinstance((await socket.receive_json())["jobs"], list)
            number = await started(session, running, "jobs-3")
            while not any(one["number"] == number for one in (await socket.receive_json())["jobs"]):
                pass

    asyncio.run(story())
