"""Health of a running bot: who fails is taken off and tried again, starts that crash lead to a safe one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, log2
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from loligo.model.command import GenerationActivated
from loligo.model.events import PositionChanged, Record, Refused, SignalRaised, TentacleFailed
from loligo.model.timeframe import HOUR_NS, ns_from_iso
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import BotFolder, ended
from tests.scenario.protection import unprotected

CLOCK = Path("tentacles/strategies/by_clock/__init__.py")
LIMIT = Path("tentacles/risk_rules/limit/__init__.py")
COUNTER = Path("tentacles/evaluators/counter/__init__.py")
FAILS_FROM = "2017-12-16T00:00:00Z"  # in the hours in which it would leave, so that it fails with a position at work
FAILING = f"if board.ts >= {ns_from_iso(FAILS_FROM)} and not is_long: raise OSError('no way out')\n        "
MAY_KILL = 'licence = "Apache-2.0"\npermissions = ["process"]'
REGISTRY = "tentacle_registry.json"
PER_SECOND = "360000"  # 100 candles of an hour in a second
QUICK = {
    "LOLIGO__SWAP__SHADOW_INPUTS": "5",
    "LOLIGO__SWAP__PROBATION_INPUTS": "5",
    "LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS": "5",
    "LOLIGO__HEALTH__FAILURES": "3",
    "LOLIGO__HEALTH__BACKOFF_S": "1080000",  # 300 candles
    "LOLIGO__HEALTH__BACKOFF_MAX_S": "36000000",
}


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot with tentacles of its own that trade by the clock."""
    bot = template.copy(tmp_path / "bot", **QUICK)
    write_hanging(bot.home, "evaluator", 0)
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


def mend(bot: BotFolder, file: Path, old: str, new: str) -> None:
    content = (bot.home / file).read_text()
    assert old in content
    (bot.home / file).write_text(content.replace(old, new))
    assert bot.call("tentacle", "refresh").code == 0


@contextmanager
def running(bot: BotFolder, *options: str) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", PER_SECOND, *options) as process:
        bot.wait_until(lambda status: status["next_seq"] > 50)
        yield process


def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert done.code == 0, done.err


def replays_to_the_same_bytes(bot: BotFolder, *options: str) -> bool:
    """Read the whole journal again from its beginning, through every generation that it names."""
    digest, records = bot.digest(), len(bot.records())
    with bot.database() as engine, engine.begin() as connection:
        connection.execute(text("DELETE FROM snapshot"))
    again = bot.call("run", "--headless", "--until", "2017-12-16", *options)
    assert (again.code, again.data["recovered_records"]) == (0, records), again.err
    return bot.digest() == digest


def row(bot: BotFolder, name: str) -> dict[str, Any]:
    """Return what the running bot says of a tentacle."""
    answer = bot.asked("health")["answer"]
    return next(one for one in answer["tentacles"] if one["name"] == name)


def row_of_stopped(bot: BotFolder, name: str) -> dict[str, Any]:
    answer = bot.call("tentacle", "health")
    assert answer.code == 0, answer.err
    return next(one for one in answer.data["tentacles"] if one["name"] == name)


def is_off(status: dict[str, Any]) -> bool:
    """Whether a swap has taken the strategy off; one for another reason may have taken that along."""
    changed = status["swap"].get("changed", ())
    return bool(status["quarantined"]) and any("by_clock" in line and line.endswith("→ off") for line in changed)


def generations(records: list[Record]) -> list[tuple[int, bool]]:
    """Return of each generation when it began, and whether the strategy was on."""
    found = [record.input for record in records if isinstance(record.input, GenerationActivated)]
    return [(one.ts, any(slot.tentacle == "strategy/by_clock" for slot in one.slots)) for one in found]


def test_failing_strategy_is_quarantined_and_tried_again_while_its_position_keeps_its_stop(bot: BotFolder) -> None:
    """It fails in four hours of eight; the fourth failure is one more than its budget of three."""
    mend(bot, CLOCK, "return Signal", FAILING + "return Signal")
    with running(bot) as process:
        status = bot.wait_until(is_off)
        shown, problems = row(bot, "by_clock"), bot.asked("health")["answer"]["problems"]
        seen: list[str] = []

        def is_tried(now: dict[str, Any]) -> bool:  # or was, where the machine left no time to see it
            seen.append(row(bot, "by_clock")["reason"])
            return seen[-1].startswith("on trial after 1 in quarantine") or now["generation"] > status["generation"] + 1

        bot.wait_until(is_tried)
        bot.wait_until(lambda now: is_off(now) and now["generation"] > status["generation"] + 1)  # it fails again
        again = row(bot, "by_clock")
        stopped(process)
    records = bot.records()
    assert "no way out" in status["quarantined"]["strategy by_clock"]
    assert shown["state"] == "quarantined" and shown["until"] and shown["failures"] >= 4
    assert {one["tentacle"]: one["command"] for one in problems}[
        "strategy by_clock"
    ] == "loligo tentacle retry by_clock"
    assert again["state"] == "quarantined"
    on_off = generations(records)
    assert [is_on for _, is_on in on_off][:4] == [True, False, True, False]
    off_ns, on_ns = on_off[1][0], on_off[2][0]
    assert on_ns - off_ns >= 300 * HOUR_NS
    failures = [event.ts for one in records for event in one.events if isinstance(event, TentacleFailed)]
    assert not [ts for ts in failures if off_ns < ts < on_ns]
    held = [
        event for one in records for event in one.events if isinstance(event, PositionChanged) and event.ts < off_ns
    ]
    assert held[-1].position.quantity > 0
    assert list(unprotected(records)) == []
    assert replays_to_the_same_bytes(bot)


def test_budget_of_failures_is_changed_while_the_bot_runs_and_put_back(bot: BotFolder) -> None:
    """It has failed more often than three times when its budget of a thousand becomes one of three."""
    del bot.environment["LOLIGO__HEALTH__FAILURES"]
    bot.edit(lambda config: config.update(health={"failures": 1000}))
    mend(bot, CLOCK, "return Signal", FAILING + "return Signal")
    with running(bot) as process:
        bot.wait_until(lambda _: row(bot, "by_clock")["failures"] > 3)
        before = bot.asked("status")["answer"]["quarantined"]
        bot.edit(lambda config: config.update(health={"failures": 3}))
        bot.wait_until(is_off)
        history = bot.asked("tentacle.history")["answer"]["swaps"]
        undone = bot.asked("config.undo", number=1)["answer"]
        stopped(process)
    assert before == {}
    assert ["health failures: 1000 → 3"] in [swap["changed"] for swap in history]
    assert undone["changed"] == ["health failures: 3 → 1000"], undone


def test_quarantine_outlives_a_restart_and_is_ended_by_a_person(bot: BotFolder) -> None:
    bot.environment["LOLIGO__HEALTH__BACKOFF_S"] = "36000000"  # more than the data hold
    mend(bot, CLOCK, "return Signal", FAILING + "return Signal")
    with running(bot) as process:
        bot.wait_until(is_off)
        stopped(process)
    assert row_of_stopped(bot, "by_clock")["state"] == "quarantined"
    with running(bot) as process:
        again = bot.wait_until(lambda status: True)
        told = bot.call("tentacle", "retry", "by_clock")
        bot.wait_until(lambda status: status["generation"] > again["generation"])
        stopped(process)
    assert (list(again["quarantined"]), again["generation"]) == (["strategy by_clock"], 2)  # the same goes on
    assert told.data["message"] == "strategy by_clock is tried again now"
    assert [is_on for _, is_on in generations(bot.records())][:3] == [True, False, True]


@pytest.mark.parametrize("is_down", [False, True])
def test_mended_version_of_what_is_in_quarantine_comes_at_once(bot: BotFolder, is_down: bool) -> None:
    """The other back-off would be longer than the data."""
    bot.environment["LOLIGO__HEALTH__BACKOFF_S"] = "36000000"
    mend(bot, CLOCK, "return Signal", FAILING + "return Signal")
    with running(bot) as process:
        bot.wait_until(is_off)
        if not is_down:
            mend(bot, CLOCK, "raise OSError('no way out')", "pass")
            since_ns = mended(bot)
        stopped(process)
    if is_down:
        mend(bot, CLOCK, "raise OSError('no way out')", "pass")
        with running(bot) as process:
            since_ns = mended(bot)
            stopped(process)
    assert [e for one in bot.records() for e in one.events if isinstance(e, SignalRaised) and e.ts > since_ns]
    assert list(unprotected(bot.records())) == []
    assert replays_to_the_same_bytes(bot)


def mended(bot: BotFolder) -> int:
    """Wait for the quarantine to be over, and for some hours after it; return when that was."""
    bot.wait_until(lambda status: not status["quarantined"] and not status["swapping"])
    assert row(bot, "by_clock")["state"] in ("active", "probation")
    since_ns = ns_from_iso(bot.wait_until(lambda status: True)["time"])
    bot.wait_until(lambda status: ns_from_iso(status["time"]) > since_ns + 20 * HOUR_NS)
    return since_ns


def test_failing_risk_rule_stays_on_denies_entries_and_is_reported(bot: BotFolder) -> None:
    mend(bot, LIMIT, 'return passed("fine")', 'raise OSError("no answer")')
    with running(bot) as process:
        bot.wait_until(lambda status: status["next_seq"] > 500)
        shown, problems = row(bot, "limit"), bot.call("doctor")
        stopped(process)
    assert shown["state"] == "active" and shown["failures"] > 3
    assert {one["tentacle"]: one["problem"] for one in problems.data["problems"]}[
        "risk_rule limit"
    ] == "risk rule fails"
    assert len(generations(bot.records())) == 1
    assert {e.code for one in bot.records() for e in one.events if isinstance(e, Refused)} == {"rule_failed"}


def test_desk_is_never_without_a_rule_whose_permission_is_taken_back(bot: BotFolder) -> None:
    """By a verb it is refused, or with --force not taken up; nor is an edit of the registry, which the doctor mends."""
    manifest, registry = LIMIT.with_name("tentacle.toml"), bot.home / REGISTRY
    mend(bot, manifest, 'licence = "Apache-2.0"', 'licence = "Apache-2.0"\npermissions = ["files"]')
    assert bot.call("tentacle", "grant", "limit", "files").code == 0
    with running(bot) as process:
        before = registry.read_bytes()
        refused = bot.call("tentacle", "revoke", "limit", "files")
        by_door = bot.asked("tentacle.revoke", name="risk_rule/limit")
        off, switched = bot.call("tentacle", "off", "limit"), bot.asked("tentacle.switch", name="limit", on=False)
        assert (refused.code, off.code, registry.read_bytes()) == (1, 1, before)
        forced = bot.call("tentacle", "revoke", "limit", "--force")
        registry.write_text(registry.read_text().replace("{", "", 1))
        unread = bot.wait_until(lambda status: "not valid JSON" in status["swap"].get("text", ""))
        doctor = bot.call("doctor").data["problems"]
        content = json.loads(before)
        next(entry for entry in content["tentacles"] if entry["name"] == "limit")["permissions"] = []
        registry.write_text(json.dumps(content))
        edited = bot.wait_until(lambda status: "wants the permission files" in status["swap"].get("text", ""))
        granted = bot.call("tentacle", "grant", "limit", "files")
        shown, problems = row(bot, "limit"), bot.call("doctor").data["problems"]
        stopped(process)
    where = "desks.trend.risk_rules would be without"
    for said in (refused.data["error"]["message"], off.data["error"]["message"], by_door["error"], switched["error"]):
        assert where in said, said
    assert forced.code == 1 and "The bot runs on as it was" in forced.data["message"]
    assert (unread["generation"], edited["generation"]) == (1, 1)
    assert [(one["problem"], one["command"].split()[0]) for one in doctor if not one["tentacle"]] == [
        ("registry wrong", "cp")
    ]
    assert (granted.code, shown["state"], problems) == (0, "active", [])
    assert len(generations(bot.records())) == 1
    assert bot.call("tentacle", "revoke", "limit").code == 1  # nor while it does not run
    assert bot.call("tentacle", "revoke", "limit", "--force").code == 0
    starts = bot.call("run", "--headless", "--until", "2017-12-16")
    assert starts.code != 0 and "desks.trend.risk_rules: risk_rule limit is off" in starts.data["error"]["message"]


def test_third_crash_at_the_start_leads_to_a_start_without_strangers(bot: BotFolder) -> None:
    """An evaluator kills its process at a candle, three times; the fourth start leaves it out."""
    kills_at = f"if candle.ts == {ns_from_iso('2017-12-15T05:00:00Z')}: import os; os.kill(os.getpid(), 9)"
    mend(bot, COUNTER, "self.count(candle.ts)", f"{kills_at}\n        self.count(candle.ts)")
    mend(bot, COUNTER.with_name("tentacle.toml"), 'licence = "Apache-2.0"', MAY_KILL)
    assert bot.call("tentacle", "grant", "counter", "process").code == 0
    for _ in range(3):
        assert bot.call("run", "--headless", "--until", "2018-01-01").code == -signal.SIGKILL
    with running(bot) as process:
        status = bot.wait_until(lambda status: True)
        problems = bot.call("doctor").data["problems"]
        stopped(process)
    assert status["safe_mode"] == "the last 3 starts crashed"
    assert problems[0]["command"] == "loligo run --no-safe"
    assert row_of_stopped(bot, "counter")["state"] == "verified"  # a clean run clears the count
    assert replays_to_the_same_bytes(bot, "--safe")


def test_safe_mode_is_forced_and_keeps_the_stop_of_an_open_position(bot: BotFolder) -> None:
    """The strategy enters at 00:00 UTC and would leave at 04:00; the run ends at 02:00, with a position."""
    assert bot.call("run", "--headless", "--until", "2017-12-17T02:00:00Z").code == 0
    safe = bot.call("run", "--headless", "--safe", "--until", "2017-12-19")
    assert safe.code == 0, safe.err
    records = bot.records()
    held = [
        e for one in records for e in one.events if isinstance(e, PositionChanged) and e.ts < generations(records)[1][0]
    ]
    assert held[-1].position.quantity > 0
    assert list(unprotected(records)) == []
    assert [is_on for _, is_on in generations(records)] == [True, False]
    assert bot.call("run", "--headless", "--until", "2017-12-21").code == 0
    assert [is_on for _, is_on in generations(bot.records())] == [True, False, True]
    assert replays_to_the_same_bytes(bot)


def test_health_of_a_running_bot_shows_what_each_tentacle_costs(bot: BotFolder) -> None:
    bot.environment["LOLIGO__HEALTH__CPU_WINDOW_S"] = "1"
    mend(bot, COUNTER, "self.count(candle.ts)", "sum(range(100_000)); self.count(candle.ts)")
    with running(bot) as process:
        bot.wait_until(lambda status: row(bot, "counter")["ms_per_s"] is not None)
        bot.wait_until(lambda status: row(bot, "counter")["ms_per_s"] > 0)
        stopped(process)


def test_bisection_finds_the_tentacle_that_fails_a_check_in_a_copy(bot: BotFolder) -> None:
    mend(bot, LIMIT, 'return passed("fine")', "raise OSError('no answer')")
    before = {path: path.read_bytes() for path in bot.home.rglob("*") if path.is_file()}
    python = (
        f"import json, sys; names = [e['name'] for e in json.load(open('{REGISTRY}'))['tentacles'] if e['enabled']]"
    )
    found = bot.call("tentacle", "bisect", "--check", f"python3 -c \"{python}; sys.exit('limit' in names)\"")
    assert found.code == 0, found.err
    runs = found.data["runs"]
    assert found.data["culprit"] == "risk_rule limit"
    assert len(runs) <= 2 + ceil(log2(len(runs[0]["with"])))
    assert {path: path.read_bytes() for path in bot.home.rglob("*") if path.is_file()} == before


def test_bisection_finds_the_version_that_is_new_since_the_last_good_generation(bot: BotFolder) -> None:
    """Two versions are new and one of them is to blame: one run with both, one with none, one for the halves."""
    assert bot.call("run", "--headless", "--until", "2017-12-16").code == 0
    mend(bot, COUNTER, '"count"', '"recount"')
    mend(bot, LIMIT, 'passed("fine")', 'passed("good")')
    newest = next(one for one in entries(bot) if one["name"] == "limit")["tree_hash"]
    found = bot.call("tentacle", "bisect", "--check", f"! grep -q {newest} {REGISTRY}")
    assert found.code == 0, found.err
    assert (found.data["culprit"], len(found.data["runs"])) == ("risk_rule limit", 3)
    assert found.data["message"].startswith("risk_rule limit from 1.0.0 (")


def entries(bot: BotFolder) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((bot.home / REGISTRY).read_text())["tentacles"]
    return found
