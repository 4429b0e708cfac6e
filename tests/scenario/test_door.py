"""The door of a running bot: from inside by an interface, from outside by the control socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import OperatorCommand, SwapEnded
from loligo.ports.door import Verb
from loligo.registry.registry_file import editing
from loligo_bot.cli.control_client import ask
from loligo_bot.door.front_door import FrontDoor
from tests.fakes.json_schema import breaches
from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder, ended

LISTENER = """
import json
from loligo.api import Actor, Denied, Factory, Role, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    pass

class Listener:
    def __init__(self, settings, context):
        self.home, self.door = context.home, context.door

    async def run(self):
        viewer = Actor(name="test:anna", role=Role.VIEW)
        try:
            await self.door.ask(viewer, "pause", {})
        except Denied as exc:
            self.say(denied=str(exc))
        status = await self.door.ask(viewer, "status", {})
        self.say(name=status.name, mode=status.mode)
        async for records in self.door.follow(0):
            self.say(seqs=[record.seq for record in records])

    def say(self, **told):
        with open(f"{self.home}/heard.jsonl", "a") as file:
            file.write(json.dumps(told) + "\\n")

@hookimpl
def interface() -> Factory:
    return Factory(settings=Settings, create=Listener)
"""
FAST = "720000"  # 200 candles of an hour in a second
SLOW = "36000"  # ten: the data outlast a test of minutes
QUICK = {"LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05", "LOLIGO__SWAP__PROBATION_S": "1"}


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """The bundled folder over a year and a half; commits come often, so that followers hear at once."""
    bot = template.copy(tmp_path / "bot", **QUICK)
    return bot.edit(lambda config: config["feeds"][0]["settings"].update(since="2018-01-01", until="2019-07-01"))


@contextmanager
def running(bot: BotFolder, speed: str = FAST) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", speed) as process:
        bot.wait_until(lambda status: status["next_seq"] > 300)
        yield process


def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert done.code == 0, done.err


def with_listener(bot: BotFolder, code: str = LISTENER, **entry: Any) -> Path:
    """Give the bot an interface of its own, which may be edited; return the file of its registry."""
    write_tentacle(bot.home, "interface", "listener", code=code, manifest={"permissions": '["files"]'})
    file = write_registry(bot.home)
    content = json.loads(file.read_text())
    listener = next(one for one in content["tentacles"] if one["name"] == "listener")
    listener |= {"permissions": ["files"], **entry}
    listener.pop("tree_hash", None)
    file.write_text(json.dumps(content))
    bot.edit(lambda config: config.update(interfaces=[{"tentacle": "listener"}]))
    return file


def heard(bot: BotFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bot.home / "heard.jsonl").read_text().splitlines()]


def test_an_interface_asks_and_follows_every_record_in_order(bot: BotFolder) -> None:
    with_listener(bot)
    with running(bot) as process:
        bot.wait_until(lambda status: status["next_seq"] > 3_000)
        stopped(process)
    told = heard(bot)
    assert told[0] == {"denied": "test:anna may not use pause: it needs the role trade, and they have view"}
    assert told[1] == {"name": "loligo", "mode": "replay"}
    seqs = [seq for line in told[2:] for seq in line["seqs"]]
    written = [record.seq for record in bot.records()]
    assert len(seqs) > 200
    assert seqs == written[: len(seqs)]  # the last ones were written when the interface had ended


def test_an_interface_that_is_exchanged_gets_the_same_door(bot: BotFolder) -> None:
    with_listener(bot)
    file = bot.home / "tentacles" / "interfaces" / "listener" / "__init__.py"
    with running(bot) as process:
        file.write_text(file.read_text().replace("name=status.name", "second=status.name"))
        done = bot.asked("tentacle.apply")
        stopped(process)
    assert done["answer"]["result"] == "good", done
    assert [line for line in heard(bot) if "second" in line] == [{"second": "loligo", "mode": "replay"}]


def test_a_command_with_a_key_is_obeyed_once_even_by_the_next_run(bot: BotFolder) -> None:
    with running(bot) as process:
        first = bot.asked("pause", "k1", target="trend")
        again = bot.asked("pause", "k1", target="trend")
        other = bot.asked("pause", "k1", target="dips")
        process.kill()
    with running(bot) as process:
        later = bot.asked("pause", "k1", target="trend")
        stopped(process)
    assert first["ok"] and first["answer"]["message"] == "paused trend"
    assert again["answer"] == later["answer"] == first["answer"]
    assert other["problems"] == {
        "key": "key: it was used for the same verb with other arguments before; use another key"
    }
    commands = [record.input for record in bot.records() if isinstance(record.input, OperatorCommand)]
    assert [(command.kind, command.target) for command in commands] == [("pause", "trend")]


def test_a_switch_over_the_door_is_taken_up_and_told_in_the_history_with_its_undo(bot: BotFolder) -> None:
    with running(bot) as process:
        off = bot.asked("tentacle.switch", name="macd", on=False, why="too nervous")
        on = bot.asked(off["answer"]["undo"]["verb"], **off["answer"]["undo"]["arguments"])
        told = bot.asked("tentacle.history", name="macd")["answer"]["swaps"]
        stopped(process)
    assert (off["answer"]["result"], on["answer"]["result"]) == ("good", "good")
    assert [row["why"] for row in told] == ["tentacle on evaluator macd", "tentacle off evaluator macd: too nervous"]
    assert [end.by.partition(":")[0] for end in ends(bot)] == ["cli", "cli"]


INSTRUMENT = "coinbase:BTC/USD"
# Verbs that need arguments, or that come in an order: what is changed is put back.
CALLS: dict[str, list[dict[str, Any]]] = {
    "candles": [{"instrument": INSTRUMENT, "limit": 50}],
    "config.diff": [{"number": 1}],
    "config.undo": [{"dry_run": True}],
    "experiment.plan": [{"correlation": 0.5, "sharpe_difference": 1.0}],
    "historic.start": [{"control": "trend", "changes": {"timeframe": "4h"}, "until": "2017-08-01"}],
    "market.chart": [{"instrument": INSTRUMENT}],
    "pause": [{"target": "trend"}],
    "resume": [{}],
    "panic": [{"level": "no-entries"}],
    "limits.set": [{"scope": "trend", "values": {"max_open_positions": 2}, "dry_run": True}],
    "risk.limits": [{"scope": "trend"}, {"scope": "account:paper"}],
    "reality.start": [{"desk": "trend"}],
    "tentacle.diff": [{"name": "rsi"}],
    "tentacle.info": [{"name": "rsi"}],
    "tentacle.preview": [{"name": "rsi", "values": {"period": 5}}, {"name": "rsi", "candles": 20}],
    "tentacle.source": [{"name": "rsi"}],
    "tentacle.view": [{"name": "weighted_vote"}, {"name": "rsi", "place": "widget"}],
    "tentacle.settings": [
        {"name": "macd", "values": {"slow": 30}, "dry_run": True},
        {"name": "macd", "values": {"slow": 30}},
    ],
    "tentacle.switch": [{"name": "dca", "on": False}, {"name": "dca", "on": True}],
    "why": [{"id": "1"}],
}
# What a bot that is well refuses, and why.
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "cancel": ({"order": "x"}, "no open order x"),
    "consent.deny": ({"id": "x"}, "nothing waits for consent"),
    "consent.give": ({"id": "x"}, "nothing waits for consent"),
    "backtest": ({"number": 7}, "there is no backtest 7"),
    "backtest.cancel": ({"number": 7}, "there is no backtest 7"),
    "backtest.report": ({"number": 7}, "there is no backtest 7"),
    "experiment": ({"name": "x"}, 'there is no experiment "x"'),
    "experiment.differences": ({"name": "x"}, 'there is no experiment "x"'),
    "experiment.promote": ({"name": "x"}, 'there is no experiment "x"'),
    "experiment.start": ({"name": "x", "control": "nobody"}, 'there is no desk "nobody"'),
    "experiment.stop": ({"name": "x"}, 'there is no experiment "x"'),
    "historic": ({"number": 7_000}, "there is no historic 7000"),
    "historic.export": ({"number": 7_000}, "there is no historic 7000"),
    "tentacle.install.look": ({}, "expected one of source, upload and name"),
    "config.undo": ({}, "there is nothing to undo"),
    "close": ({"desk": "dips"}, "dips has nothing to close"),
    "scan.start": ({}, "nothing is watched"),
    "flatten": ({"target": "dips"}, "dips has nothing to close"),
    "tentacle.rollback": ({"name": "rsi"}, "none ran before it"),
    "tentacle.retry": ({"name": "rsi"}, "is not in quarantine"),
    "tentacle.revoke": ({"name": "rsi", "permissions": ["files"]}, "rsi does not hold files; it holds: none"),
}


def test_every_verb_of_the_catalogue_explains_itself_and_answers_as_its_schema_says(bot: BotFolder) -> None:
    verbs = FrontDoor().verbs
    for verb in verbs.values():
        assert verb.summary and verb.arguments.__doc__ and verb.answer.__doc__, verb.name
        undescribed = [name for name, field in verb.arguments.model_fields.items() if not field.description]
        assert not undescribed, (verb.name, undescribed)
    with running(bot) as process:
        alone = [name for name, verb in verbs.items() if name in CALLS or not needs(verb)]
        for name in (name for name in alone if name not in ("resume", "stop", *REFUSALS)):
            for arguments in CALLS.get(name, [{}]):
                check_answer(bot.asked(name, **arguments), verbs[name])
        for name, (arguments, said) in REFUSALS.items():
            refused = bot.asked(name, **arguments)
            assert refused["ok"] is False and said in str(refused), refused
        for name in ("resume", "stop"):
            check_answer(bot.asked(name), verbs[name])
        done = ended(process)
    assert done.code == 0, done.err


# What else the audit is to tell of: verbs that need arguments, done and refused.
MORE_DONE: dict[str, dict[str, Any]] = {
    "automation.tell": {"text": "my word"},
    "profile.duplicate": {"to": "mine"},
    "signal.publish": {"source": "anna", "kind": "buy", "instrument": INSTRUMENT},
    "tentacle.grant.look": {"name": "rsi"},
    "tentacle.pin": {"name": "rsi"},
    "tentacle.revoke": {"name": "rsi"},
    "tentacle.switch": {"name": "dca", "on": False},
    "tentacle.unpin": {"name": "rsi"},
}
MORE_REFUSED: dict[str, dict[str, Any]] = {
    "automation.add": {"name": "mine", "settings": {"say": "s3cret"}},
    "automation.switch": {"name": "nobody", "on": True},
    "limits.set": {"scope": "nobody", "values": {"max_open_positions": 2}},
    "pause": {"target": "nobody"},
    "profile.import": {"name": "other", "text": "s3cret: [1"},
    "tentacle.install.agree": {"plan": "nobody", "tree_hash": "sha256:0"},
    "tentacle.settings": {"name": "macd", "values": {"slow": "s3cret"}},
    "tentacle.switch": {"name": "nobody", "on": True},
    **{
        name: {"name": "nobody"}
        for name in (
            *("automation.remove", "automation.run", "experiment.cross_check", "experiment.tidy", "notify.test"),
            *("profile.remove", "tentacle.grant", "tentacle.remove", "tentacle.revoke", "tentacle.update"),
        )
    },
    **{
        name: {"number": 7_000}
        for name in ("backtest.retry", "backtest.remove", "job.cancel", "job.retry", "job.remove")
    },
}
ELSEWHERE = {"stop", "notifications.seen"}  # the first is told by test_operator, the second by nothing: it is one's own


def test_every_change_that_was_asked_for_stands_once_in_the_audit_with_who_asked_and_what_came_of_it(
    bot: BotFolder,
) -> None:
    changes = {name: verb for name, verb in FrontDoor().verbs.items() if verb.changes and name not in ELSEWHERE}
    done: dict[str, dict[str, Any]] = {
        name: {} for name, verb in changes.items() if not needs(verb) and name not in REFUSALS
    }
    done |= {
        name: each[-1] for name, each in CALLS.items() if name in changes and "dry_run" not in each[-1]
    } | MORE_DONE
    refused = {name: arguments for name, (arguments, _) in REFUSALS.items() if name in changes} | MORE_REFUSED
    expected: dict[str, bool] = {}
    answers: dict[str, dict[str, Any]] = {}
    with running(bot, SLOW) as process:
        for is_done, asked in ((True, done), (False, refused)):
            for name, arguments in asked.items():
                by = f"test:{name}:{is_done}"
                expected[by] = is_done
                for _ in range(2):  # the same question once more is the same change
                    answers[by] = asked_by(bot, by, name, f"key {name} {is_done}", **arguments)
        assert {by: answer["ok"] for by, answer in answers.items()} == expected, answers
        bot.wait_until(lambda _: {row["by"] for row in audit_of(bot)} >= expected.keys())
        asked_by(bot, "test:trial", "tentacle.settings", "", name="macd", values={"slow": 31}, dry_run=True)
        asked_by(bot, "test:last", "jobs.retry", "")
        bot.wait_until(lambda _: audit_of(bot)[0]["by"] == "test:last")
        rows = [row for row in audit_of(bot) if row["by"] != "test:last"]
        stopped(process)
    assert changes.keys() == done.keys() | refused.keys()
    told = {by: [row for row in rows if row["by"] == by] for by in expected}
    assert {by: [row["is_done"] for row in of_one] for by, of_one in told.items()} == {
        by: [is_done] for by, is_done in expected.items()
    }
    assert not [row for row in rows if row["by"] == "test:trial" or "s3cret" in row["text"] or "my word" in row["text"]]
    assert told["test:signal.publish:True"][0]["text"] == f"signal.publish {INSTRUMENT}: done"
    assert told["test:job.cancel:False"][0]["text"].startswith("job.cancel 7000: there is no job 7000")
    assert [row["seq"] for row in rows] == sorted((row["seq"] for row in rows), reverse=True)


def asked_by(bot: BotFolder, by: str, verb: str, key: str, /, **arguments: Any) -> dict[str, Any]:
    return ask(bot.home, {"do": "ask", "by": by, "verb": verb, "arguments": arguments, "key": key}, 60.0)


def audit_of(bot: BotFolder) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = bot.asked("audit", limit=500)["answer"]["rows"]
    return rows


def needs(verb: Verb) -> bool:
    """Say whether a verb cannot be asked without arguments; those that are not above have tests of their own."""
    return any(field.is_required() for field in verb.arguments.model_fields.values())


def check_answer(told: dict[str, Any], verb: Verb) -> None:
    assert told["ok"], (verb.name, told)
    assert all(isinstance(line, str) and line for line in told["lines"]), (verb.name, told["lines"])
    schema = verb.answer.model_json_schema(mode="serialization")
    assert not list(breaches(told["answer"], schema)), (verb.name, list(breaches(told["answer"], schema)))


def test_door_command_line_and_editor_change_tentacles_at_the_same_time_and_nothing_is_lost(bot: BotFolder) -> None:
    def edited() -> None:
        with editing(bot.home / "tentacle_registry.json") as entries:
            slot = "evaluator news_sentiment"
            entries[slot] = entries[slot].model_copy(update={"enabled": False})

    changes: list[Callable[[], Any]] = [
        lambda: bot.asked("tentacle.switch", name="dca", on=False, why="by page"),
        lambda: bot.asked("tentacle.switch", name="grid", on=False, why="by chat"),
        lambda: bot.call("tentacle", "off", "instant_fluctuation"),
        edited,
    ]
    expected = {"trading_mode/dca", "trading_mode/grid", "evaluator/instant_fluctuation", "evaluator/news_sentiment"}
    with running(bot) as process, ThreadPoolExecutor(len(changes)) as people:
        for done in [people.submit(change) for change in changes]:
            done.result()
        bot.wait_until(lambda status: not expected & running_tentacles(status))
        rows = bot.asked("tentacle.list")["answer"]["tentacles"]
        stopped(process)
    assert expected <= {f"{row['kind']}/{row['name']}" for row in rows if not row["is_on"]}
    lines = [line for end in ends(bot) if end.result == "good" for line in end.changed if line.endswith("→ off")]
    assert sorted(line.partition(" ")[0] for line in lines) == sorted(expected)  # each once


def running_tentacles(status: dict[str, Any]) -> set[str]:
    return {name for name, one in status["tentacles"].items() if one["hash12"]}


def ends(bot: BotFolder) -> list[SwapEnded]:
    return [record.input for record in bot.records() if isinstance(record.input, SwapEnded)]


def test_settings_are_tried_out_changed_and_put_back(bot: BotFolder) -> None:
    registry = bot.home / "tentacle_registry.json"
    before = json.loads(registry.read_text())
    with running(bot) as process:
        wrong = bot.asked("tentacle.settings", name="macd", values={"slow": "x", "fasst": 3})
        trial = bot.asked("tentacle.settings", name="macd", values={"slow": 30}, dry_run=True)["answer"]
        assert json.loads(registry.read_text()) == before
        done = bot.asked("tentacle.settings", name="macd", values={"slow": 30}, why="slower")["answer"]
        entry = next(one for one in json.loads(registry.read_text())["tentacles"] if one["name"] == "macd")
        back = bot.asked("tentacle.settings", **done["undo"]["arguments"])["answer"]
        stopped(process)
    assert wrong["kind"] == "BadArguments"
    assert wrong["problems"]["values.fasst"] == 'values.fasst is not known (did you mean "fast"?)'
    assert wrong["problems"]["values.slow"].startswith("values.slow = 'x': expected a valid integer")
    assert trial["differences"] == done["differences"] == [{"key": "slow", "before": None, "after": 30}]
    assert (done["result"], back["result"]) == ("good", "good")
    assert entry["settings"] == {"slow": 30}
    assert json.loads(registry.read_text()) == before
    assert [end.why for end in ends(bot)] == ["settings of evaluator macd: slower", "settings of evaluator macd"]


def test_settings_of_a_place_are_written_into_the_configuration_which_keeps_its_comments(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "as-it-came", **QUICK)
    file = bot.home / "config" / "loligo.yaml"
    before = file.read_text()
    place = "desks.trend.evaluators.0"
    with running(bot) as process:
        missing = bot.asked("tentacle.settings", name="macd", values={"slow": 30}, place=place)
        done = bot.asked("tentacle.settings", name="ema_cross", values={"fast": 40}, place=place)["answer"]
        changed = file.read_text()
        back = bot.asked("config.undo")["answer"]
        stopped(process)
    assert (missing["kind"], "does not name evaluator macd" in missing["error"]) == ("NotFound", True)
    assert (done["result"], back["result"]) == ("good", "good")
    assert changed == before.replace("fast: 50", "fast: 40")
    assert file.read_text() == before


def test_secrets_are_neither_shown_nor_lost(bot: BotFolder) -> None:
    code = LISTENER.replace("    pass\n", '    api_token: str = ""\n    page: int = 1\n', 1)
    code = code.replace("self.home, self.door = ", "self.settings, self.home, self.door = settings, ")
    code = code.replace("name=status.name", "token=self.settings.api_token")
    file = with_listener(bot, code, settings={"api_token": "s3cret"})
    with running(bot) as process:
        values = {"api_token": "***", "page": 2}
        told = [bot.asked("tentacle.settings", name="listener", values=values)]
        told += [bot.asked("tentacle.info", name="listener")]
        told += [bot.asked(verb) for verb in ("tentacle.list", "config.show", "config.history", "tentacle.history")]
        told += [bot.asked("config.diff", number=1), bot.asked("diagnostics")]
        stopped(process)
    assert told[0]["answer"]["result"] == "good", told[0]
    assert "s3cret" not in json.dumps(told)
    entry = next(one for one in json.loads(file.read_text())["tentacles"] if one["name"] == "listener")
    assert entry["settings"] == {"api_token": "s3cret", "page": 2}


STRANGE: list[Any] = [None, 0, -1, 2**63, -(2**63) - 1, 10**30, 1.5, True, [], ["a"], {}, {"a": {"b": 1}}]
STRANGE += ["", "x" * 5_000, "\x00", "é\u2028%s'\";--", "../x", "0", "9" * 20, "\u00b2"]
STRANGE += ["9999-12-31", "0001-01-01", "0001-01-01T00:00:00+14:00", "2019-07-01T00:00:00+99:00"]
SHARE = 6 if os.environ.get("CI") else 1  # in CI each argument meets every sixth, others in turn


def test_no_argument_however_strange_makes_anything_fail_within(bot: BotFolder) -> None:
    """Each is answered or refused in words; what went wrong inside would be of the kind "internal"."""
    seen, within = 0, []
    with running(bot, SLOW) as process:
        for verb in (one for one in FrontDoor().verbs.values() if one.name not in ("stop", "tentacle.apply")):
            base = CALLS.get(verb.name, [REFUSALS.get(verb.name, ({}, ""))[0]])[0]
            for name in verb.arguments.model_fields:
                for value in STRANGE[seen % SHARE :: SHARE]:
                    told = bot.asked(verb.name, **{**base, name: value})
                    seen += 1
                    within += [(verb.name, name, value, told["error"])] if told.get("kind") == "internal" else []
                    assert len(within) < 5, within
        stopped(process)
    assert not within, within
    assert seen > 1_000
