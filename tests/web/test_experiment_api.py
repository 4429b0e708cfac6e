"""A/B tests over HTTP: read, taken away as files that prove themselves, begun, promoted and stopped by programs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from loligo_lab.experiment_files import is_confirmed, recomputed
from loligo_web.server import FIRST_LINK_FILE
from tests.fakes.experiments import TESTS, page_of_tests
from tests.web.running import RunningPage
from tests.web.site import Visitor, join

LUCK = "a gap this big would show up"
START = {"name": "by_http", "control": "trend", "changes": {"evaluators.rsi.settings.period": 9}, "days": 60}


def run(home: Path, story: Callable[[Visitor], Awaitable[None]]) -> None:
    async def within(address: str) -> None:
        async with asyncio.timeout(60), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            link = (home / FIRST_LINK_FILE).read_text().strip().removeprefix(address)
            await story(await join(Visitor(session, address), link, "anna"))

    with page_of_tests(home) as (address, _):
        asyncio.run(within(address))


def test_every_verdict_is_read_and_its_export_alone_comes_to_it_again(tmp_path: Path) -> None:
    async def story(anna: Visitor) -> None:
        _, listed = await anna.get("/api/v1/experiments")
        verdicts = {one["name"]: one["verdict"] for one in listed["experiments"]}
        assert verdicts.keys() == TESTS.keys()
        assert {*verdicts.values()} == {
            *("too_early", "no_clear_difference", "challenger_better", "control_better"),
            *("practically_the_same", "stopped", "invalid"),
        }
        for name in verdicts.keys() - {"not_begun"}:
            _, told = await anna.get(f"/api/v1/experiment/export?name={name}&format=json")
            status, document = await anna.get(f"/experiments/{name}/export?format=json")
            assert status == 200 and told["name"] == f"experiment-{name}.json"
            assert is_confirmed(document) and recomputed(document).verdict == verdicts[name]
            status, page = await anna.get(f"/experiments/{name}/export?format=html")
            assert status == 200 and document["judgement"]["headline"] in page
            assert any(one["luck"] for one in document["judgement"]["pairs"]) == (LUCK in page), name
            assert ("the band counts for nothing" in page) == (verdicts[name] == "invalid")

    run(tmp_path, story)


def test_whoever_reads_of_a_test_at_equal_risk_reads_how_the_control_counts(tmp_path: Path) -> None:
    async def story(anna: Visitor) -> None:
        _, listed = await anna.get("/api/v1/experiments")
        rows = {one["name"]: one for one in listed["experiments"]}
        row = rows["equal_risk"]
        assert (row["control_counts"], rows["open"]["control_counts"]) == (1.5, 1.0)
        assert row["headline"] == "No clear difference yet at equal risk"
        begins = "At equal risk, with the returns of trend counted 1.5 times, after 80 days dips is "
        assert row["sentence"].startswith(begins)
        for path in ("/experiments", "/experiments/equal_risk"):
            status, page = await anna.get(path)
            assert status == 200 and row["sentence"] in page and row["headline"] in page
        assert "dips ahead by, at equal risk" in page and "Days on which they differed, at equal risk" in page
        _, page = await anna.get("/experiments/open")
        assert "t equal risk" not in page

    run(tmp_path, story)


def test_what_cannot_be_done_to_a_test_is_told_with_the_reason(tmp_path: Path) -> None:
    async def story(anna: Visitor) -> None:
        headers = {"Idempotency-Key": "k"}
        for path, given, status, words in (
            ("promote", {"name": "worse"}, 422, "no challenger has won: trend is better"),
            ("promote", {"name": "open"}, 422, "no challenger has won: No clear difference yet"),
            ("promote", {"name": "many", "challenger": "dips"}, 422, "expected one of arm_b"),
            ("promote", {"name": "ended"}, 422, "has ended already"),
            ("stop", {"name": "ended"}, 422, "has ended already"),
            ("stop", {"name": "nothing"}, 404, 'there is no experiment "nothing"'),
            ("stop", {"nam": "open"}, 422, "nam"),
        ):
            answer = await anna.post(f"/api/v1/experiment/{path}", json=given, headers=headers)
            assert answer[0] == status and words in str(answer[1]), answer
        status, told = await anna.post("/api/v1/experiment/stop", json={"name": "open"})
        assert status == 400 and "Idempotency-Key" in str(told)
        status, told = await anna.get("/experiments/not_begun/export?format=json")
        assert status == 404 and "Until then there is nothing of it" in str(told)

    run(tmp_path, story)


def test_a_test_is_begun_read_and_stopped_by_a_program(running: RunningPage) -> None:
    async def story() -> None:
        async with asyncio.timeout(120), aiohttp.ClientSession(headers=running.headers()) as session:
            page = Visitor(session, running.address)

            async def change(verb: str, key: str, **given: Any) -> tuple[int, Any]:
                headers = {"Idempotency-Key": key, "Origin": None, "X-CSRF-Token": None}
                return await page.post(f"/api/v1/experiment/{verb}", json=given, headers=headers)

            status, wrong = await change("start", "wrong", **{**START, "changes": {"evaluators.rsi.settings.perod": 9}})
            assert status == 422 and 'did you mean "period"?' in str(wrong)
            status, begun = await change("start", "one", **START)
            assert (status, begun["result"]) == (200, "good") and begun["plan"]["days_planned"] == 60
            assert (await change("start", "one", **START))[1] == begun  # asked twice, begun once
            _, listed = await page.get("/api/v1/experiments")
            (row,) = [one for one in listed["experiments"] if one["name"] == "by_http"]
            assert row["challengers"] == ["by_http_b"] and not row["is_ended"]
            status, ended = await change("stop", "two", name="by_http", why="enough")
            assert (status, ended["result"]) == (200, "good")
            _, told = await page.get("/api/v1/experiment?name=by_http")
            assert told["is_ended"]

    asyncio.run(story())
