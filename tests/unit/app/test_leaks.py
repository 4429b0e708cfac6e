"""The leak audit: what is let go is gone, and who holds the rest is named."""

from __future__ import annotations

import asyncio
import atexit
import logging
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from loligo.host.finder import import_tree
from loligo_bot.leaks import LeakAudit, packages_loaded

PACKAGE = "_tentacles.evaluator_leaky__0123456789ab"
SOURCE = b"""
import threading
from functools import lru_cache
import msgspec
from loligo.api import TentacleSettings

class Settings(TentacleSettings):
    period: int = 3

class Struct(msgspec.Struct):
    mine: "Made | None" = None

class Made:
    def __init__(self):
        self.itself = self

    @lru_cache
    def cached(self):
        return self

    def bound(self, *_):
        return None

def waits(event):
    event.wait()

async def task(future):
    await future
"""
KEPT: list[Any] = []


@lru_cache
def remembered(thing: Any) -> Any:
    return thing


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    yield
    KEPT.clear()
    remembered.cache_clear()


def loaded() -> ModuleType:
    return import_tree(PACKAGE, {"__init__.py": SOURCE}, Path("/nowhere"))


def worked_with(module: ModuleType) -> None:
    made = module.Made()
    assert made.cached() is made
    assert module.Settings.model_validate({"period": 5}).period == 5
    assert module.Struct(made).mine is made
    logging.getLogger(f"{PACKAGE}.logic").debug("here")


def audited(audit: LeakAudit) -> str:
    """Retire the version and return who holds it, "" when nobody does."""
    audit.retire([PACKAGE])
    audit.close()
    assert PACKAGE not in packages_loaded()
    return audit.look().get(PACKAGE, "")


def test_version_with_cycles_caches_of_its_own_and_models_is_gone() -> None:
    worked_with(loaded())
    assert audited(LeakAudit()) == ""


def _in_a_global(module: ModuleType) -> None:
    KEPT.append(module.Made())


def _in_a_cache(module: ModuleType) -> None:
    remembered(module.Made())


def _in_a_logging_handler(module: ModuleType) -> Callable[[], object]:
    handler = logging.NullHandler()
    handler.addFilter(module.Made().bound)
    logging.getLogger("loligo.test").addHandler(handler)
    return lambda: logging.getLogger("loligo.test").removeHandler(handler)


def _at_exit(module: ModuleType) -> Callable[[], object]:
    made = module.Made()
    atexit.register(made.bound)
    reference = weakref.ref(made)
    return lambda: atexit.unregister(made.bound) if (made := reference()) is not None else None


def _on_a_signal(module: ModuleType) -> Callable[[], object]:
    signal.signal(signal.SIGUSR2, module.waits)
    return lambda: signal.signal(signal.SIGUSR2, signal.SIG_DFL)


def _in_a_thread(module: ModuleType) -> Callable[[], object]:
    event = threading.Event()
    thread = threading.Thread(target=module.waits, args=(event,), name="poller")
    thread.start()

    def end() -> None:
        event.set()
        thread.join()

    return end


@pytest.mark.parametrize(
    ("hold", "holder"),
    [
        (_in_a_global, "tests.unit.app.test_leaks.KEPT holds a Made"),
        (_in_a_cache, "cache of tests.unit.app.test_leaks.remembered holds a Made"),
        (_in_a_logging_handler, "logging handler <NullHandler (NOTSET)> holds a Made"),
        (_at_exit, "a callback of atexit, code in C or a local variable holds"),
        (_on_a_signal, "handler of signal SIGUSR2 holds function waits"),
        (_in_a_thread, "thread poller runs its code"),
    ],
)
def test_holder_of_a_version_is_named(hold: Callable[[ModuleType], Callable[[], object] | None], holder: str) -> None:
    end = hold(loaded())
    try:
        assert holder in audited(LeakAudit())
    finally:
        if end is not None:
            end()


def test_pending_task_is_named() -> None:
    async def run() -> str:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(loaded().task(future), name="news")
        await asyncio.sleep(0)
        found = audited(LeakAudit())
        future.set_result(None)
        await task
        return found

    assert "task news holds" in asyncio.run(run())


def test_what_was_held_and_is_not_any_more_is_no_longer_told() -> None:
    audit = LeakAudit()
    KEPT.append(loaded().Made())
    assert audited(audit)
    assert list(audit.holders) == [PACKAGE]
    KEPT.clear()
    assert audit.look() == {}
    assert audit.holders == {}


def test_look_comes_by_itself_when_no_swap_has_come_for_a_while() -> None:
    loaded()
    looked = threading.Event()

    class Told(LeakAudit):
        def look(self) -> dict[str, str]:
            looked.set()
            return super().look()

    audit = Told(quiet_s=0.01)
    audit.retire([PACKAGE])
    assert looked.wait(10)
    assert PACKAGE not in sys.modules
