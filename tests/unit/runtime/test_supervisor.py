"""Supervised tasks: stages end in order, within their limits, and failures are heard."""

from __future__ import annotations

import asyncio

import pytest

from loligo.runtime.supervisor import Shutdown, Supervisor


async def for_ever(ended: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def broken() -> None:
    raise ValueError("no such price")


async def deaf() -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


def test_stages_end_in_their_order_whatever_the_order_of_start() -> None:
    ended: list[str] = []

    async def scenario() -> Shutdown:
        tasks = Supervisor({"feeds": 1.0, "engine": 1.0})
        tasks.start(for_ever(ended, "engine"), name="engine", stage="engine")
        tasks.start(for_ever(ended, "feed"), name="feed:replay", stage="feeds")
        await asyncio.sleep(0)
        tasks.stop("SIGTERM")
        return await tasks.shut_down()

    report = asyncio.run(scenario())
    assert ended == ["feed", "engine"]
    assert report == Shutdown(reason="SIGTERM")
    assert report.is_clean


def test_task_that_can_be_asked_ends_by_itself_and_is_not_cancelled() -> None:
    drained: list[str] = []

    async def engine(closed: asyncio.Event) -> None:
        await closed.wait()
        await asyncio.sleep(0)
        drained.append("all")

    async def scenario() -> Shutdown:
        tasks, closed = Supervisor({"engine": 1.0}), asyncio.Event()
        tasks.start(engine(closed), name="engine", stage="engine", ask=closed.set)
        return await tasks.shut_down()

    assert asyncio.run(scenario()).is_clean
    assert drained == ["all"]


def test_failure_of_one_task_is_reported_and_the_others_go_on() -> None:
    ended: list[str] = []

    async def scenario() -> tuple[list[str], Shutdown]:
        async with Supervisor({"feeds": 1.0}) as tasks:
            tasks.start(broken(), name="feed:news", stage="feeds")
            tasks.start(for_ever(ended, "replay"), name="feed:replay", stage="feeds")
            await asyncio.sleep(0.01)
            return list(ended), await tasks.shut_down()

    ended_before, report = asyncio.run(scenario())
    assert ended_before == []
    [(name, error)] = report.failures
    assert (name, str(error)) == ("feed:news", "no such price")
    assert not report.is_clean


def test_end_of_a_task_that_ends_the_run_asks_for_the_end() -> None:
    async def scenario() -> str:
        async with Supervisor({"feeds": 1.0}) as tasks:
            tasks.start(asyncio.sleep(0), name="feed:replay", stage="feeds", ends_run=True)
            return await asyncio.wait_for(tasks.stop_requested(), 1.0)

    assert asyncio.run(scenario()) == "feed:replay ended"


def test_task_that_does_not_end_is_named_and_neither_the_next_stage_nor_the_process_waits_for_it() -> None:
    ended: list[str] = []

    async def scenario() -> tuple[Shutdown, asyncio.Task[object]]:
        tasks = Supervisor({"feeds": 0.02, "engine": 1.0})
        stuck = tasks.start(deaf(), name="feed:deaf", stage="feeds")
        tasks.start(for_ever(ended, "engine"), name="engine", stage="engine")
        await asyncio.sleep(0)
        return await tasks.shut_down(), stuck

    report, stuck = asyncio.run(scenario())  # comes back, although the task is still there
    stuck.get_coro().close()  # type: ignore[union-attr, unused-ignore]
    stuck._log_destroy_pending = False  # type: ignore[attr-defined, unused-ignore]  # that it is pending is the point
    assert report.stuck == ("feed:deaf",)
    assert ended == ["engine"]


def test_what_a_stage_does_not_need_of_its_time_is_left_to_the_next() -> None:
    told: list[str] = []

    async def last_words(asked: asyncio.Event) -> None:
        await asked.wait()
        await asyncio.sleep(0.2)
        told.append("all")

    async def scenario() -> Shutdown:
        tasks, asked = Supervisor({"engine": 5.0, "notifiers": 0.1}), asyncio.Event()
        tasks.start(for_ever([], "engine"), name="engine", stage="engine")
        tasks.start(last_words(asked), name="telegram", stage="notifiers", ask=asked.set)
        await asyncio.sleep(0)
        return await tasks.shut_down()

    assert asyncio.run(scenario()).is_clean
    assert told == ["all"]


def test_first_reason_to_stop_stays() -> None:
    async def scenario() -> Shutdown:
        tasks = Supervisor({"feeds": 1.0})
        tasks.stop("SIGINT")
        tasks.stop("SIGTERM")
        return await tasks.shut_down()

    assert asyncio.run(scenario()).reason == "SIGINT"


def test_unknown_stage_is_refused_with_the_known_ones() -> None:
    async def scenario() -> None:
        with pytest.raises(KeyError, match="expected one of feeds, engine"):
            Supervisor({"feeds": 1.0, "engine": 1.0}).start(asyncio.sleep(0), name="x", stage="web")

    asyncio.run(scenario())
