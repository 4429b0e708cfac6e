"""A/B tests of a running bot, through the verbs that page, chats and command line use."""

from __future__ import annotations

import copy
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import GenerationActivated, Noted
from loligo.model.events import LedgerPosted, OrderSubmitted, PositionChanged, SignalRaised, TradeClosed
from loligo.model.portfolio import MARKET_BOOK, PostingKind
from loligo_bot.experiments.keeper import Experiments
from loligo_bot.experiments.standing import Standing
from loligo_bot.folder_config import read_config
from loligo_lab.experiment import Verdict
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.canary import at_every_whim
from tests.scenario.kills import Moment, Toll, named_moments, run_until
from tests.scenario.test_swap_running import COUNTER, PER_SECOND, edit_registry, rewrite

KILLS = int(os.environ.get("LOLIGO_EXPERIMENT_KILLS", "5"))
WHOLE_RUN_S = 2.5  # about as long as one takes that nobody kills
WITHIN_A_DAY = "172800"  # two days of the data a second: what follows a mark comes on the same day
FAST = "600000"  # seven days of the data a second: the tape outlasts a test on a busy machine
EAGER = {"evaluators.rsi.settings.period": 9, "strategy.settings.entry_threshold": 0.5, "limits.min_confidence": 0.5}


def judged(bot: BotFolder, name: str = "tuned") -> Standing:
    """Return how an experiment stands by the journal of a bot that has stopped."""
    with bot.database() as engine:
        newest = list(JournalReader(engine).records(JournalReader(engine).last_seq))[-1]
        config = read_config(bot.home)
        known = Experiments(
            bot.home, lambda: config, ProjectionReader(engine), lambda: (newest.input.ts, newest.next_seq)
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
        time.sleep(0.2)
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


def test_an_arm_takes_its_capital_out_of_what_is_free_on_the_controls_account(
    template: BotFolder, tmp_path: Path
) -> None:
    """The books of the desks and of the house add up to the account."""
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")

    def rich(config: dict[str, Any]) -> None:
        config["accounts"]["paper"]["deposits"] = {"USD": 160_000}
        config["feeds"][0]["settings"]["until"] = "2018-07-01"

    bot.edit(rich)
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 3_000)
        began = bot.asked("experiment.start", "k1", name="tuned", control="trend", changes=EAGER, account="shared")[
            "answer"
        ]
        assumed = bot.asked("experiment", name="tuned")["answer"]["assumptions"]
        too_much = bot.asked("experiment.start", "k2", name="greedy", control="trend", changes=EAGER, account="shared")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert bot.call("run", "--headless").code == 0
    assert began["is_done"], began
    assert any(line.startswith("trend, tuned_b trade the account paper: its limits") for line in assumed), assumed
    assert "belong to no desk: raise accounts.paper.deposits" in str(too_much), too_much
    trades, books = bot.rows()["trades"], dict[tuple[str, str], Decimal]()
    for record in bot.records():
        for event in record.events:
            for posting in event.postings if isinstance(event, LedgerPosted) else ():
                key = posting.book, posting.asset
                books[key] = books.get(key, Decimal(0)) + posting.amount
    assert {row["desk"] for row in trades} >= {"trend", "tuned_b"}
    assert {row["account"] for row in trades if row["desk"] == "tuned_b"} == {"paper"}
    for asset in ("USD", "BTC"):
        inside = sum(amount for (book, held), amount in books.items() if held == asset and book != MARKET_BOOK)
        assert inside == -books[MARKET_BOOK, asset]
    flat = [book for (book, asset), amount in books.items() if asset == "BTC" and not amount]
    for desk in {"trend", "tuned_b"} & {*flat}:
        net = sum(row["net"] for row in trades if row["desk"] == desk)
        began_with = sum(
            posting.amount
            for record in bot.records()
            for event in record.events
            if isinstance(event, LedgerPosted) and event.kind is PostingKind.ALLOCATION
            for posting in event.postings
            if posting.book == desk
        )
        assert books[desk, "USD"] == began_with + net


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
    assert "tuned_b" in shown["sentence"] and "s: paused at 20" in shown["sentence"] and " by cli:" in shown["sentence"]
    assert noted[-1]["verdict"] == "invalid"
    told = [record.input for record in bot.records() if isinstance(record.input, Noted)]
    assert [(note.kind, note.subject, note.facts["verdict"]) for note in told] == [("verdict", "tuned", "invalid")]


def hasty_and_calm(control: float, challenger: float, **section: Any) -> Callable[[dict[str, Any]], None]:
    """Two arms that differ in how sure they have to be, of which the one that needs little loses by its fees."""

    def change(config: dict[str, Any]) -> None:
        at_every_whim(config)
        two_arms({}, **section)(config)
        config["feeds"][0]["settings"] |= {"since": "2018-01-01", "until": "2018-06-01"}
        for name, threshold in (("trend", control), ("tuned_b", challenger)):
            desk = config["desks"][name] = copy.deepcopy(config["desks"][name])
            desk["strategy"]["settings"]["entry_threshold"] = threshold

    return change


def since_the_pause(bot: BotFolder) -> set[str]:
    """Return the desks that have entered since one was paused."""
    rows = bot.rows()
    paused_ns = next(row["ts"] for row in rows["commands"] if row["kind"] == "pause")
    return {row["desk"] for row in rows["orders"] if row["role"] == "entry" and row["created_at_ns"] > paused_ns}


def test_a_challenger_that_breaks_a_limit_is_stopped_and_takes_no_new_positions(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    bot.edit(hasty_and_calm(0.6, 0.02, limits={"drawdown": 0.004}))
    with bot.running("run", "--headless", "--speed", WITHIN_A_DAY) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        shown = experiment(bot, lambda one: one["verdict"] not in ("too_early", "no_clear_difference"))
        later = experiment(bot, lambda one: one["day"] >= shown["day"] + 3 and bool(since_the_pause(bot)))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert (shown["verdict"], later["verdict"]) == ("stopped", "stopped")
    assert "tuned_b" in shown["sentence"]
    (paused,) = (row for row in bot.rows()["commands"] if row["kind"] == "pause")
    assert (paused["target"], paused["by"]) == ("tuned_b", "experiment tuned")
    assert since_the_pause(bot) == {"trend"}
    told = [record.input for record in bot.records() if isinstance(record.input, Noted)]
    assert [note.facts["verdict"] for note in told] == ["stopped"]


def test_an_end_for_which_nobody_waits_keeps_its_verdict_and_its_challenger_rests_from_then_on(
    template: BotFolder, tmp_path: Path
) -> None:
    """The tape runs for weeks while the swap is at work; a pause before its end would have made the test invalid."""
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05").edit(many_arms)
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        experiment(bot, lambda one: one["day"] >= 30, "left")
        bot.asked("experiment.stop", name="left", patience_s=0.0)
        ending = experiment(bot, lambda one: bool(one["until"]), "left")
        bot.wait_until(lambda status: len(commands(bot)) == 1)
        bot.asked("resume", target="left")
        later = bot.wait_until(lambda status: True)["next_seq"]
        bot.wait_until(lambda status: status["next_seq"] > later + 3_000)
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert ending["verdict"] == judged(bot, "left").judgement.verdict.value == "practically_the_same"
    told = [record.input for record in bot.records() if isinstance(record.input, Noted)]
    assert "invalid" not in [note.facts["verdict"] for note in told if note.subject == "left"]
    assert [(row["kind"], row["by"].partition(":")[0]) for row in commands(bot)] == [
        ("pause", "experiment left"),
        ("resume", "cli"),
    ]


def commands(bot: BotFolder) -> list[dict[str, Any]]:
    """Return the commands about the desk "left", oldest first; a person's resume is the last word."""
    with bot.database() as engine:
        return ProjectionReader(engine).rows("commands", where={"target": "left"})


CHALLENGERS = ("closed", "cancelled", "asked", "lifted", "left")


def many_arms(config: dict[str, Any]) -> None:
    """Desks that do the same, each on an account of its own, and a test of the first against each other one. One of
    them asks before each entry, one is paused by a limit after each loss."""
    config["feeds"][0]["settings"] |= {"since": "2018-01-01", "until": "2019-12-01"}
    at_every_whim(config)
    desk = config["desks"].pop("trend")
    for name in ("trend", *CHALLENGERS):
        config["accounts"][name] = {"deposits": {"USD": 50_000}}
        config["desks"][name] = {**desk, "account": name}
    config["desks"]["asked"]["consent_s"] = 90 * 86_400  # in the time of the data
    lifted = config["desks"]["lifted"]
    lifted["limits"] = {**lifted["limits"], "max_consecutive_losses": 1}
    config["experiments"] = {name: {"control": "trend", "challengers": [name]} for name in CHALLENGERS}


def once_it_can_be(bot: BotFolder, do: Callable[[], dict[str, Any]]) -> None:
    """Do it as soon as there is something to do it to."""
    until = time.monotonic() + LIMIT_S
    while not do()["answer"]["is_done"]:
        assert time.monotonic() < until, "nothing came to do that to"
        time.sleep(0.05)


def test_what_is_done_by_hand_to_one_arm_makes_its_test_invalid_and_what_hits_all_does_not(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05").edit(many_arms)

    def cancel() -> dict[str, Any]:
        orders = bot.asked("orders", desk="cancelled", is_open=True)["answer"]["orders"]
        return bot.asked("cancel", order=orders[0]["id"] if orders else "none")

    def deny() -> dict[str, Any]:
        waiting = bot.asked("consents")["answer"]["waiting"]
        return bot.asked("consent.deny", id=waiting[0]["id"] if waiting else "none")

    words = {
        "closed": "position of closed alone was taken back by hand",
        "cancelled": "position of cancelled alone was taken back by hand",
        "asked": "entry of asked alone was agreed to or refused by hand",
        "lifted": "A pause that a limit had put on lifted alone was ended by hand",
    }
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        once_it_can_be(bot, lambda: bot.asked("flatten", target="*"))
        bot.asked("panic", level="flatten")
        bot.asked("resume", target="*")
        alike = experiment(bot, lambda one: one["day"] >= 4, "left")["day"]
        assert {experiment(bot, bool, name)["verdict"] for name in words} == {"too_early"}
        once_it_can_be(bot, lambda: bot.asked("close", desk="closed"))
        once_it_can_be(bot, cancel)
        once_it_can_be(bot, deny)
        once_it_can_be(bot, lambda: bot.asked("resume", target="lifted"))
        shown = {name: experiment(bot, lambda one: one["verdict"] == "invalid", name) for name in words}
        left = experiment(bot, lambda one: one["day"] >= alike + 4, "left")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    for name, one in shown.items():
        assert words[name] in one["sentence"]
        (check,) = (check for check in one["pairs"][0]["checks"] if not check["is_met"])
        assert check["name"] == "by_hand"
    assert left["verdict"] != "invalid"
    assert all(check["is_met"] for check in left["pairs"][0]["checks"])


@pytest.fixture(scope="module")
def undisturbed(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[BotFolder, Standing]:
    """Arms of which one is better, in one run to the end of the data."""
    bot = template.copy(tmp_path_factory.mktemp("ab") / "undisturbed").edit(hasty_and_calm(0.02, 0.6))
    whole = bot.copy(bot.home.with_name("whole"))
    assert whole.call("run", "--headless").code == 0
    standing = judged(whole)
    assert standing.judgement.winner == "tuned_b" and standing.judgement.pairs[0].verdict_day is not None
    return bot, standing


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
        assert found.judgement == expected.judgement  # with the day of its verdict
        noted = [record.input.facts["verdict"] for record in bot.records() if isinstance(record.input, Noted)]
        assert all(one != other for one, other in pairwise(noted))  # nothing is told twice
        if kills == KILLS:
            return
        runs += 1
        bot = template.copy(tmp_path / f"run{runs}")
    raise AssertionError(f"{kills} kills, {runs} runs to the end: the moments are too late")


def beside_it(config: dict[str, Any]) -> None:
    """A desk that uses the same evaluators as the first, and is no arm."""
    desk = next(iter(config["desks"].values()))
    config["accounts"]["other"] = {"deposits": {"USD": 10_000}}
    config["desks"]["other"] = {**copy.deepcopy(desk), "account": "other", "capital": 10_000}


CLOCK = Path("tentacles/strategies/by_clock/__init__.py")
IN_ANOTHER_FORM = {  # a version with another state, which takes over the state of the one before
    "state_version = 1": "state_version = 2",
    'state["asked"]': 'state["heard"]',
    'return {"asked": self.asked}': """return {"heard": self.asked}

    def migrate_state(self, state, from_version):
        return {"heard": state["asked"]}
""",
}


@pytest.mark.parametrize(
    ("file", "kind", "word"),
    [(COUNTER, "evaluator", '"count"'), (CLOCK, "strategy", '"clock"')],
    ids=["opinion", "plan"],
)
def test_a_new_version_is_tried_beside_the_old_one_and_promoted(
    template: BotFolder, tmp_path: Path, file: Path, kind: str, word: str
) -> None:
    bot, own = (
        template.copy(tmp_path / "bot", LOLIGO__SWAP__WATCH="false", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05"),
        file.parent.name,
    )
    write_hanging(bot.home, "evaluator", 0)
    rewrite(bot, CLOCK, '1.0, "clock")', '1.0, "clock", (float(self.asked),))')
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))
    bot.edit(beside_it)
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        for old, new in {word: f'"re{word[1:]}', **IN_ANOTHER_FORM}.items():
            rewrite(bot, file, old, new)
        with (bot.home / file).with_name("tentacle.toml").open("a") as manifest:
            manifest.write("state = { version = 2 }\n")
        which = bot.call("tentacle", "apply", "--as", "experiment")
        began = bot.call("tentacle", "apply", "--as", "experiment", "--desk", "trend", "--why", "it counts otherwise")
        assert began.code == 0, began.out + began.err
        (one,) = bot.asked("experiments")["answer"]["experiments"]
        shown = bot.asked("experiment", name=one["name"])["answer"]
        listed = {row["name"]: row for row in bot.asked("tentacle.list")["answer"]["tentacles"]}
        done = bot.asked("experiment.promote", "k1", name=one["name"], override=True)["answer"]
        applied = bot.call("tentacle", "apply")
        after = {row["name"]: row for row in bot.asked("tentacle.list")["answer"]["tentacles"]}
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert "used by trend, other; name one of them as the control" in which.data["error"]["message"]
    pinned = next(name for name in listed if name.startswith(f"{own}@"))
    assert listed[own]["state"] == listed[pinned]["state"] == "active"
    assert listed[own]["hash12"] != listed[pinned]["hash12"]
    assert any(f"tentacle is {pinned}" in line for line in shown["unlike"])
    assert done["is_done"] and f"; so do other, which use {kind}/{own}, too" in done["message"], done
    assert applied.code == 0, applied.out
    assert after[own]["hash12"] == listed[pinned]["hash12"]
    if kind == "strategy":  # what it had counted goes on in the new version
        said = [event for record in bot.records() for event in record.events if isinstance(event, SignalRaised)]
        told = [one.signal for one in said if one.desk == "trend"]
        assert [one.numbers[0] - told[0].numbers[0] for one in told] == [float(number) for number in range(len(told))]
        codes = [one.code for one in told]
        assert codes == sorted(codes) and {*codes} == {"clock", "reclock"}
    assert bot.call("journal", "rebuild").code == 0
