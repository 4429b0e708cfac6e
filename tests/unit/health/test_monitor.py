"""The monitor: what it hears of becomes what is to be off, what is told, and what the next run remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.config import LoligoConfig
from loligo.engine.plan import EnginePlan
from loligo.errors import TentacleError
from loligo.model.command import GenerationActivated, SlotVersion, SwapEnded, SwapResult, TimeAdvanced
from loligo.model.events import Record, TentacleFailed
from loligo.model.timeframe import SECOND_NS
from loligo.ports.tentacles import Message
from loligo_bot.generation import Generation
from loligo_bot.health import store
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.monitor import HEALTH, Monitor
from loligo_bot.health.safe_mode import Start
from loligo_bot.health.wanted import KeptOff, load_wanted
from tests.fakes.tentacle_folder import write_registry, write_tentacle

CONFIG = HealthConfig(failures=1, window_candles=0, backoff_s=60)
OFF = (SlotVersion("desk/trend", "", "s"),)


class Watched:
    """A monitor over a folder with one strategy, and what it told."""

    def __init__(self, home: Path, config: HealthConfig = CONFIG) -> None:
        self.home = home
        self.told: list[Message] = []
        self.monitor = Monitor(home, config, Start(home, config), self.told.append)
        of_bot = LoligoConfig(health=config.model_dump(mode="json"))
        host, wanted = load_wanted(home, of_bot, KeptOff(quarantined={}), keeps=False)
        slots = (SlotVersion("strategy/clock", wanted.hashes["strategy clock"], ""), *OFF)
        plan = EnginePlan(bot="b", accounts=(), desks=(), slots=slots)
        running = Generation(config=wanted.config, host=host, loaded=host.loaded, plan=plan)
        self.monitor.begin(wanted, lambda: running, SECOND_NS)

    def hear(self, item: Any, *events: Any) -> None:
        self.monitor.hear([Record(1, item, list(events))])

    def fail(self, ts_s: int, call: str = "decide") -> None:
        ts = ts_s * SECOND_NS
        failure = TentacleFailed(2, ts, 1, "trend", "clock", call, "OSError: no", 1)
        self.hear(TimeAdvanced(ts), failure, failure)


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Watched]:
    write_tentacle(tmp_path, "strategy", "clock")
    write_registry(tmp_path)
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "loligo.yaml").write_text("bot: {name: b}\n")
    return lambda config=CONFIG: Watched(tmp_path, config)


def test_failures_ask_for_a_swap_and_are_told(watched: Callable[..., Watched]) -> None:
    bot = watched()
    bot.fail(10)
    assert bot.monitor.is_due.is_set()
    assert not bot.monitor.is_carried_out
    assert list(bot.monitor.off.quarantined) == ["strategy clock"]
    assert [message.level for message in bot.told] == ["problem"]
    assert bot.told[0].text.startswith("strategy clock goes into quarantine: 2 failures within 60 s")
    assert bot.monitor.why.startswith("strategy clock: 2 failures")


def test_time_of_the_data_gives_it_another_chance(watched: Callable[..., Watched]) -> None:
    bot = watched()
    bot.fail(10)
    bot.hear(GenerationActivated(20 * SECOND_NS, 2, OFF))
    assert bot.monitor.is_carried_out
    bot.monitor.is_due.clear()
    bot.hear(TimeAdvanced(79 * SECOND_NS))
    assert not bot.monitor.is_due.is_set()
    bot.hear(TimeAdvanced(80 * SECOND_NS))
    assert bot.monitor.is_due.is_set()
    assert bot.monitor.off.quarantined == {}
    assert bot.monitor.why == "quarantine is over"


def test_next_run_knows_who_is_in_quarantine_and_since_when(watched: Callable[..., Watched]) -> None:
    bot = watched()
    bot.fail(10)
    bot.hear(GenerationActivated(20 * SECOND_NS, 2, OFF))
    again = watched()
    assert again.monitor.off == bot.monitor.off
    assert again.monitor.quarantine.until_ns("strategy clock") == 80 * SECOND_NS


def test_swap_of_health_goes_by_what_runs_and_reads_no_file_of_a_person(watched: Callable[..., Watched]) -> None:
    def unreadable() -> LoligoConfig:
        raise AssertionError("somebody is writing it")

    bot = watched()
    bot.fail(10)
    (bot.home / "tentacle_registry.json").write_text("half a fi")
    assert bot.monitor.load(unreadable, by=HEALTH)[1].loaded == ()
    with pytest.raises(AssertionError):
        bot.monitor.load(unreadable, by="files")
    bot.monitor.release("clock", by="web:anna")
    with pytest.raises(AssertionError):  # what comes back is what a person wants by now
        bot.monitor.load(unreadable, by=HEALTH)


def test_version_that_was_not_taken_is_remembered_until_one_is(watched: Callable[..., Watched]) -> None:
    def ended(result: SwapResult) -> SwapEnded:
        lines = ("strategy/clock 1 → 2", "desk/trend capital: 1 → 2")
        return SwapEnded(SECOND_NS, 2, "files", "", "now", "replace", lines, (), result, "it raised", 1)

    bot = watched()
    bot.hear(ended(SwapResult.ROLLED_BACK))
    assert [(slot, fault.result) for slot, fault in store.load(bot.home).faults.items()] == [
        ("strategy clock", "rolled_back")
    ]
    bot.hear(ended(SwapResult.SUPERSEDED))
    assert store.load(bot.home).faults
    bot.hear(ended(SwapResult.GOOD))
    assert store.load(bot.home).faults == {}


def test_another_version_ends_the_quarantine_once_it_is_good_and_the_same_does_not(
    watched: Callable[..., Watched],
) -> None:
    bot = watched()
    bot.fail(10)
    failed = bot.monitor.off.versions["strategy clock"]
    for tree_hash, is_off in ((failed, True), ("h1:2", False)):
        bot.hear(GenerationActivated(20 * SECOND_NS, 2, (SlotVersion("strategy/clock", tree_hash, ""), *OFF)))
        assert bot.monitor.off.quarantined.keys() == {"strategy clock"}  # it has not proved itself yet
        terms = ("files", "", "now", "replace", ("strategy/clock 1 → 2",), (), SwapResult.GOOD, "", 1)
        bot.hear(SwapEnded(21 * SECOND_NS, 2, *terms))
        assert bool(bot.monitor.off.quarantined) is is_off


def test_person_asks_for_another_try_by_name(watched: Callable[..., Watched]) -> None:
    bot = watched()
    bot.fail(10)
    assert bot.monitor.release("clock", by="web:anna") == "strategy clock is tried again now"
    assert bot.monitor.off.quarantined == {}
    assert bot.monitor.why == "web:anna ended the quarantine of strategy clock"
    with pytest.raises(TentacleError, match=r'"clock" is not in quarantine; in it are: none'):
        bot.monitor.release("clock", by="web:anna")


def test_rule_over_its_budget_is_told_once_and_stays_on(watched: Callable[..., Watched]) -> None:
    bot = watched()
    for second in (10, 11, 12):
        bot.fail(second, call="check")
    assert not bot.monitor.is_due.is_set()
    assert len([one for one in bot.told if "risk_rule clock needs a person" in one.text]) == 1


def test_what_a_rule_did_is_forgotten_once_a_mended_version_leads(watched: Callable[..., Watched]) -> None:
    bot = watched()
    bot.fail(10, call="check")
    slots = (SlotVersion("risk_rule/clock", "h1:2", ""), *OFF)
    bot.hear(GenerationActivated(20 * SECOND_NS, 2, slots))
    lines = ("risk_rule/clock 1 → 2",)
    terms = ("files", "", "now", "replace", lines, (), SwapResult.GOOD, "", 1)
    bot.hear(SwapEnded(21 * SECOND_NS, 2, *terms))
    assert bot.monitor.quarantine.overdrawn == {}
    assert bot.monitor.quarantine.failed == {}


@pytest.mark.parametrize(("on_cpu", "is_off"), [("report", False), ("quarantine", True)])
def test_tentacle_far_over_its_budget_is_reported_or_taken_off(
    watched: Callable[..., Watched], on_cpu: str, is_off: bool
) -> None:
    """Seen in 90 of 100 looks of 10 s at real-time pace: 900 ms per s are more than 4 times 200."""
    config = CONFIG.model_copy(
        update={"cpu_share": 0.2, "cpu_window_s": 10.0, "cpu_windows": 1, "cpu_far": 4.0, "on_cpu": on_cpu}
    )
    bot = watched(config)
    times = iter([0.0, 10.0])
    bot.monitor.cpu.clock = lambda: next(times)
    bot.hear(TimeAdvanced(10 * SECOND_NS))
    for look in range(100):
        bot.monitor.cpu.look("strategy_clock" if look < 90 else "")
    bot.hear(TimeAdvanced(20 * SECOND_NS))
    assert list(bot.monitor.off.quarantined) == (["strategy clock"] if is_off else [])
    [told] = bot.told
    assert told.text.endswith("it takes 900 ms per s of the engine's time; its budget is 200")


def test_answer_holds_a_row_for_each_tentacle_and_its_problems(watched: Callable[..., Watched]) -> None:
    bot = watched()
    bot.fail(10)
    answer = asyncio.run(bot.monitor.answer(20 * SECOND_NS, None))
    [row] = answer["tentacles"]
    assert (row["kind"], row["name"], row["state"], row["failures"]) == ("strategy", "clock", "quarantined", 2)
    assert row["last_failure"] == "decide: OSError: no"
    assert [one["command"] for one in answer["problems"]] == ["loligo tentacle retry clock"]
