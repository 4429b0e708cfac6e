"""What helps whoever looks for trouble, over HTTP, of a bot at work: by role."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from tests.web.running import RunningPage


def asked(page: RunningPage, role: str, path: str) -> tuple[int, Any]:
    async def story() -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession(headers=page.headers(role)) as session,
            session.get(f"{page.address}/api/v1/{path}") as response,
        ):
            return response.status, await response.json()

    return asyncio.run(story())


def test_diagnostics_tell_what_whoever_asks_may_see_and_no_secret(running: RunningPage) -> None:
    status, file = asked(running, "view", "diagnostics")
    told = json.loads(file["content"])
    assert (status, file["media_type"], told["status"]["mode"]) == (200, "application/json", "replay")
    assert set(told["logs"]) == {"file", "log"}
    assert not [token for token in running.tokens.values() if token in file["content"]]


def test_a_report_is_read_by_its_name_alone(running: RunningPage) -> None:
    status, problem = asked(running, "view", "report/read?name=../config/loligo.yaml")
    assert (status, "there is no report" in problem["detail"]) == (404, True)


def test_sessions_limits_and_failures_are_told_to_whoever_may_look(running: RunningPage) -> None:
    status, known = asked(running, "view", "sessions")
    assert status == 200, known
    [session] = known["sessions"]
    assert (session["number"], session["is_newest"], session["first_seq"]) == (1, True, 1)
    for path, name in (("risk/hits", "hits"), ("failures", "groups"), ("reports", "reports")):
        status, answer = asked(running, "view", path)
        assert status == 200 and isinstance(answer[name], list)
