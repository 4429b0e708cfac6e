"""A/B tests of a running bot, through the verbs that page, chats and command line use."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import GenerationActivated, Noted
from loligo.model.events import OrderSubmitted, PositionChanged, TradeClosed
from loligo_bot.assembly import read_config
from loligo_bot.experiments.keeper import Experiments
from loligo_bot.experiments.standing import Standing
from loligo_lab.experiment import Verdict
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.kills import Moment, Toll, named_moments, run_until
from tests.scenario.test_swap_running import COUNTER, PER_SECOND, edit_registry, rewrite

KILLS = int(os.environ.get("LOLIGO_EXPERIMENT_KILLS", "5"))
WHOLE_RUN_S = 2.5  # about as long as one takes that nobody kills
FAST = "1500000"  # seventeen days of the data a second
EAGER = {"evaluators.rsi.settings.period": 9, "strategy.settings.entry_threshold": 0.5, "limits.min_confidence": 0.5}


def judged(bot: BotFolder, name: str = "tuned") -> Standing:
    """Return how an experiment stands by the journal of a bot that has stopped."""
    with bot.database() as engine:
        newest = list(JournalReader(engine).records(JournalReader(engine).last_seq))[-1].input.ts
        config = read_config(bot.home)
        known = Experiments(
            bot.home, lambda: config, ProjectionReader(engine), lambda: JournalReader(engine), lambda: newest
        )
        standing = known.standings()[name]
    assert standing is not None
    return standing


def experiment(bot: BotFolder, is_so: Callable[[dict[str, Any]], bool], name: str = "tuned") -> dict[str, Any]:
    """Return an experiment once it is as wanted."""
    until = time.monotonic() + LIMIT_S
    shown: dict[str, Any] = {}
    while time.monotonic() < until:
        shown = bot.asked("experiment", name=name)["answer"]
        if is_so(shown):
            return shown
        time.sleep(0.05)
    raise AssertionError(f"the experiment did not come to that; it says {shown}")


def two_arms(changes: dict[str, Any], **section: Any) -> Callable[[dict[str, Any]], None]:
    """Give a folder a second desk of trend, with limits of its own, and an experiment from the start."""

    def change(config: dict[str, Any]) -> None:
        config["feeds"][0]["settings"]["until"] = "2018-07-01"  # a year of the data
        config["accounts"]["tuned_b"] = {"deposits": {"USD": 50_000}}
        config["accounts"]["paper"]["deposits"] = {"USD": 50_000}
        desk = {**config["desks"].pop("trend"), "account": "tuned_b"}
        config["desks"] = {"trend": {**desk, "account": "paper"}, "tuned_b": {**desk, **changes}}
        config["experiments"] = {"tuned": {"control": "trend", "challengers": ["tuned_b"], **section}}

    return change


def test_an_experiment_begins_while_its_control_trades_and_the_challenger_takes_over_with_the_position(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 3_000)
        began = bot.asked("experiment.start", "k1", name="tuned", control="trend", changes=EAGER, days=60)["answer"]
        shown = experiment(bot, lambda one: one["verdict"] not in ("too_early",))
        unlike = bot.asked("experiment.differences", name="tuned", limit=20)["answer"]["differences"]
        early = bot.asked("experiment.promote", name="tuned")
        done = bot.asked("experiment.promote", "k2", name="tuned", override=True)["answer"]
        held = experiment(bot, lambda one: one["is_ended"])
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert began["is_done"], began
    assert [one["letter"] for one in shown["arms"]] == ["A", "B"]
    assert min(one["trades"] for one in shown["arms"]) >= 20  # the gate
    assert shown["day"] >= 21
    assert any("rsi.settings.period is 9, with trend 28" in line for line in shown["unlike"])
    assert unlike and all(one["control"] != one["challenger"] for one in unlike)
    assert "no challenger has won" in str(early)
    assert done["is_done"] and "an override" in done["message"], done
    assert held["until"]
    records = bot.records()
    flips = [record for record in records if isinstance(record.input, GenerationActivated)]
    promoted = flips[-1]
    assert not [e for e in promoted.events if isinstance(e, OrderSubmitted | PositionChanged | TradeClosed)]
    assert bot.call("run", "--headless", "--until", "2018-07-01").code == 0  # and the journal is read on by all of this


def test_desks_that_come_leave_those_that_run_as_if_nothing_had_happened(template: BotFolder, tmp_path: Path) -> None:
    alone, joined = (template.copy(tmp_path / name, LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05") for name in ("a", "j"))
    for bot in (alone, joined):
        bot.edit(lambda config: config["feeds"][0]["settings"].update(until="2018-07-01"))
    assert alone.call("run", "--headless").code == 0
    with joined.running("run", "--headless", "--speed", FAST) as process:
        joined.wait_until(lambda status: status["next_seq"] > 3_000)
        came = joined.asked("experiment.start", "k1", name="tuned", control="trend", changes=EAGER)["answer"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert came["is_done"], came
    assert joined.call("run", "--headless").code == 0
    ours = ["instrument", "side", "quantity", "entry_price", "exit_price", "opened_at_ns", "closed_at_ns", "net"]
    trades = {}
    for bot in (alone, joined):
        rows = [row for row in bot.rows()["trades"] if row["desk"] in ("trend", "dips")]
        trades[bot.home.name] = [{name: row[name] for name in ours} for row in rows]
    assert len(trades["a"]) > 100
    assert trades["a"] == trades["j"]


def test_a_desk_whose_account_has_not_its_capital_is_refused_and_nothing_stops_for_it(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")

    def poor(config: dict[str, Any]) -> None:
        config["accounts"]["empty"] = {"deposits": {"USD": 5}}
        config["desks"]["eager"] = {**config["desks"]["trend"], "account": "empty"}

    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        bot.edit(poor)
        status = bot.wait_until(lambda status: bool(status["swap"]))
        bot.wait_until(lambda later: later["next_seq"] > status["next_seq"] + 100)
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert status["swap"]["result"] == "refused"
    assert "desks.eager.capital" in status["swap"]["text"]


def test_identical_arms_are_practically_the_same_to_the_last_digit(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(two_arms({}))
    assert bot.call("run", "--headless").code == 0
    standing = judged(bot)
    assert len(standing.days) > 300
    assert standing.days[-1].arms[0].closed_trades >= 20
    assert all(day.arms[0].daily_return == day.arms[1].daily_return for day in standing.days)
    (pair,) = standing.judgement.pairs
    assert pair.verdict is Verdict.PRACTICALLY_THE_SAME
    assert pair.effect is not None and pair.effect.per_day == 0.0
    assert pair.score is None  # nothing was tested


def test_an_arm_that_a_person_paused_alone_makes_the_test_invalid(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05").edit(two_arms({}))
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        experiment(bot, lambda one: one["day"] >= 2)
        bot.asked("pause", "k1", target="tuned_b")
        shown = experiment(bot, lambda one: one["verdict"] == "invalid")
        noted = experiment(bot, lambda one: bool(one["verdicts"]))["verdicts"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert "tuned_b" in shown["sentence"]
    assert noted[-1]["verdict"] == "invalid"
    told = [record.input for record in bot.records() if isinstance(record.input, Noted)]
    assert [(note.kind, note.subject, note.facts["verdict"]) for note in told] == [("verdict", "tuned", "invalid")]


@pytest.fixture(scope="module")
def undisturbed(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[BotFolder, Standing]:
    """Arms that differ, in one run to the end of the data."""
    changes = {"strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.9}}}
    bot = template.copy(tmp_path_factory.mktemp("ab") / "undisturbed").edit(two_arms(changes, days=60))
    whole = bot.copy(bot.home.with_name("whole"))
    assert whole.call("run", "--headless").code == 0
    return bot, judged(whole)


def moments(seed: int) -> Iterator[Moment]:
    """Yield named moments, and times anywhere in a run, by turns."""
    dice = random.Random(seed)
    for named in named_moments(seed):
        yield named
        yield Moment(delay_s=dice.uniform(0.0, WHOLE_RUN_S))


@pytest.mark.timeout(120 + 20 * KILLS)
def test_a_bot_that_was_killed_again_and_again_comes_to_the_same_verdict_on_the_same_day(
    undisturbed: tuple[BotFolder, Standing], tmp_path: Path
) -> None:
    template, expected = undisturbed
    kills = runs = 0
    bot = template.copy(tmp_path / "run0")
    for moment in islice(moments(seed=5), 4 * KILLS):
        if run_until(bot, moment if kills < KILLS else None, Toll()):
            kills += 1
            continue
        found = judged(bot)  # it came to its end before that moment
        assert [day.arms for day in found.days] == [day.arms for day in expected.days]
        assert found.judgement == expected.judgement
        if kills == KILLS:
            return
        runs += 1
        bot = template.copy(tmp_path / f"run{runs}")
    raise AssertionError(f"{kills} kills, {runs} runs to the end: the moments are too late")


def test_a_new_version_is_tried_beside_the_old_one_and_promoted(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__SWAP__WATCH="false", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    write_hanging(bot.home, "evaluator", 0)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        rewrite(bot, COUNTER, '"count"', '"recount"')
        began = bot.call("tentacle", "apply", "--as", "experiment", "--why", "it counts otherwise")
        (one,) = bot.asked("experiments")["answer"]["experiments"]
        print(bot.asked("experiment", name=one["name"]))
        shown = bot.asked("experiment", name=one["name"])["answer"]
        listed = {row["name"]: row for row in bot.asked("tentacle.list")["answer"]["tentacles"]}
        done = bot.asked("experiment.promote", "k1", name=one["name"], override=True)["answer"]
        applied = bot.call("tentacle", "apply")
        after = {row["name"]: row for row in bot.asked("tentacle.list")["answer"]["tentacles"]}
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert began.code == 0, began.out + began.err
    pinned = next(name for name in listed if name.startswith("counter@"))
    assert listed["counter"]["state"] == listed[pinned]["state"] == "active"
    assert listed["counter"]["hash12"] != listed[pinned]["hash12"]
    assert any(f"tentacle is {pinned}" in line for line in shown["unlike"])
    assert done["is_done"], done
    assert applied.code == 0, applied.out
    assert after["counter"]["hash12"] == listed[pinned]["hash12"]
    assert bot.call("journal", "rebuild").code == 0
