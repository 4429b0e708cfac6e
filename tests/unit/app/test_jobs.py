"""Jobs: they wait, run in processes of their own, end in every way there is, and are kept."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loligo.errors import LoligoError, NotFound
from loligo.runtime.supervisor import Supervisor
from loligo_bot.jobs.config import JobsConfig
from loligo_bot.jobs.job import Job, State, told
from loligo_bot.jobs.keeper import INTERRUPTED, Jobs
from loligo_bot.jobs.store import JobStore
from loligo_notify.kinds import EXAMPLES, Kind
from tests.fakes.job_mains import MAINS

NOW = "2026-01-02T03:04:05Z"
PAUSE_S = 0.01


class Bench:
    """Jobs of a folder, as a running bot has them."""

    def __init__(self, home: Path, tasks: Supervisor, **config: Any) -> None:
        self.home = home
        self.heard: list[Job] = []
        self.jobs = Jobs(home, JobsConfig(**config), tasks.start, self.heard.append, now=lambda: NOW, mains=MAINS)

    async def add(self, kind: str, *, asked: str = "") -> int:
        job = await self.jobs.add(kind, f"a {kind} one", {"a": 1}, b'{"b": 2}', by="test:anna", asked=asked)
        return job.number

    async def until(self, number: int, is_so: Callable[[Job], bool]) -> Job:
        async with asyncio.timeout(60):
            while not is_so(job := self.jobs.get(number)):
                await asyncio.sleep(PAUSE_S)
        return job

    async def ended(self, number: int) -> Job:
        return await self.until(number, lambda job: job.state.is_ended)

    def files(self, number: int) -> set[str]:
        return {path.name for path in (self.home / "state/jobs" / str(number)).iterdir()}


@asynccontextmanager
async def bench(home: Path, **config: Any) -> AsyncIterator[Bench]:
    async with Supervisor({"edges": 5.0}) as tasks:
        made = Bench(home, tasks, **config)
        made.jobs.open()
        yield made


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_job_runs_in_a_process_of_its_own_and_leaves_its_result(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path, nice=3) as at:
            job = await at.ended(await at.add("good"))
            assert (job.state, job.progress, job.summary) == (State.DONE, 1.0, {"number": 1})
            assert await at.jobs.result(1) == b'{"given": {"b": 2}, "nice": "3"}'
            assert [one.number for one in at.heard] == [1]
            assert "good 1 (a good one) is done" in told(job).text

    run(work())


def test_only_so_many_run_at_once_and_the_others_wait_in_their_order(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path, at_once=2) as at:
            numbers = [await at.add("waiting") for _ in range(4)]
            await at.until(2, lambda job: job.line.startswith("pid"))
            assert [at.jobs.get(one).state for one in numbers] == ["running", "running", "queued", "queued"]
            await at.jobs.cancel(1)
            await at.until(3, lambda job: job.state is State.RUNNING)
            assert at.jobs.get(4).state is State.QUEUED

    run(work())


def test_a_cancelled_job_ends_its_process_and_leaves_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            job = await at.until(await at.add("waiting"), lambda job: job.line.startswith("pid"))
            pid = int(job.line.removeprefix("pid "))
            assert (await at.jobs.cancel(1)).state is State.CANCELLED
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
            assert at.files(1) == {"job.json", "what.json"}
            assert [one.state for one in at.heard] == [State.CANCELLED]

    run(work())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("crashing", "its process was ended by SIGABRT: the last words"),
        ("telling", "the data end in 1969: expected later ones"),
        ("missing", 'this bot knows no jobs of kind "missing"'),
    ],
)
def test_a_job_that_fails_says_why(tmp_path: Path, kind: str, reason: str) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            job = await at.ended(await at.add(kind))
            assert job.state is State.FAILED
            assert job.reason.startswith(reason)
            assert [one.number for one in at.heard] == [1]

    run(work())


def test_what_a_job_says_is_bounded(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            job = await at.ended(await at.add("flooding"))
            assert job.state is State.FAILED
            assert len(job.reason) < 2_100
            assert len(job.line) <= 200

    run(work())


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path, limit_s=0.2) as at:
            job = await at.ended(await at.add("silent"))
            assert (job.state, job.reason) == (State.FAILED, "it took longer than 0.2 s (jobs.limit_s)")

    run(work())


def test_jobs_survive_the_bot_and_what_ran_is_interrupted(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            await at.ended(await at.add("good"))
            await at.until(await at.add("waiting"), lambda job: job.line.startswith("pid"))
            await at.add("good")
        async with bench(tmp_path) as at:
            assert at.jobs.get(1).state is State.DONE
            assert (at.jobs.get(2).state, at.jobs.get(2).reason) == (State.INTERRUPTED, INTERRUPTED)
            assert (await at.ended(3)).state is State.DONE

    run(work())


def test_an_end_that_leaves_no_time_to_write_it_down_is_told_all_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        async with Supervisor({"edges": 0.0}) as tasks:
            at = Bench(tmp_path, tasks)
            at.jobs.open()
            await at.until(await at.add("waiting"), lambda job: job.state is State.RUNNING)
        at.jobs.leave()

    run(work())
    assert json.loads((tmp_path / "state/jobs/1/job.json").read_text())["state"] == "interrupted"


def test_after_a_crash_what_ran_is_interrupted_and_runs_anew_when_wanted(tmp_path: Path) -> None:
    async def work() -> None:
        store = JobStore(tmp_path)
        left = Job(
            number=0, kind="good", title="left", arguments={}, by="cli:root", state=State.RUNNING, created_at=NOW
        )
        store.add(left, b'{"b": 3}')
        async with bench(tmp_path) as at:
            assert at.jobs.get(1).state is State.INTERRUPTED
            await at.jobs.retry(1)
            job = await at.ended(1)
            assert (job.state, job.attempt) == (State.DONE, 2)
            assert await at.jobs.result(1) == b'{"given": {"b": 3}, "nice": "10"}'

    run(work())


def test_a_question_with_a_key_makes_one_job_also_in_the_next_run(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            assert await at.add("good", asked="key-1") == await at.add("good", asked="key-1") == 1
            await at.ended(1)
        async with bench(tmp_path) as at:
            assert await at.add("good", asked="key-1") == 1
            assert await at.add("good", asked="key-2") == 2

    run(work())


def test_the_oldest_that_ended_go_first_and_a_number_is_given_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path, keep=2) as at:
            for _ in range(4):
                await at.ended(await at.add("good"))
            await at.until(4, lambda job: len(at.jobs.list()) == 2)
            await at.jobs.remove(4)
            assert [job.number for job in at.jobs.list()] == [3]
        async with bench(tmp_path, keep=2) as at:
            assert await at.add("good") == 5
            with pytest.raises(NotFound, match="there is no job 4"):
                at.jobs.get(4)

    run(work())


def test_what_runs_is_neither_removed_nor_begun_anew(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            await at.until(await at.add("waiting"), lambda job: job.state is State.RUNNING)
            for change in (at.jobs.remove, at.jobs.retry):
                with pytest.raises(LoligoError, match="waiting 1 is running: cancel it first"):
                    await change(1)

    run(work())


def test_a_file_that_cannot_be_read_hides_no_other_job(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    for _ in range(2):
        store.add(Job(number=0, kind="good", title="", arguments={}, by="a", created_at=NOW), b"{}")
    (store.place(1) / "job.json").write_text("{")
    assert list(store.load()) == [2]


def test_who_waits_for_news_hears_of_the_next_change_and_of_no_earlier_one(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path) as at:
            waiting = asyncio.create_task(at.jobs.after(at.jobs.version, 60))
            await asyncio.sleep(0)
            assert not waiting.done()
            before = at.jobs.version
            await at.add("waiting")
            await waiting
            assert at.jobs.version > before
            await at.jobs.after(before, 60)  # it has changed since: at once

    run(work())


def test_a_cancelled_job_is_told_with_all_that_templates_may_use(tmp_path: Path) -> None:
    async def work() -> None:
        async with bench(tmp_path, at_once=1) as at:
            for _ in range(2):
                await at.add("waiting")
            await at.until(1, lambda job: job.line.startswith("pid"))
            await at.jobs.cancel(2)
            await at.jobs.cancel(1)
            assert [(one.number, one.state) for one in at.heard] == [(2, State.CANCELLED), (1, State.CANCELLED)]
            message = told(at.heard[1])
            assert (message.kind, message.level) == (Kind.JOB_DONE, "info")
            assert message.text == "waiting 1 (a waiting one) is cancelled: cancelled"
            assert message.fields.keys() == EXAMPLES[Kind.JOB_DONE].fields.keys()

    run(work())
