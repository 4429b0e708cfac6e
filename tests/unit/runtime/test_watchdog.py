"""The watchdog: whom it interrupts and when, whom it leaves alone, and what it does when nothing helps."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from loligo.errors import TENTACLE_FAULTS, TentacleInterrupted
from loligo.model.timeframe import SECOND_NS, ns_from_iso
from loligo.runtime.watchdog import EXIT_CODE, PANIC_LIMIT_S, SHOWN_AFTER_S, Watchdog

TIMEOUT_S = 5.0
TENTACLE = """
def on_candle(begun, is_over):
    begun.set()
    while not is_over.is_set():
        beats.append(0)

def careless(begun, is_over):
    while not is_over.is_set():
        try:
            on_candle(begun, is_over)
        except Exception:
            pass

def stubborn(begun, is_over):
    while not is_over.is_set():
        try:
            on_candle(begun, is_over)
        except BaseException as error:
            swallowed.append(error)

def in_c(begun, is_over):
    begun.set()
    is_over.lock.acquire()

def quick(begun, is_over):
    begun.set()
    is_over.early.acquire()
"""
swallowed: list[BaseException] = []
beats: list[int] = []


class Over(threading.Event):
    """When a hung call may end after all, so that no test leaves a thread behind."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.lock = threading.Lock(), threading.Lock()
        self.early.acquire()
        self.lock.acquire()


def module(name: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": name, "swallowed": swallowed, "beats": beats}
    exec(compile(TENTACLE, "/bot/tentacles/evaluators/stuck/logic.py", "exec"), space)
    return space


STUCK = module("_tentacles.evaluator_stuck__0123456789ab.logic")
ENGINE = module("loligo.engine.evaluation")


class Engine:
    """A thread that makes calls one after the other, as the engine does, and notes how each ended."""

    def __init__(self, *calls: Callable[..., None]) -> None:
        self.calls, self.begun, self.over = calls, [threading.Event() for _ in calls], Over()
        self.ends: list[str] = []
        self.exits: list[int] = []
        self.has_panic: Callable[[], bool] = lambda: False
        self.thread = threading.Thread(target=self._run)
        self.watchdog = Watchdog(
            thread=self.thread,
            namespace="_tentacles",
            timeout_s=TIMEOUT_S,
            has_panic=lambda: self.has_panic(),
            end_process=self.exits.append,
        )

    def _run(self) -> None:
        for call, begun in zip(self.calls, self.begun, strict=True):
            try:
                call(begun, self.over)
            except TENTACLE_FAULTS as exc:
                self.ends.append(f"{type(exc).__name__}: {exc}")
            else:
                self.ends.append("returned")

    def hang(self, call: int = 0) -> None:
        """Wait until the thread is in a call, and let the watchdog see it for the first time."""
        assert self.begun[call].wait(10)
        self.watchdog.look(0.0)

    def end(self) -> None:
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture(autouse=True)
def untraced() -> Iterator[None]:
    """Measure no coverage here.

    Under a tracer CPython 3.11 spins at the entry of every function while an interruption waits for another thread,
    and the threads here wait for this one.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


@pytest.fixture
def start() -> Iterator[Callable[..., Engine]]:
    engines = []

    def started(*calls: Callable[..., None]) -> Engine:
        engines.append(engine := Engine(*calls))
        engine.thread.start()
        return engine

    yield started
    for engine in engines:
        engine.over.set()
        for lock in (engine.over.early, engine.over.lock):
            if lock.locked():
                lock.release()
        engine.end()
    swallowed.clear()
    beats.clear()


@pytest.mark.parametrize("name", ["on_candle", "careless"])
def test_a_call_that_does_not_return_is_interrupted_where_it_is(start: Callable[..., Engine], name: str) -> None:
    engine = start(STUCK[name])
    engine.hang()
    engine.watchdog.look(TIMEOUT_S - 0.1)
    assert not engine.ends
    engine.watchdog.look(0.1)
    engine.end()
    (end,) = engine.ends
    assert end.startswith("TentacleInterrupted: interrupted after 5 s in logic.py, line ")
    assert int(end.rpartition(" ")[2]) in range(3, 6)  # a line of the loop


def test_a_call_that_swallows_it_is_interrupted_again_after_the_same_time(start: Callable[..., Engine]) -> None:
    engine = start(STUCK["stubborn"])
    engine.hang()
    for count in (1, 2):
        engine.watchdog.look(TIMEOUT_S)
        wait_for(lambda count=count: len(swallowed) == count)  # type: ignore[misc]
        engine.watchdog.look(TIMEOUT_S - 0.1)
        beaten = len(beats)
        wait_for(lambda beaten=beaten: len(beats) > beaten + 1)  # type: ignore[misc]
        assert len(swallowed) == count
    assert all(isinstance(error, TentacleInterrupted) for error in swallowed)


def test_while_a_panic_waits_a_fifth_of_a_second_is_enough(start: Callable[..., Engine]) -> None:
    engine = start(STUCK["on_candle"])
    engine.hang()
    engine.watchdog.look(PANIC_LIMIT_S)
    assert not engine.ends
    engine.has_panic = lambda: True
    engine.watchdog.look(0.0)
    engine.end()
    assert engine.ends[0].startswith("TentacleInterrupted: interrupted by a panic in logic.py, line ")


def test_two_calls_one_after_the_other_are_not_one_long_call(start: Callable[..., Engine]) -> None:
    engine = start(STUCK["quick"], STUCK["in_c"])
    engine.hang()
    engine.watchdog.look(TIMEOUT_S - 0.1)
    engine.over.early.release()
    engine.hang(call=1)
    engine.watchdog.look(TIMEOUT_S - 0.1)
    engine.over.lock.release()
    engine.end()
    assert engine.ends == ["returned", "returned"]


def test_code_that_is_not_a_tentacles_is_left_alone(start: Callable[..., Engine]) -> None:
    engine = start(ENGINE["on_candle"])
    engine.hang()
    engine.watchdog.look(100 * TIMEOUT_S)
    engine.watchdog.look(100 * TIMEOUT_S)
    assert engine.watchdog.hang is None
    engine.over.set()
    engine.end()
    assert (engine.ends, engine.exits) == (["returned"], [])


def test_an_interruption_that_comes_too_late_is_taken_back(start: Callable[..., Engine]) -> None:
    """The call returns after the watchdog has looked and before it raises, and the engine goes on."""
    engine = start(STUCK["quick"], ENGINE["in_c"])

    def return_now() -> bool:
        engine.over.early.release()
        return engine.begun[1].wait(10)

    engine.hang()
    engine.has_panic = return_now
    engine.watchdog.look(TIMEOUT_S)
    engine.over.lock.release()
    engine.end()
    assert engine.ends == ["returned", "returned"]


def test_a_call_stuck_in_c_ends_the_process_after_four_times_the_limit(
    start: Callable[..., Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    engine = start(STUCK["in_c"])
    engine.hang()
    for _ in range(3):
        engine.watchdog.look(TIMEOUT_S)
    assert engine.exits == []
    engine.watchdog.look(TIMEOUT_S)
    assert engine.exits == [EXIT_CODE] == [70]
    told = capsys.readouterr()
    assert "evaluator_stuck" in told.out + told.err and "in in_c" in told.out + told.err


def test_what_hangs_is_told_with_its_place_and_since_when(start: Callable[..., Engine]) -> None:
    engine = start(STUCK["in_c"])
    engine.hang()
    before_ns = time.time_ns()
    engine.watchdog.look(SHOWN_AFTER_S)
    hang = engine.watchdog.hang
    assert hang is not None
    assert (hang.tentacle, hang.place) == ("evaluator_stuck", "logic.py, line 23")
    assert -SECOND_NS <= ns_from_iso(hang.since) - (before_ns - SHOWN_AFTER_S * SECOND_NS) < 10 * SECOND_NS
    engine.over.lock.release()
    engine.end()
    engine.watchdog.look(0.1)
    assert engine.watchdog.hang is None


def test_a_started_watchdog_looks_by_itself_and_ends_with_the_thread() -> None:
    engine = Engine(STUCK["on_candle"])
    engine.has_panic = lambda: True
    engine.thread.start()
    engine.watchdog.start()
    engine.end()
    assert engine.ends[0].startswith("TentacleInterrupted: interrupted by a panic")
    wait_for(lambda: "watchdog" not in [thread.name for thread in threading.enumerate()])


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.001)
