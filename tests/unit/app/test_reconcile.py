"""The reconciler over a real engine, session and journal: what is swapped, refused, put off, taken back and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loligo.config import LoligoConfig
from loligo.engine.engine import Engine
from loligo.errors import ConfigError
from loligo.host import Host
from loligo.model.command import (
    GenerationActivated,
    ProbationEnded,
    ShadowStarted,
    ShadowStopped,
    SlotVersion,
    SwapEnded,
    SwapResult,
)
from loligo.model.evaluation import Evaluation
from loligo.model.events import Evaluated
from loligo.runtime.inbox import Inbox
from loligo_bot.edges import Edges
from loligo_bot.generation import Generation, Unfit
from loligo_bot.health.monitor import HEALTH
from loligo_bot.reconcile import Reconciler
from loligo_bot.session import Durability, Session
from loligo_bot.wish import How, SwapReport, When, Wish
from loligo_store.journal import Journal
from tests.fakes.desks import Wishes, buy, desk, evaluator, plan, seat
from tests.fakes.venue_scene import candle

QUICK = {"shadow_inputs": 3, "shadow_s": 60, "probation_inputs": 3, "probation_s": 60}
SLOT = "evaluator/sums"


class Sums:
    """An evaluator with state: how many candles it has seen, a hundred-thousandth of it as value. It may fail at one of
    its own calls."""

    state_version, warmup = 1, 0

    def __init__(self, fails_at: int = 0, factor: float = 1e-5) -> None:
        self.seen, self._calls, self._fails_at, self._factor = 0, 0, fails_at, factor

    def on_candle(self, _candle: Any) -> Evaluation:
        self.seen += 1
        self._calls += 1
        if self._fails_at and self._calls >= self._fails_at:
            raise RuntimeError("boom")
        return Evaluation(self.seen * self._factor, "sum")

    def export_state(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def restore_state(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


class Bench:
    """A bot without threads: inputs are processed where they are put, and a test says when a candle comes."""

    def __init__(
        self, home: Path, loop: asyncio.Runner, mode: Callable[[], Any] = Wishes, step_timeout_s: float = 10.0
    ) -> None:
        self.loop = loop
        self.host, self._mode = Host(home, home), mode
        self.hour = 0
        self.is_deaf = False  # no record is heard of, as while the engine hangs
        self.wanted: Generation | Exception = self.version("a", Sums)
        assert isinstance(self.wanted, Generation)
        self.journal = Journal(home / "journal.sqlite")
        self.session = Session(Engine(self.wanted.plan), self.journal, Durability(), [self.hear])
        self.session.on_step = self.hear_step
        edges = Edges(self.wanted, str(home), {}, Inbox(), _start, lambda _: (0, 0))
        self.reconciler = Reconciler(
            self.session.engine,
            self.wanted,
            self._read,
            self.put,
            lambda: self.session,
            lambda: 0,
            edges,
            step_timeout_s=step_timeout_s,
        )
        self.session.open(self.wanted.slots, 0)

    def version(self, name: str, make: Callable[[], Any], **swap: Any) -> Generation:
        says = evaluator(make, "sums", key=f"sums@{name}")
        made = plan(desk(seat(self._mode, evaluators=[says])))
        config = LoligoConfig.model_validate({"swap": {**QUICK, **swap}})
        slots = (SlotVersion(SLOT, f"h1:{name}", ""),)
        return Generation(config=config, host=self.host, loaded=(), plan=replace(made, slots=slots))

    def want(self, name: str, make: Callable[[], Any] = Sums, **swap: Any) -> None:
        self.wanted = self.version(name, make, **swap)

    def _read(self) -> Generation:
        if isinstance(self.wanted, Exception):
            raise self.wanted
        return self.wanted

    def hear(self, records: Any) -> None:
        if not self.is_deaf:
            self.reconciler.hear(records)

    def hear_step(self, record: Any) -> None:
        if not self.is_deaf:
            self.reconciler.hear_early(record)

    def put(self, item: Any) -> None:
        self.session.step([msgspec.structs.replace(item, ts=self.session.engine.now_ns)])

    def candle(self) -> None:
        self.session.step([candle(self.hour, 100, 101, 99, 100)])
        self.session.commit()
        self.hour += 1

    async def market(self, task: asyncio.Task[Any], is_so: Callable[[], bool] = lambda: False) -> None:
        """Let candles come until the task has ended or something is so."""
        for _ in range(2_000):
            if task.done() or is_so():
                return
            self.candle()
            await asyncio.wait({task}, timeout=0.001)
        raise AssertionError("it did not come to an end")

    def at_work(self, phase: str) -> Callable[[], bool]:
        return lambda: self.reconciler.attempt is not None and self.reconciler.attempt.phase == phase

    def inputs(self, *kinds: type) -> list[Any]:
        return [record.input for record in self.journal.records() if isinstance(record.input, kinds)]

    def history(self) -> list[SwapEnded]:
        return self.inputs(SwapEnded)

    def values(self) -> list[float]:
        return [
            event.evaluation.value
            for record in self.journal.records()
            for event in record.events
            if isinstance(event, Evaluated)
        ]


def _start(coroutine: Any, *, name: str, **_: Any) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(coroutine, name=name)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with asyncio.Runner() as loop:
        yield Bench(tmp_path, loop)


def swapped(bench: Bench, wish: Wish | None = None) -> SwapReport:
    """Reconcile while candles come."""

    async def run() -> SwapReport:
        task = asyncio.create_task(bench.reconciler.reconcile(wish))
        await bench.market(task)
        return await task

    return bench.loop.run(run())


def test_swap_ends_in_the_journal_with_who_why_what_and_how_long(bench: Bench) -> None:
    bench.want("b")
    report = swapped(bench, Wish(by="cli:ann", why="less noise"))
    (told,) = bench.history()
    assert (told.number, told.by, told.why, told.when, told.how) == (2, "cli:ann", "less noise", "now", "replace")
    assert (told.result, told.changed) == (SwapResult.GOOD, (f"{SLOT} a → b",))
    assert told.text == report.text == f"{SLOT} a → b; 3 compared, 0 different"
    assert told.took_ms == round(report.duration_ms)
    kinds = (ShadowStarted, GenerationActivated, ProbationEnded, SwapEnded)
    assert [type(item) for item in bench.inputs(*kinds)[1:]] == list(kinds)


def test_history_changes_nothing_in_the_engine(bench: Bench) -> None:
    before = bench.session.engine.export_state()
    bench.put(SwapEnded(0, 2, "ann", "", "now", "replace", (), (), SwapResult.REFUSED, "no", 1))
    after = bench.session.engine.export_state()
    assert after | {"next_seq": 0} == before | {"next_seq": 0}


def test_nothing_to_do_leaves_no_trace(bench: Bench) -> None:
    report = swapped(bench)
    assert report.result is SwapResult.UNCHANGED
    assert bench.history() == []


def test_configuration_that_cannot_be_read_is_refused_and_told(bench: Bench) -> None:
    bench.wanted = ConfigError("config/loligo.yaml:3: not valid YAML")
    report = swapped(bench)
    assert (report.result, report.fault) == (SwapResult.REFUSED, "ConfigError")
    (told,) = bench.history()
    assert (told.number, told.result, told.text) == (2, SwapResult.REFUSED, "config/loligo.yaml:3: not valid YAML")
    assert bench.inputs(ShadowStarted) == []


def test_tentacle_that_cannot_be_loaded_is_named_as_what_was_to_change(bench: Bench) -> None:
    bench.wanted = Unfit(ConfigError("evaluator sums is off: wants the permission network"), {SLOT: "wants network"})
    report = swapped(bench)
    assert report.changed == (f"{SLOT} a → not loaded",)
    assert bench.reconciler.failed == {SLOT: "wants network"}


def test_error_that_nobody_expected_is_a_refusal_and_the_next_wish_is_served(bench: Bench) -> None:
    bench.wanted = ZeroDivisionError("by zero")
    assert swapped(bench).text == "ZeroDivisionError: by zero"
    bench.want("b")
    assert swapped(bench).result is SwapResult.GOOD
    assert [told.result for told in bench.history()] == [SwapResult.REFUSED, SwapResult.GOOD]


def test_engine_that_does_not_answer_is_a_refusal_and_nothing_stays_at_work(tmp_path: Path) -> None:
    with asyncio.Runner() as loop:
        bench = Bench(tmp_path, loop, step_timeout_s=0.01)
        bench.want("b")
        bench.is_deaf = True
        report = swapped(bench)
        assert report.text == "TimeoutError: the engine did not say shadowing or refused within 0.01 s"
        assert [item.number for item in bench.inputs(ShadowStopped)] == [2]
        assert not bench.session.engine.is_swapping
        bench.is_deaf = False
        assert swapped(bench).result is SwapResult.GOOD


def test_differences_are_listed_and_refuse_only_who_promised_the_same(bench: Bench) -> None:
    bench.want("b", lambda: Sums(factor=-1e-5))
    report = swapped(bench)
    assert report.result is SwapResult.GOOD
    differs = [step for step in report.steps if step.startswith("differs sums 1h: on_candle: ")]
    assert len(differs) >= 3
    assert report.text.endswith("; 3 compared, 3 different")


def test_version_that_fails_in_shadow_is_refused(bench: Bench) -> None:
    bench.want("b", lambda: Sums(fails_at=2))
    report = swapped(bench)
    assert report.result is SwapResult.REFUSED
    assert report.text.startswith("sums 1h failed in shadow: on_candle: RuntimeError: boom; ")
    assert not bench.session.engine.is_swapping


def test_version_that_fails_in_probation_is_taken_back_and_told(bench: Bench) -> None:
    bench.want("b", lambda: Sums(fails_at=5), shadow_inputs=3)
    report = swapped(bench)
    assert report.result is SwapResult.ROLLED_BACK
    assert bench.reconciler.running.slots[0].tree_hash == "h1:a"
    assert [item.number for item in bench.inputs(GenerationActivated)] == [1, 2, 3]
    assert bench.values() == pytest.approx([(place + 1) * 1e-5 for place in range(bench.hour)])


@pytest.mark.parametrize(("by", "result"), [("files", SwapResult.ROLLED_BACK), (HEALTH, SwapResult.GOOD)])
def test_newcomer_that_fails_in_probation_is_taken_back_too_unless_it_is_on_trial(
    bench: Bench, by: str, result: SwapResult
) -> None:
    """Nobody stands beside it who could answer: it fails in the candles until the earlier generation is back."""
    other = evaluator(lambda: Sums(fails_at=8), "other", key="other@a")
    made = plan(desk(seat(bench._mode, evaluators=[evaluator(Sums, "sums", key="sums@a"), other])))
    before = bench.wanted
    assert isinstance(before, Generation)
    slots = (*before.slots, SlotVersion("evaluator/other", "h1:o", ""))
    config = LoligoConfig.model_validate({"swap": {**QUICK, "probation_inputs": 30}})
    bench.wanted = replace(before, config=config, plan=replace(made, slots=slots))
    report = swapped(bench, Wish(by=by))
    assert report.result is result
    assert (bench.reconciler.running is before) is (result is SwapResult.ROLLED_BACK)
    if result is SwapResult.ROLLED_BACK:
        assert report.text == "other 1h failed in probation: evaluate: RuntimeError: boom"
        assert "activated: alone: other 1h" in report.steps
        assert bench.session.engine.plan is before.plan


def test_shadow_compares_so_many_inputs_and_lets_the_new_version_go(bench: Bench) -> None:
    bench.want("b", lambda: Sums(factor=-1e-5))
    report = swapped(bench, Wish(how=How.SHADOW, inputs=7))
    assert (report.result, report.text) == (SwapResult.SHADOWED, "compared only; 7 compared, 7 different")
    assert bench.inputs(GenerationActivated)[1:] == []
    assert bench.reconciler.running.slots[0].tree_hash == "h1:a"
    assert not bench.session.engine.is_swapping


def test_experiment_is_refused_with_a_sentence(bench: Bench) -> None:
    bench.want("b")
    report = swapped(bench, Wish(how=How.EXPERIMENT))
    assert report.result is SwapResult.REFUSED
    assert "an experiment is a desk beside the one that runs" in report.text
    assert bench.inputs(ShadowStarted) == []


def test_candle_policy_flips_after_the_next_candle(bench: Bench) -> None:
    bench.want("b", shadow_inputs=0)

    async def run() -> None:
        task = asyncio.create_task(bench.reconciler.reconcile(Wish(when=When.CANDLE)))
        while not bench.at_work("waiting")():
            await asyncio.wait({task}, timeout=0.001)
        assert len(bench.inputs(GenerationActivated)) == 1
        bench.candle()
        while len(bench.inputs(GenerationActivated)) == 1:
            await asyncio.wait({task}, timeout=0.001)
        assert bench.hour == 1
        await bench.market(task)

    bench.loop.run(run())
    assert bench.history()[0].when == "candle"


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Bench]:
    """A bot that bought one at 100, with a stop at 90."""
    mode = Wishes()
    with asyncio.Runner() as loop:
        bench = Bench(tmp_path, loop, lambda: mode)
        mode.wishes = [buy()]
        bench.candle()
        bench.candle()
        assert bench.session.engine.portfolio.books["alpha"].holdings
        yield bench


def while_flat_waits(bench: Bench, then: Callable[[asyncio.Task[SwapReport]], Coroutine[Any, Any, None]]) -> Any:
    """Begin a swap that waits until the desks are flat, and do something meanwhile; return what comes of it."""
    bench.want("b")

    async def run() -> Any:
        task = asyncio.create_task(bench.reconciler.reconcile(Wish(by="cli:ann", when=When.FLAT)))
        await bench.market(task, bench.at_work("waiting"))
        assert not task.done()
        await then(task)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    return bench.loop.run(run())


def test_flat_policy_waits_until_nothing_is_held(holding: Bench) -> None:
    bench = holding

    async def close(task: asyncio.Task[SwapReport]) -> None:
        for _ in range(20):
            bench.candle()
        assert bench.at_work("waiting")()
        bench.session.step([candle(bench.hour, 100, 101, 80, 85)])  # through the stop at 90
        bench.session.commit()
        bench.hour += 1
        await bench.market(task)

    report = while_flat_waits(bench, close)
    assert report.result is SwapResult.GOOD
    assert "waits until all desks are flat" in report.steps


def test_newer_change_takes_the_place_of_one_that_waits(holding: Bench) -> None:
    bench = holding
    newer: list[SwapReport] = []

    async def change(task: asyncio.Task[SwapReport]) -> None:
        bench.want("c")
        other = asyncio.create_task(bench.reconciler.reconcile())
        await bench.market(other)
        newer.append(await other)

    report = while_flat_waits(bench, change)
    assert (report.result, newer[0].result) == (SwapResult.SUPERSEDED, SwapResult.GOOD)
    assert bench.reconciler.running.slots[0].tree_hash == "h1:c"
    assert [(told.number, told.result) for told in bench.history()] == [(2, "superseded"), (3, "good")]


def test_files_that_say_the_same_do_not_disturb_one_that_waits(holding: Bench) -> None:
    bench = holding

    async def touch(task: asyncio.Task[SwapReport]) -> None:
        other = asyncio.create_task(bench.reconciler.reconcile())
        for _ in range(50):
            bench.candle()
            await asyncio.wait({task, other}, timeout=0.001)
        assert bench.at_work("waiting")()
        now = asyncio.create_task(bench.reconciler.reconcile(Wish(by="cli:bob", when=When.NOW)))
        await bench.market(now)

    assert while_flat_waits(bench, touch).result is SwapResult.SUPERSEDED
    assert [(told.by, told.result) for told in bench.history()] == [("cli:ann", "superseded"), ("cli:bob", "good")]


def test_stop_of_the_bot_ends_what_waits_and_tells_it(holding: Bench) -> None:
    bench = holding

    async def stop(task: asyncio.Task[SwapReport]) -> None:
        task.cancel()

    assert isinstance(while_flat_waits(bench, stop), asyncio.CancelledError)
    assert [item.reason for item in bench.inputs(ShadowStopped)] == ["the bot was stopped"]
    (told,) = bench.history()
    assert (told.result, told.text) == (SwapResult.STOPPED, "the bot was stopped during waiting")
    assert not bench.session.engine.is_swapping


def test_two_who_want_the_same_at_once_get_one_swap_and_one_history(bench: Bench) -> None:
    bench.want("b", lambda: Sums(fails_at=2))

    async def run() -> list[SwapReport]:
        tasks = [asyncio.create_task(bench.reconciler.reconcile(wish)) for wish in (Wish(), Wish(by="cli:ann"))]
        for task in tasks:
            await bench.market(task)
        return [await task for task in tasks]

    first, second = bench.loop.run(run())
    assert first == second
    assert len(bench.history()) == 1


def test_person_whose_verb_changed_the_files_is_named_even_when_the_files_were_heard_of_first(bench: Bench) -> None:
    bench.want("b")

    async def run() -> SwapReport:
        files = asyncio.create_task(bench.reconciler.reconcile())
        await bench.market(files, bench.at_work("shadow"))
        person = asyncio.create_task(bench.reconciler.reconcile(Wish(by="cli:ann", why="tentacle update")))
        await bench.market(person)
        return await person

    assert bench.loop.run(run()).result is SwapResult.GOOD
    assert [(told.by, told.why) for told in bench.history()] == [("cli:ann", "tentacle update")]


def test_numbers_are_never_given_twice_even_to_what_was_refused(bench: Bench) -> None:
    bench.wanted = ConfigError("not valid YAML")
    swapped(bench)
    for name in ("b", "c"):
        bench.want(name, lambda: Sums(fails_at=1))
        swapped(bench)
    bench.want("d")
    swapped(bench)
    assert [told.number for told in bench.history()] == [2, 3, 4, 5]
