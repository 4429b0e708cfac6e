"""The owner of all tasks of a running bot: starts them by name, hears them fail, ends them stage by stage.

What must hold: no task outlives the supervisor unheard; a failure is logged and reported; the bot ends within the sum
of its stages' limits. That last one is why this is not an `asyncio.TaskGroup`, which waits for ever for a task that
ignores its cancellation: here such a task is named in the report and left behind, and the process ends without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from loligo.log import get_logger

_log = get_logger("runtime")
_Work = Coroutine[Any, Any, object]
_End = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """How a bot ended: why, which tasks failed (name and error) and which did not end in time."""

    reason: str
    failures: tuple[tuple[str, BaseException], ...] = ()
    stuck: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not self.failures and not self.stuck


@dataclass(frozen=True, slots=True)
class _Owned:
    stage: str
    end: _End


class Supervisor:
    """Runs tasks until somebody asks it to stop. `stages`: name -> seconds its tasks have to end, first to end first,
    and what those before it left of theirs.

    Use as `async with Supervisor({"feeds": 0.5, "engine": 1.0}) as tasks: ...; await tasks.stop_requested()`.
    """

    def __init__(self, stages: Mapping[str, float]) -> None:
        self._stages = dict(stages)
        self._tasks: dict[asyncio.Task[Any], _Owned] = {}
        self._failures: list[tuple[str, BaseException]] = []
        self._stuck: list[str] = []
        self._stop = asyncio.Event()
        self._reason = ""

    def start(
        self, coroutine: _Work, *, name: str, stage: str, ask: _End | None = None, ends_run: bool = False
    ) -> asyncio.Task[Any]:
        """Run a coroutine as a task of `stage` and return it.

        `ask` lets it end by itself at shutdown, before it is cancelled. With `ends_run` the end of the task, good or
        bad, stops the bot; without it a failure is reported and the others go on. KeyError for an unknown stage.
        """
        if stage not in self._stages:
            coroutine.close()
            raise KeyError(f'stage "{stage}" of task "{name}": expected one of {", ".join(self._stages)}')
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks[task] = _Owned(stage, ask or task.cancel)
        task.add_done_callback(self._on_end)
        if ends_run:
            task.add_done_callback(lambda ended: self.stop(f"{ended.get_name()} ended"))
        return task

    def stop(self, reason: str) -> None:
        """Ask for the end; the first reason stays. On the loop's thread only, as a signal handler of the loop is."""
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()

    async def stop_requested(self) -> str:
        """Wait until somebody asks for the end and return the reason."""
        await self._stop.wait()
        return self._reason

    async def shut_down(self) -> Shutdown:
        """End all tasks, stage by stage, and return how that went. A second call finds nothing left to do."""
        self.stop("shut down")
        until_s = (clock := asyncio.get_running_loop().time)()
        for stage, limit_s in self._stages.items():
            until_s += limit_s  # what one stage does not need is left to those after it
            await self._end_stage(stage, until_s - clock())
        return Shutdown(reason=self._reason, failures=tuple(self._failures), stuck=tuple(self._stuck))

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.stop("error" if error else "left")
        await self.shut_down()

    async def _end_stage(self, stage: str, limit_s: float) -> None:
        """Ask those that can be asked, cancel the rest; cancel the asked ones after half the time."""
        owned = {task: own for task, own in self._tasks.items() if own.stage == stage}
        for own in owned.values():
            own.end()
        pending = await _wait(set(owned), limit_s / 2)
        for task in pending:
            task.cancel()
        for task in await _wait(pending, limit_s / 2):
            self._stuck.append(task.get_name())
            del self._tasks[task]
            asyncio.tasks._unregister_task(task)  # asyncio's door for tasks it does not own: `run` would wait for ever
            _log.error("task did not end in time", task=task.get_name(), stage=stage, limit_s=limit_s)

    def _on_end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append((task.get_name(), error))
            _log.error("task failed", task=task.get_name(), exc_info=error)


async def _wait(tasks: set[asyncio.Task[Any]], limit_s: float) -> set[asyncio.Task[Any]]:
    """Return the tasks that are not done after `limit_s`."""
    return (await asyncio.wait(tasks, timeout=limit_s))[1] if tasks else tasks
