"""Automations of a running bot: what fires, acts through the door, in its own name, within its limits, and once."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.errors import LoligoError
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.events import EquityMarked, RiskActed
from loligo.model.market import Candle
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.test_swap_running import edit_registry

BTC = "coinbase:BTC/USD"
PER_SECOND = "360000"  # 100 candles of an hour in a second
QUICK = {f"LOLIGO__SWAP__{name}": "5" for name in ("REHEARSAL_INPUTS", "SHADOW_INPUTS", "PROBATION_INPUTS")}
PAUSE = {"do": "pause", "desk": "trend"}


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    quick = {**QUICK, "LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05", "LOLIGO__ENGINE__EQUITY_EVERY_S": "3600"}
    bot = template.copy(tmp_path / "bot", **quick)
    return bot.edit(lambda config: config["feeds"][0]["settings"].update(since="2017-12-15"))


def placed(bot: BotFolder, name: str, tentacle: str = "rule", **settings: Any) -> BotFolder:
    entry = {"tentacle": tentacle, "name": name, "settings": settings}
    return bot.edit(lambda config: config.update(automations=[*config.get("automations", []), entry]))


def row(bot: BotFolder, name: str) -> dict[str, Any]:
    rows = bot.asked("automations")["answer"]["automations"]
    return next(one for one in rows if one["name"] == name)


def until(bot: BotFolder, name: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return how an automation stands once it is as wanted."""
    found: dict[str, Any] = {}
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        try:
            found = row(bot, name)
            if is_so(found):
                return found
        except (LoligoError, KeyError, StopIteration):
            pass  # it does not run yet
        time.sleep(0.1)
    raise AssertionError(f"{name} did not come to that: {found}")


def commands(bot: BotFolder, kind: CommandKind) -> list[tuple[int, OperatorCommand]]:
    found = [(one.seq, one.input) for one in bot.records() if isinstance(one.input, OperatorCommand)]
    return [(seq, given) for seq, given in found if given.kind is kind]


def test_a_price_that_falls_below_its_level_pauses_the_desk_once(bot: BotFolder) -> None:
    acts = [PAUSE, {"do": "notify"}]
    placed(bot, "guard", trigger="price", instrument=BTC, relation="below", level=15000, actions=acts, re_arm=10_000)
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        told = until(bot, "guard", lambda one: bool(one["firings"]))
        notices = bot.asked("notifications", kinds=["automation"])["answer"]["notifications"]
        bot.wait_until(lambda status: bool(status["desks"]["trend"]["pauses"]))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    given = commands(bot, CommandKind.PAUSE)
    assert len(given) == 1 and told["state"].startswith("fired")
    firing = told["firings"][0]
    assert given[0][1].by == f"automation:guard: {firing['why']}"
    assert firing["why"].startswith("BTC/USD at 14,") and firing["why"].endswith("below 15,000")
    prices = [
        (r.seq, r.input.close) for r in bot.records() if isinstance(r.input, Candle) and r.input.instrument == BTC
    ]
    assert firing["seq"] == next(seq for seq, close in prices if close < 15000)
    assert [act["is_done"] for act in firing["acts"]] == [True, True]
    assert any(one["text"] == f"guard: {firing['why']}" for one in notices)
    assert any(isinstance(event, RiskActed) for one in bot.records() for event in one.events)


def test_a_drawdown_flattens_everything_by_commands_that_say_who_and_why(bot: BotFolder) -> None:
    placed(bot, "floor", trigger="drawdown", desk="trend", relation="above", level=0.05, actions=[{"do": "flatten"}])
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        told = until(bot, "floor", lambda one: bool(one["firings"]))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    given = commands(bot, CommandKind.CLOSE)
    assert told["firings"][-1]["why"] in given[0][1].by  # the oldest; it may have fallen again since
    assert {(one.target, one.by.partition(": the drawdown of trend")[0]) for _, one in given} == {
        ("*", "automation:floor")
    }
    known = [record for record in bot.records() if record.seq <= given[0][0]]
    marks = [e for record in known for e in record.events if isinstance(e, EquityMarked) and e.desk == "trend"]
    assert max(mark.drawdown for mark in marks) * 100 > 0.05  # it may have risen again before the command came


def test_a_rule_that_names_what_is_not_there_is_told_by_file_and_line_before_a_bot_starts(bot: BotFolder) -> None:
    placed(bot, "floor", trigger="drawdown", desk="trnd", relation="above", level=5, actions=[{"do": "notify"}])
    for verb in ("config check", "run --headless"):
        done = bot.call(*verb.split())
        assert done.code == 3, done.out
        said = done.data["error"]["message"]
        assert 'settings.desk = "trnd": the bot has none of that name' in said and "loligo.yaml:" in said, said
        assert 'did you mean "trend"' in said
    bot.edit(lambda config: config["automations"][0]["settings"].update(enabled=False))
    assert bot.call("config", "check").code == 0  # who switches it off may keep it


def test_a_tentacle_is_switched_off_only_where_the_registry_grants_admin(bot: BotFolder) -> None:
    off = {"do": "switch", "tentacle": "evaluator/macd", "on": False}
    placed(bot, "calm", trigger="price", instrument=BTC, relation="below", level=15000, actions=[off], re_arm=10_000)
    placed(bot, "late", trigger="price", instrument=BTC, relation="below", level=12000, actions=[off], re_arm=10_000)

    def grant(entries: list[dict[str, Any]]) -> None:
        next(one for one in entries if one["name"] == "rule").update(permissions=["admin"])

    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        denied = until(bot, "calm", lambda one: bool(one["firings"]))
        assert denied["may"] == "trade"
        edit_registry(bot, grant)
        done = until(bot, "late", lambda one: bool(one["firings"]))
        swaps = bot.asked("tentacle.history", name="macd")["answer"]["swaps"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    act = denied["firings"][0]["acts"][0]
    assert not act["is_done"] and "it needs the role admin" in act["text"]
    assert done["may"] == "admin" and done["firings"][0]["acts"][0]["is_done"], done
    assert [(one["by"], one["why"]) for one in swaps] == [
        ("automation:late", f"tentacle off evaluator macd: {done['firings'][0]['why']}")
    ]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_bot_killed_while_an_automation_acts_gives_each_command_once(bot: BotFolder, count: int) -> None:
    acts = [PAUSE, {"do": "flatten", "desk": "trend"}, {"do": "resume", "desk": "trend"}]
    placed(bot, "guard", trigger="price", instrument=BTC, relation="below", level=15000, actions=acts, re_arm=10_000)
    book = bot.home / "state" / "automations" / "guard.json"
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end and not (book.exists() and killable(json.loads(book.read_text()), count)):
            time.sleep(0.0005)
        process.kill()
        process.wait()
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        told = until(bot, "guard", lambda one: bool(one["firings"]))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert [len(act["verb"]) > 0 for act in told["firings"][0]["acts"]] == [True, True, True]
    assert len(told["firings"]) == 1
    for kind in (CommandKind.PAUSE, CommandKind.CLOSE, CommandKind.RESUME):
        assert len(commands(bot, kind)) == 1


def killable(page: dict[str, Any], count: int) -> bool:
    """Say whether so many acts of a firing are written down as done, or all of it is over."""
    pending = page["pending"]
    return bool(page["happened"]) or (pending is not None and len(pending["done"]) >= count - 1)


def test_a_trial_only_tells_and_a_person_may_run_it(bot: BotFolder) -> None:
    placed(bot, "guard", trigger="price", instrument=BTC, relation="below", level=15000, actions=[PAUSE], dry_run=True)
    placed(bot, "hand", trigger="price", instrument=BTC, relation="above", level=1e9, actions=[PAUSE])
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        told = until(bot, "guard", lambda one: bool(one["firings"]))
        assert told["is_trial"] and told["firings"][0]["is_trial"]
        assert told["firings"][0]["acts"][0]["text"].startswith("told: would pause trend: BTC/USD at 14,")
        ran = bot.asked("automation.run", "k1", name="hand")["answer"]
        again = bot.asked("automation.run", "k1", name="hand")["answer"]
        assert ran["is_done"] and again == ran
        assert until(bot, "hand", lambda one: bool(one["firings"]))["firings"][0]["by"].startswith("cli:")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert [one.by.partition(": ")[0] for _, one in commands(bot, CommandKind.PAUSE)] == ["automation:hand"]


def test_automations_are_added_switched_and_removed_while_the_bot_runs(bot: BotFolder) -> None:
    wanted = {"trigger": "price", "instrument": BTC, "relation": "above", "level": 1e9, "actions": [PAUSE]}
    with bot.running("run", "--headless", "--speed", "36000") as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        added = bot.asked("automation.add", "a1", name="moon", settings=wanted)["answer"]
        assert (
            added["is_done"]
            and added["words"] == "When BTC/USD rises above 1,000,000,000: pause trend, at most once a day"
        )
        assert until(bot, "moon", lambda one: one["state"].startswith("armed, now"))["is_at_work"]
        taken = bot.asked("automation.add", "a2", name="moon", settings=wanted)
        wrong = bot.asked("automation.add", "a3", name="sun", settings={**wanted, "level": -1})
        assert "there is an automation of that name" in taken["error"]
        assert "expected a price above 0" in wrong["error"]
        blind = {**wanted, "instrument": "coinbase:BTC/USB", "actions": [{"do": "pause", "desk": "tend"}]}
        unseen = bot.asked("automation.add", "a4", name="sun", settings=blind)["error"]
        assert '"coinbase:BTC/USB": the bot has none of that name (did you mean "coinbase:BTC/USD"?)' in unseen
        assert 'settings.actions.0.desk = "tend": the bot has none of that name (did you mean "trend"?)' in unseen
        asks = {"job": "backup", "arguments": {"kep": 7}}
        odd = bot.asked("automation.add", "a5", name="sun", tentacle="schedule", settings=asks)["error"]
        assert 'backup.make: kep is not known (did you mean "keep"?)' in odd
        given = {"name": "automation/rule", "place": "automations.0", "values": {"instrument": "coinbase:BTC/USB"}}
        strayed = bot.asked("tentacle.settings", "t1", **given)["error"]
        assert 'values.instrument = "coinbase:BTC/USB": the bot has none of that name' in strayed
        off = bot.asked("automation.switch", "s1", name="moon", on=False)["answer"]
        assert off["is_done"] and not until(bot, "moon", lambda one: not one["is_on"])["is_at_work"]
        gone = bot.asked("automation.remove", "r1", name="moon")["answer"]
        assert gone["is_done"] and bot.asked("automations")["answer"]["automations"] == []
        undo = gone["undo"]
        back = bot.asked(undo["verb"], "u1", **undo["arguments"])["answer"]
        assert back["is_done"] and not row(bot, "moon")["is_on"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    swaps = bot.rows()["swaps"]
    assert next(one["why"] for one in swaps if "moon" in one["why"]) == "automation moon added"


def test_a_report_is_written_and_told_and_a_backup_made(bot: BotFolder) -> None:
    placed(bot, "hand", "schedule", cron="0 0 1 1 *", job="report", arguments={"period": "month"})
    placed(bot, "safe", "schedule", cron="0 3 * * *", job="backup", arguments={"keep": 1})
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        until(bot, "hand", lambda one: one["is_at_work"])
        bot.wait_until(lambda status: status["next_seq"] > 2_000)
        done = bot.asked("automation.run", "k1", name="hand")["answer"]
        assert done["is_done"] and "The month to 201" in done["message"]
        made = [bot.asked("automation.run", key, name="safe")["answer"]["message"] for key in ("b1", "b2")]
        assert "up to seq" in made[0] and made[1].endswith("; 1 older removed"), made
        told = bot.asked("notifications", kinds=["job_done"])["answer"]["notifications"]
        assert [one["text"] for one in told][::-1] == [f"backup is made: {one}" for one in made]
        assert bot.asked("jobs.retry", "k2")["answer"]["message"] == "0 of 0 jobs run once more"
        shown = row(bot, "hand")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert shown["words"] == "At 00:00 on January 1 (UTC): write a report" and shown["next_at"].endswith(
        "-01-01T00:00:00Z"
    )
    (file,) = (bot.home / "reports").glob("month-*.html")
    page = file.read_text()
    assert "<svg" in page and "paper" in page and "http" not in page


def test_what_an_automation_could_not_do_is_told(bot: BotFolder) -> None:
    odd = [{"do": "backtest", "arguments": {"desks": ["nobody"]}}, {"do": "flatten", "desk": "dips"}]
    placed(bot, "odd", trigger="price", instrument=BTC, relation="above", level=1, actions=odd)
    with bot.running("run", "--headless", "--speed", PER_SECOND):
        until(bot, "odd", lambda one: bool(one["firings"]))
        told = bot.asked("notifications", kinds=["automation", "command"])["answer"]["notifications"]
    (failed,) = [one for one in told if one["kind"] == "automation"]
    assert failed["level"] == "warning" and failed["text"].startswith("odd: backtest.start was not done: ")
    assert "nobody" in failed["text"]
    (refused,) = [one for one in told if one["kind"] == "command"]  # the journal has it, and tells it once
    assert refused["level"] == "warning" and "dips has nothing to close" in refused["text"]


def test_changes_that_follow_at_once_see_what_the_ones_before_them_wrote(bot: BotFolder) -> None:
    for name in ("first", "guard", "last"):
        placed(bot, name, trigger="price", instrument=BTC, relation="below", level=1)
    before = (bot.home / "config" / "loligo.yaml").read_text()
    with bot.running("run", "--headless", "--speed", "3600") as process:
        until(bot, "last", lambda one: bool(one["is_on"]))
        bot.asked("automation.switch", name="guard", on=False, patience_s=0)
        removed = bot.asked("automation.remove", name="guard", patience_s=0)["answer"]
        bot.asked("automation.remove", name="first", patience_s=0)
        bot.asked("automation.switch", name="last", on=False, patience_s=0)
        twice = bot.asked("automation.add", name="last", settings={"trigger": "period", "hours": 1})
        back = bot.asked(removed["undo"]["verb"], **removed["undo"]["arguments"])["answer"]
        assert back["is_done"], back
        stands = {one["name"]: one["is_on"] for one in bot.asked("automations")["answer"]["automations"]}
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert before.count("enabled") == 0
    assert removed["undo"]["arguments"]["settings"]["enabled"] is False
    assert stands == {"last": False, "guard": False}
    assert twice["ok"] is False and "there is an automation of that name" in str(twice)
