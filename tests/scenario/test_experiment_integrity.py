"""A/B tests that cannot lie: what makes one invalid is told with what, when and who; one that is older than the journal
is judged all the same; a winner takes over by policy once, or is refused once."""

from __future__ import annotations

import copy
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from loligo.model.command import GenerationActivated
from loligo.model.events import OrderSubmitted, PositionChanged, Record, TradeClosed
from loligo.model.timeframe import DAY_NS, iso, ns_from_iso
from loligo_bot.experiments.standing import Standing
from loligo_store.rows import ProjectionReader
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.tentacle_folder import write_registry
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_experiments import experiment, hasty_and_calm, judged
from tests.scenario.test_swap_running import CLOCK, edit_registry, rewrite

OFTEN = {"LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05"}
QUICK = {f"LOLIGO__SWAP__{name}_INPUTS": "5" for name in ("REHEARSAL", "SHADOW", "PROBATION")}
BRISK, CALM = "700000", "300000"  # eight days of the data a second, and three and a half
POLICY = "experiment tuned"  # who wants a promotion that nobody asked for
RAISES_AT_NS = 1_514_167_200_000_000_000  # 2017-12-25T02:00Z
FIRST_MS, HOUR_MS = 1_546_300_800_000, 3_600_000  # 2019-01-01T00:00Z
LAST_DAY = 150  # of the arms of `uncut`
ARMS = ("edited", "swapped", "raising")


# What is older than the journal


@pytest.fixture(scope="module")
def uncut(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[BotFolder, Standing]:
    """Two arms over five months of which the challenger is better, and how that stands by a journal that is whole."""
    bot = template.copy(tmp_path_factory.mktemp("integrity") / "bot").edit(hasty_and_calm(0.02, 0.6))
    edit_registry(bot, without_a_page)
    whole = bot.copy(bot.home.with_name("whole"))
    assert whole.call("run", "--headless").code == 0
    standing = judged(whole)
    assert standing.judgement.winner == "tuned_b"
    return bot, standing


def test_a_test_that_is_older_than_the_journal_keeps_gives_the_verdict_that_it_gave_without_a_cut(
    uncut: tuple[BotFolder, Standing], tmp_path: Path
) -> None:
    bot, expected = uncut
    small = {"RETENTION_DAYS": "5", "SNAPSHOT_EVERY_RECORDS": "500", "COMMIT_EVERY_RECORDS": "100"}
    cut = bot.copy(tmp_path / "cut", **{f"LOLIGO__JOURNAL__{name}": value for name, value in small.items()})
    with cut.running("run", "--headless", "--stay") as process:
        cut.wait_until(lambda status: status["next_seq"] > 100)
        shown = experiment(cut, lambda one: one["day"] >= len(expected.days))
        differences = cut.asked("experiment.differences", name="tuned", limit=5)
        page = cut.asked("experiment.export", name="tuned", format="html")["answer"]
        exported = cut.call("ab", "export", "tuned", "--format", "json", "--output", str(tmp_path / "tuned.json"))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert cut.records()[0].input.ts > expected.since_ns + 30 * DAY_NS  # retention was at work
    found = judged(cut)
    assert found.since_ns == expected.since_ns
    assert [day.arms for day in found.days] == [day.arms for day in expected.days]
    assert found.judgement == expected.judgement
    assert (shown["verdict"], shown["sentence"]) == (expected.judgement.verdict.value, expected.judgement.sentence)
    assert differences["ok"], differences
    assert exported.code == 0 and cut.call("ab", "check", str(tmp_path / "tuned.json")).code == 0
    check_assumptions(json.loads((tmp_path / "tuned.json").read_text())["about"]["assumptions"])
    assert "What the verdict assumes" in page["content"] and "Fills are paper fills" in page["content"]


def without_a_page(entries: list[dict[str, Any]]) -> None:
    """Leave out what is not looked at here."""
    entries[:] = [entry for entry in entries if entry["kind"] != "interface"]


# A winner takes over by itself


def take_over(config: dict[str, Any]) -> None:
    """Let a winner take over."""
    config["experiments"]["tuned"]["on_win"] = "promote"


def swaps(bot: BotFolder, by: str) -> list[dict[str, Any]]:
    """Return the swaps that somebody wanted."""
    with bot.database() as engine:
        return ProjectionReader(engine).rows("swaps", where={"by": by})


def wanted(bot: BotFolder) -> tuple[float, bool]:
    """Return what the file says of the control's threshold, and whether the test is over."""
    config = YAML(typ="safe").load(bot.home / "config" / "loligo.yaml")
    return config["desks"]["trend"]["strategy"]["settings"]["entry_threshold"], bool(
        config["experiments"]["tuned"].get("ended")
    )


def position(records: list[Record], desk: str) -> Any:
    changes = [
        event.position
        for record in records
        for event in record.events
        if isinstance(event, PositionChanged) and event.position.desk == desk
    ]
    return changes[-1] if changes else None


def test_a_winner_takes_over_by_policy_with_the_position_as_it_was_and_people_are_told(
    uncut: tuple[BotFolder, Standing], tmp_path: Path
) -> None:
    """The policy is chosen while the test goes on, which does not begin it anew."""
    bot = uncut[0].copy(tmp_path / "bot", **OFTEN, **QUICK)
    with bot.running("run", "--headless", "--stay", "--speed", BRISK) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        begun = experiment(bot, lambda one: one["day"] >= 2)
        bot.edit(take_over)
        shown = experiment(bot, lambda one: one["is_ended"])
        bot.wait_until(lambda status: len(bot_commands(bot, "pause")) == 1)
        bot.wait_until(lambda status: any("has ended" in one["text"] for one in messages(bot, "verdict")))
        told = messages(bot, "verdict", "tentacle_swapped")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert (shown["verdict"], shown["winner"]) == ("challenger_better", "tuned_b")
    assert shown["since"] == begun["since"]
    (swap,) = swaps(bot, POLICY)
    assert swap["result"] == "good" and "it won, and the policy is promote" in swap["why"]
    assert any("strategy.settings.entry_threshold: 0.02 → 0.6" in line for line in swap["changed"])
    assert wanted(bot) == (0.6, True)
    assert [(row["target"], row["by"]) for row in bot_commands(bot, "pause")] == [("tuned_b", POLICY)]
    records = bot.records()
    place, flip = [(at, one) for at, one in enumerate(records) if isinstance(one.input, GenerationActivated)][-1]
    assert not [e for e in flip.events if isinstance(e, OrderSubmitted | PositionChanged | TradeClosed)]
    held = position(records[:place], "trend")
    assert held == position(records[: place + 1], "trend")
    texts = [one["text"] for one in told]
    assert any("tuned: tuned_b is better." in text for text in texts)
    assert any("tuned: has ended, tuned_b is better." in text for text in texts)
    assert any("desk/trend strategy.settings.entry_threshold: 0.02 → 0.6" in text for text in texts), texts
    assert bot.call("journal", "replay", "--verify").code == 0


def messages(bot: BotFolder, *kinds: str) -> list[dict[str, Any]]:
    """Return what people were told, newest first."""
    told: list[dict[str, Any]] = bot.asked("notifications", kinds=kinds, limit=50)["answer"]["notifications"]
    return told


def bot_commands(bot: BotFolder, kind: str) -> list[dict[str, Any]]:
    with bot.database() as engine:
        return ProjectionReader(engine).rows("commands", where={"kind": kind})


def with_a_desk_to_spare(config: dict[str, Any]) -> None:
    """Add a desk that never trades: no feed has its candles."""
    config["accounts"]["spare"] = {"deposits": {"USD": 1_000}}
    spare = {"account": "spare", "capital": 1_000, "timeframe": "4h"}
    config["desks"]["spare"] = copy.deepcopy(config["desks"]["trend"]) | spare


def take_it_out(bot: BotFolder) -> None:
    """Desks go with the next start, and until then no other change is taken up: a swap is refused."""
    bot.edit(lambda config: config["desks"].pop("spare"))


def spoil_the_file(bot: BotFolder) -> None:
    """What cannot be read cannot be written either: it never comes to a swap."""
    with (bot.home / "config" / "loligo.yaml").open("a") as file:
        file.write("nonsense: [\n")


@pytest.mark.parametrize(
    ("prevent", "words"),
    [(take_it_out, "spare: desks and accounts go with the next start"), (spoil_the_file, "loligo.yaml")],
    ids=["a swap that is refused", "a file that cannot be read"],
)
def test_a_promotion_by_policy_that_is_refused_is_told_once_changes_no_file_and_is_not_tried_again(
    uncut: tuple[BotFolder, Standing], tmp_path: Path, prevent: Callable[[BotFolder], None], words: str
) -> None:
    bot = uncut[0].copy(tmp_path / "bot", **OFTEN, **QUICK).edit(take_over).edit(with_a_desk_to_spare)
    with bot.running("run", "--headless", "--stay", "--speed", BRISK) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        prevent(bot)
        bot.wait_until(lambda status: bool(swaps(bot, POLICY)))
        if prevent is spoil_the_file:
            file = bot.home / "config" / "loligo.yaml"
            file.write_text(file.read_text().removesuffix("nonsense: [\n"))
        seen = experiment(bot, lambda one: one["winner"] == "tuned_b")["day"]
        shown = experiment(bot, lambda one: one["day"] >= min(seen + 10, LAST_DAY))
        told = messages(bot, "tentacle_refused")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    if prevent is take_it_out:  # another start tries no more
        later = iso(judged(bot).since_ns + (shown["day"] + 20) * DAY_NS)
        assert bot.call("run", "--headless", "--until", later).code == 0
    (swap,) = swaps(bot, POLICY)
    assert swap["result"] == "refused" and words in swap["text"]
    assert len([one for one in told if one["fields"]["by"] == POLICY]) == 1
    assert (shown["winner"], shown["is_ended"]) == ("tuned_b", False)
    assert wanted(bot) == (0.02, False)


# Arms that were not treated alike


def several_arms(config: dict[str, Any]) -> None:
    """A control that trades by the clock, arms that do the same with code of their own, and desks that are no match."""
    trade_with_them(config, "2017-12-22", "2019-01-01")
    desk = config["desks"].pop("trend") | {"capital": 10_000, "limits": {"max_trades_per_day": 10}}
    for name in ("trend", *ARMS, "poor"):
        config["accounts"][name] = {"deposits": {"USD": 10_000}}
        config["desks"][name] = copy.deepcopy(desk) | {"account": name}
    for name in ("swapped", "raising"):
        config["desks"][name]["strategy"] = {"tentacle": f"by_clock_{name}"}
    config["desks"]["poor"]["capital"] = 9_000
    config["experiments"] = {name: {"control": "trend", "challengers": [name]} for name in ARMS}


def own_strategies(bot: BotFolder) -> None:
    """Give two arms a copy of the control's strategy; one of them raises once."""
    for name in ("swapped", "raising"):
        folder = CLOCK.parent.with_name(f"by_clock_{name}")
        for file in ("tentacle.toml", "__init__.py"):
            text = (bot.home / CLOCK.with_name(file)).read_text().replace('"by_clock"', f'"by_clock_{name}"')
            (bot.home / folder).mkdir(exist_ok=True)
            (bot.home / folder / file).write_text(text)
    once = f'if board.ts == {RAISES_AT_NS}:\n            raise ValueError("no idea")\n        self.count(board.ts)'
    rewrite(bot, CLOCK.parent.with_name("by_clock_raising") / "__init__.py", "self.count(board.ts)", once)
    write_registry(bot.home)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])


@pytest.fixture(scope="module")
def clocks(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    bot = template.copy(tmp_path_factory.mktemp("clocks") / "bot", **OFTEN, **QUICK, LOLIGO__SWAP__WATCH="false")
    write_hanging(bot.home, "evaluator", 0)
    own_strategies(bot)
    return bot.edit(several_arms)


def test_whatever_is_changed_or_fails_in_one_arm_is_told_with_what_when_and_who_and_the_session_runs_again_the_same(
    clocks: BotFolder, tmp_path: Path
) -> None:
    bot = clocks.copy(tmp_path / "bot")
    with bot.running("run", "--headless", "--speed", CALM) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        raising = experiment(bot, lambda one: one["verdict"] == "invalid", "raising")
        bot.edit(lambda config: config["desks"]["edited"]["limits"].update(max_trades_per_day=7))
        rewrite(bot, CLOCK.parent.with_name("by_clock_swapped") / "__init__.py", "% 8 < 4", "% 8 < 3")
        bot.asked("tentacle.apply", why="they are in a hurry")
        edited = experiment(bot, lambda one: one["verdict"] == "invalid" and " by " in one["sentence"], "edited")
        swapped = experiment(bot, lambda one: one["verdict"] == "invalid" and " by " in one["sentence"], "swapped")
        odd = bot.asked("experiment.start", name="odd", control="trend", challengers=["poor"])
        bot.asked("experiment.start", name="late", control="trend", changes={"limits.max_trades_per_day": 2})
        late = bot.asked("tentacle.apply")
        begun = experiment(bot, lambda one: one["day"] >= 3, "late")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert raising["sentence"] == (
        "Tentacles of raising failed on day 3: strategy by_clock_raising in decide at 2017-12-25T02:00:00Z: "
        "ValueError: no idea. Start the test anew."
    )
    began = generations_since(bot)
    assert edited["sentence"].endswith("by cli:root (they are in a hurry). Start the test anew.")
    assert "edited were changed on day" in edited["sentence"]
    assert f"limits.max_trades_per_day: 10 → 7 at {iso(began[1])} by" in edited["sentence"]
    assert f"strategy/by_clock_swapped {code(swapped)[:12]} → " in swapped["sentence"]
    assert f" at {iso(began[1])} by cli:root (they are in a hurry). Start the test anew." in swapped["sentence"]
    for one in (raising, edited, swapped):
        assert [check["is_met"] for check in one["pairs"][0]["checks"]].count(False) >= 1
    noted = [row["text"] for row in notes(bot) if "edited were changed" in row["text"]]
    assert len(noted) == 1 and "by cli:root" in noted[0]  # people were told who, too
    assert not odd["ok"] and "the arms differ in capital: trend has 10000 USD; poor has 9000 USD" in json.dumps(odd)
    assert late["ok"] and late["answer"]["is_done"], late
    check_assumptions(begun["assumptions"])
    replay = bot.call("journal", "replay", "last", "--verify")
    assert (replay.code, replay.data["is_identical"]) == (0, True), replay.out
    check_reality_of_one_that_came_late(bot, began[-1])


def notes(bot: BotFolder) -> list[dict[str, Any]]:
    with bot.database() as engine:
        return ProjectionReader(engine).rows("notes", where={"kind": "verdict"})


def generations_since(bot: BotFolder) -> list[int]:
    with bot.database() as engine:
        return [row["first_ts"] for row in ProjectionReader(engine).rows("generations")]


def code(shown: dict[str, Any]) -> str:
    """Return the hash that the challenger began with."""
    found: str = shown["arms"][1]["code"]["strategy/by_clock_swapped"].partition(":")[2]
    return found


def check_assumptions(lines: list[str]) -> None:
    told = " ".join(lines)
    assert "Fills are paper fills: coinbase is the venue simulated" in told
    assert "slippage_rate 0.0005" in told
    assert "BTC/USD 0.0025 for orders that rest and 0.004 for others" in told
    assert "every 60 minutes of the data" in told


def check_reality_of_one_that_came_late(bot: BotFolder, came_ns: int) -> None:
    done = bot.call("reality", "--desk", "late_b")
    assert done.code == 0, done.out + done.err
    assert came_ns < ns_from_iso(done.data["since"]) <= came_ns + DAY_NS
    assert done.data["trades"]["recorded"] > 3
    assert (done.data["differences"], done.data["not_explained"]) == (0, 0)
    early = bot.call("reality", "--desk", "late_b", "--from", "2017-12-20")
    assert early.code == 1
    assert f'desk "late_b" came at {iso(came_ns)}, after --from 2017-12-20' in early.data["error"]["message"]


# Arms that cannot be compared


def test_a_bot_whose_arms_have_other_capital_does_not_start_and_says_why(clocks: BotFolder, tmp_path: Path) -> None:
    bot = clocks.copy(tmp_path / "bot")
    bot.edit(lambda config: config["experiments"].update(odd={"control": "trend", "challengers": ["poor"]}))
    done = bot.call("run", "--headless")
    assert done.code != 0
    assert "experiments.odd: the arms differ in capital: trend has 10000 USD; poor has 9000 USD" in done.out + done.err


def write_candles(bot: BotFolder, hours: int) -> dict[str, Any]:
    """Write 40 days of candles of so many hours; return the source of them."""
    lines = ["timestamp,open,high,low,close,volume"]
    for hour in range(0, 40 * 24, hours):
        price = 10_000 + hour * 37 % 211
        lines.append(f"{FIRST_MS + hour * HOUR_MS},{price},{price + 5},{price - 5},{price + 2},500")
    (bot.home / "data").mkdir(exist_ok=True)
    (bot.home / "data" / f"{hours}.csv").write_text("\n".join(lines))
    return {"file": f"{hours}.csv", "instrument": "coinbase:BTC/USD", "kind": "candles", "timeframe": f"{hours}h"}


def test_arms_of_other_timeframes_are_compared_by_the_time_over_which_they_were_asked(
    clocks: BotFolder, tmp_path: Path
) -> None:
    bot = clocks.copy(tmp_path / "bot")
    sources = [write_candles(bot, hours) for hours in (1, 4)]
    bot.edit(lambda config: config["feeds"][0].update(settings={"sources": sources}))
    told = bot.call("ab", "run", "--control", "trend", "--arm", "timeframe=4h", "--arm", "timeframe=2h").data
    slower, never = told["pairs"]
    (check,) = (check for check in slower["checks"] if check["name"] == "events")
    assert check["is_met"], check
    assert "times at candles of 1h, historic_b " in check["words"] and check["words"].endswith("times at 4h")
    assert told["arms"][1]["trades"] > 0
    assert never["sentence"] == "trend was given 24 events on day 1, historic_c 0. Start the test anew."  # no such feed
