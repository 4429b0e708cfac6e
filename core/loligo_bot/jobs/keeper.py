"""The jobs of a running bot: they wait, run so many at once, end, are kept for a while; on the bot's event loop.

What must hold: every change of state is on disk before it is told; at the bot's end every child is ended and its job
says `interrupted`, after a crash the next start says so; a cancelled job leaves nothing but itself.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from loligo.errors import LoligoError, NotFound
from loligo.log import get_logger
from loligo_bot.jobs.child import Child
from loligo_bot.jobs.config import JobsConfig
from loligo_bot.jobs.job import Job, State
from loligo_bot.jobs.store import RESULT, JobStore
from loligo_bot.tracing import span

MAINS = {  # "module:function" that a child runs, by kind
    "backtest": "loligo_bot.backtest_job:main",
    "cross_check": "loligo_bot.cross_check_job:main",
    "historic": "loligo_bot.historic_job:main",
    "replay": "loligo_bot.recheck_job:replay",
    "scan": "loligo_bot.scan_job:main",
    "reality": "loligo_bot.recheck_job:check_reality",
}
INTERRUPTED = "the bot ended while it ran; `retry` begins it anew"
LONGEST_LINE = 200
_log = get_logger("jobs")


class Start(Protocol):
    """Starts a task that is asked to end before it is cancelled, when the bot ends."""

    def __call__(
        self, coroutine: Any, *, name: str, stage: str, ask: Callable[[], object] | None = None
    ) -> asyncio.Task[Any]: ...


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Jobs:
    """All jobs of one bot. `tell` hears of each that has ended, unless the bot's end interrupted it. `version` counts
    what has changed, progress included."""

    def __init__(
        self,
        home: Path,
        config: JobsConfig,
        start: Start,
        tell: Callable[[Job], object],
        *,
        now: Callable[[], str] = utc_now,
        mains: Mapping[str, str] = MAINS,
    ) -> None:
        self._home, self._config, self._start, self._tell, self._now, self._mains = (
            home,
            config,
            start,
            tell,
            now,
            mains,
        )
        self._store = JobStore(home)
        self._jobs: dict[int, Job] = {}
        self._running: dict[int, _Run] = {}
        self._turn = asyncio.Lock()  # of those who write
        self._is_closing = False
        self.version = 0
        self._changed = asyncio.Event()

    # What there is

    def list(self, kind: str = "") -> list[Job]:
        """Return the jobs of a kind, the newest first."""
        return [job for _, job in sorted(self._jobs.items(), reverse=True) if not kind or job.kind == kind]

    def get(self, number: int, kind: str = "") -> Job:
        """Return a job. NotFound when there is none of that number and kind."""
        job = self._jobs.get(number)
        if job is None or (kind and job.kind != kind):
            what = kind or "job"
            known = [str(one.number) for one in self.list(kind)[:5]]
            raise NotFound(f"there is no {what} {number}; the newest are {', '.join(known) or 'none'}")
        return job

    async def result(self, number: int) -> bytes:
        """Return the result of a job. NotFound when it has none."""
        try:
            return await asyncio.to_thread(self._store.result, number)
        except FileNotFoundError as exc:
            raise NotFound(f"{self.get(number).kind} {number} has no result: it is {self.get(number).state}") from exc

    async def given(self, number: int) -> bytes:
        """Return what a job was given. NotFound when that is gone."""
        try:
            return await asyncio.to_thread(self._store.given, number)
        except FileNotFoundError as exc:
            raise NotFound(f"what {self.get(number).kind} {number} was given is gone from state/jobs") from exc

    async def after(self, version: int, within_s: float) -> None:
        """Return as soon as anything has changed since a version, or after that time."""
        if self.version == version:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._changed.wait()

    def _has_changed(self) -> None:
        self.version += 1
        self._changed.set()  # wakes all who wait now
        self._changed.clear()

    # Changes

    def open(self) -> None:
        """Take up what the run before has left: what ran was interrupted, what waited goes on waiting. It blocks, for
        the bot has not begun."""
        self._jobs = self._store.load()
        for number, job in self._jobs.items():
            if job.state is State.RUNNING:
                self._jobs[number] = self._ended(job, State.INTERRUPTED, INTERRUPTED)
                self._store.save(self._jobs[number])
        self._go_on()

    def leave(self) -> None:
        """Say what was interrupted where the time for it was too short: after the tasks' end, when nobody else writes.
        It blocks."""
        for job in self.list():
            if job.state is State.RUNNING:
                self._jobs[job.number] = ended = self._ended(job, State.INTERRUPTED, INTERRUPTED)
                self._store.save(ended)

    async def add(self, kind: str, title: str, arguments: dict[str, Any], what: bytes, *, by: str, asked: str) -> Job:
        """Let a job wait for its turn. One with the id of a question (`asked`) is made once, also across restarts."""
        known = next((job for job in self._jobs.values() if asked and job.asked == asked), None)
        if known is not None:
            return known
        job = Job(number=0, kind=kind, title=title, arguments=arguments, by=by, asked=asked, created_at=self._now())
        async with self._turn:
            job = await asyncio.to_thread(self._store.add, job, what)
            self._jobs[job.number] = job
        self._has_changed()
        self._go_on()
        return self._jobs[job.number]

    async def cancel(self, number: int, kind: str = "") -> Job:
        """End a job that waits or runs; one that has ended stays as it is. Returns once its process is gone."""
        job = self.get(number, kind)
        run = self._running.get(number)
        if run is not None:
            run.end(State.CANCELLED, "cancelled")
            await run.is_over.wait()
        elif job.state is State.QUEUED:
            await self._end(job, State.CANCELLED, "cancelled before it began")
            self._tell(self._jobs[number])
        return self.get(number, kind)

    async def retry(self, number: int, kind: str = "") -> Job:
        """Let an ended job run anew, with what it was given the first time. LoligoError while it waits or runs."""
        job = self.get(number, kind)
        if not job.state.is_ended:
            raise LoligoError(f"{job.kind} {number} is {job.state}: cancel it first")
        await asyncio.to_thread(self._store.clear, number)
        fresh = {"state": State.QUEUED, "progress": 0.0, "line": "", "reason": "", "started_at": "", "ended_at": ""}
        await self._save(job.changed(**fresh, attempt=job.attempt + 1, summary={}))
        self._go_on()
        return self._jobs[number]

    async def remove(self, number: int, kind: str = "") -> Job:
        """Remove an ended job with its result. LoligoError while it waits or runs."""
        job = self.get(number, kind)
        if not job.state.is_ended:
            raise LoligoError(f"{job.kind} {number} is {job.state}: cancel it first")
        del self._jobs[number]
        self._has_changed()
        await asyncio.to_thread(self._store.remove, number)
        return job

    def close(self) -> None:
        """End every child: the bot ends."""
        self._is_closing = True
        self._has_changed()  # nobody waits for more
        for run in list(self._running.values()):
            run.end(State.INTERRUPTED, INTERRUPTED)

    # Running

    def _go_on(self) -> None:
        waiting = [job for _, job in sorted(self._jobs.items()) if job.state is State.QUEUED]
        for job in waiting:
            if self._is_closing or len(self._running) >= self._config.at_once:
                return
            if job.number not in self._running:
                run = self._running[job.number] = _Run()
                self._start(self._work(job, run), name=f"{job.kind} {job.number}", stage="edges", ask=self.close)

    async def _work(self, job: Job, run: _Run) -> None:
        try:
            job = await self._save(job.changed(state=State.RUNNING, started_at=self._now()))
            state, reason = await self._run(job, run)
            if state is not State.DONE:
                await asyncio.to_thread(self._store.clear, job.number)
            await self._end(self._jobs[job.number], state, reason)
        finally:
            del self._running[job.number]
            run.is_over.set()
        if state is not State.INTERRUPTED:
            self._tell(self._jobs[job.number])
        await self._prune()
        self._go_on()

    async def _run(self, job: Job, run: _Run) -> tuple[State, str]:
        """Return how it ended."""
        if run.ending is not None:
            return run.ending
        main, folder = self._mains.get(job.kind), self._store.place(job.number)
        if main is None:  # it was left by another version
            return State.FAILED, f'this bot knows no jobs of kind "{job.kind}"; it knows {", ".join(self._mains)}'
        try:
            child = run.child = Child(main, self._home, folder, self._config.nice)
        except OSError as exc:
            return State.FAILED, f"no process could be started: {exc}"
        try:
            with span(f"job {job.kind}", number=job.number):
                async with asyncio.timeout(self._config.limit_s):
                    code = await child.ended(lambda line: self._hear(job.number, line))
        except TimeoutError:
            return State.FAILED, f"it took longer than {self._config.limit_s:g} s (jobs.limit_s)"
        except asyncio.CancelledError:
            run.ending = State.INTERRUPTED, INTERRUPTED
            return run.ending  # the bot ends, and this still has to be written
        finally:
            child.kill()
        if run.ending is not None:
            return run.ending
        if code == 0 and (folder / RESULT).exists():
            return State.DONE, ""
        return State.FAILED, child.failure or _crash(code, child.last_words())

    def _hear(self, number: int, line: Mapping[str, Any]) -> None:
        """Take what a child tells; that is kept in memory until it ends."""
        job = self._jobs.get(number)
        if job is None:
            return
        progress = line.get("progress", job.progress)
        if isinstance(progress, int | float):
            progress = min(max(float(progress), 0.0), 1.0)
        told = str(line.get("line", job.line))[:LONGEST_LINE]
        summary = line.get("summary", job.summary)
        self._jobs[number] = job.changed(progress=progress, line=told, summary=summary)
        self._has_changed()

    async def _end(self, job: Job, state: State, reason: str) -> None:
        await self._save(self._ended(job, state, reason))

    def _ended(self, job: Job, state: State, reason: str) -> Job:
        _log.info("job ended", kind=job.kind, number=job.number, state=str(state), reason=reason)
        progress = 1.0 if state is State.DONE else job.progress
        summary = job.summary if state is State.DONE else {}
        return job.changed(state=state, reason=reason, progress=progress, summary=summary, ended_at=self._now())

    async def _save(self, job: Job) -> Job:
        async with self._turn:
            await asyncio.to_thread(self._store.save, job)
            self._jobs[job.number] = job
        self._has_changed()
        return job

    async def _prune(self) -> None:
        ended = [job.number for job in self.list() if job.state.is_ended]
        for number in ended[self._config.keep :]:
            await self.remove(number)


class _Run:
    """One run of a job; `ending` is what it is to end with, once somebody wants it to."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.ending: tuple[State, str] | None = None
        self.is_over = asyncio.Event()

    def end(self, state: State, reason: str) -> None:
        self.ending = self.ending or (state, reason)
        if self.child is not None:
            self.child.kill()


def _crash(code: int, words: str) -> str:
    """Return why a process ended that did not say so itself, with its last words."""
    how = (
        f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"its process ended with code {code}"
    )
    last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "")
    return f"{how}: {last}" if last else how
