"""Tentacles and settings exchanged under a running bot, through the files that a person edits."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import text

from loligo.model.command import GenerationActivated, ShadowStarted, WarmUp
from loligo.model.events import DecisionDeclined, Evaluated, SignalRaised, SwapStep, SwapStepped
from loligo.model.market import Candle
from loligo_bot.cli.control_client import ask
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import BotFolder, ended

COUNTER = Path("tentacles/evaluators/counter/__init__.py")
CLOCK = Path("tentacles/strategies/by_clock/__init__.py")
PER_SECOND = "360000"  # 100 candles of an hour in a second


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot with tentacles of its own that count their calls; they may be edited."""
    quick = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "5"}
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in quick.items()})
    write_hanging(bot.home, "evaluator", 0)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


def edit_registry(bot: BotFolder, change: Callable[[list[dict[str, Any]]], object]) -> None:
    file = bot.home / "tentacle_registry.json"
    content = json.loads(file.read_text())
    change(content["tentacles"])
    file.write_text(json.dumps(content))


def edit_config(bot: BotFolder, change: Callable[[dict[str, Any]], object]) -> None:
    yaml, file = YAML(), bot.home / "config" / "loligo.yaml"
    content = yaml.load(file)
    change(content)
    with file.open("w") as out:
        yaml.dump(content, out)


def rewrite(bot: BotFolder, file: Path, old: str, new: str) -> None:
    content = (bot.home / file).read_text()
    assert old in content
    (bot.home / file).write_text(content.replace(old, new))


def swapped(bot: BotFolder, result: str, after: str = "") -> dict[str, Any]:
    """Wait until a swap other than the one of `after` has ended so, and return what the status says of it."""
    status = bot.wait_until(lambda status: bool(status["swap"]) and status["swap"]["text"] != after)
    swap: dict[str, Any] = status["swap"]
    assert swap["result"] == result, swap
    return swap


@contextmanager
def running(bot: BotFolder) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        yield process


def stopped(bot: BotFolder, process: subprocess.Popen[str]) -> None:
    """Let it take some more candles, and end it as Ctrl-C does."""
    seen = ask(bot.home, {"do": "status"})["status"]["next_seq"]
    bot.wait_until(lambda status: status["next_seq"] > seen + 60)
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 130, done.err


def events(bot: BotFolder, kind: type) -> list[Any]:
    return [event for record in bot.records() for event in record.events if isinstance(event, kind)]


def calls_are_whole(bot: BotFolder) -> None:
    """Each candle of the desk was evaluated once, by an instance that had seen all before it."""
    records = [record for record in bot.records() if isinstance(record.input, Candle)]
    counts = [[e.evaluation.numbers[0] for e in r.events if isinstance(e, Evaluated)] for r in records]
    said = [count for count in counts if count]
    assert all(len(count) == 1 for count in said)
    assert [count[0] for count in said] == [said[0][0] + place for place in range(len(said))]


def test_edited_evaluator_goes_on_with_its_state_and_loses_no_candle(bot: BotFolder) -> None:
    with running(bot) as process:
        rewrite(bot, COUNTER, '"count"', '"recount"')
        swap = swapped(bot, "good")
        stopped(bot, process)
    assert [line.split()[0] for line in swap["changed"]] == ["evaluator/counter"]
    codes = [event.evaluation.code for event in events(bot, Evaluated)]
    assert set(codes) == {"count", "recount"}
    assert codes == sorted(codes)  # first only the one, then only the other
    calls_are_whole(bot)


def test_session_with_swaps_replays_from_its_journal_to_the_same_bytes(bot: BotFolder) -> None:
    with running(bot) as process:
        rewrite(bot, COUNTER, '"count"', '"recount"')
        first = swapped(bot, "good")
        rewrite(bot, CLOCK, '1.0, "clock"', '0.9, "watch"')
        swapped(bot, "good", first["text"])
        stopped(bot, process)
    digest, records = bot.digest(), len(bot.records())
    with bot.database() as engine, engine.begin() as connection:
        connection.execute(text("DELETE FROM snapshot"))
    again = bot.call("run", "--headless", "--until", "2017-12-16")
    assert again.code == 0, again.out
    assert again.data["recovered_records"] == records
    assert bot.digest() == digest


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("def on_candle", "def on_candle(", "SyntaxError"),
        ("warmup = 1", "warmup = 1 / 0", "ZeroDivisionError"),
        ("from decimal", "import socket\nfrom decimal", "socket"),
        ('self.asked = state["asked"]', 'self.asked = state["missing"]', "missing"),
        ("self.count(candle.ts)", "raise OSError('now')", "now"),
    ],
    ids=["syntax", "raises on import", "undeclared import", "cannot take the state", "raises in shadow"],
)
def test_faulty_version_is_refused_with_its_reason_and_the_old_one_goes_on(
    bot: BotFolder, old: str, new: str, why: str
) -> None:
    with running(bot) as process:
        rewrite(bot, COUNTER, old, new)
        swap = swapped(bot, "refused")
        stopped(bot, process)
    assert why in swap["text"]
    calls_are_whole(bot)
    assert len([record for record in bot.records() if isinstance(record.input, GenerationActivated)]) == 1


def test_version_that_fails_once_it_leads_is_taken_back_without_losing_the_candle(bot: BotFolder) -> None:
    bot.environment |= {"LOLIGO__SWAP__PROBATION_INPUTS": "300", "LOLIGO__SWAP__PROBATION_S": "30"}
    bot.environment |= {"LOLIGO__SWAP__REHEARSAL_INPUTS": "0"}  # which would find it before
    with running(bot) as process:
        late = "self.late = getattr(self, 'late', 0) + 1\n        if self.late == 150: raise OSError('late')\n        "
        rewrite(bot, COUNTER, "self.count(candle.ts)", late + "self.count(candle.ts)")
        swap = swapped(bot, "rolled_back")
        stopped(bot, process)
    assert "late" in swap["text"]
    assert [event.step for event in events(bot, SwapStepped)].count(SwapStep.ROLLED_BACK) == 1
    calls_are_whole(bot)
    generations = [record.input for record in bot.records() if isinstance(record.input, GenerationActivated)]
    assert [generation.number for generation in generations] == [1, 2, 3]
    assert generations[0].slots == generations[2].slots


def test_strategy_is_switched_off_and_on_by_an_edit_of_the_registry(bot: BotFolder) -> None:
    def switch(is_on: bool) -> Callable[[list[dict[str, Any]]], object]:
        return lambda entries: [entry.update(enabled=is_on) for entry in entries if entry["name"] == "by_clock"]

    with running(bot) as process:
        edit_registry(bot, switch(False))
        off = swapped(bot, "good")
        edit_registry(bot, switch(True))
        on = swapped(bot, "good", off["text"])
        stopped(bot, process)
    assert not [step for step in off["steps"] + on["steps"] if step.startswith("rehearsed")]  # nothing new in it
    assert off["changed"][0].endswith("→ off")
    assert "off →" in on["changed"][0]
    declined = [event.ts for event in events(bot, DecisionDeclined) if event.declined.code == "strategy_off"]
    signals = [event.ts for event in events(bot, SignalRaised)]
    assert declined
    assert min(signals) < min(declined) <= max(declined) < max(signals)
    assert not [ts for ts in signals if min(declined) <= ts <= max(declined)]


def test_setting_takes_effect_while_the_bot_runs(bot: BotFolder) -> None:
    with running(bot) as process:
        edit_config(bot, lambda config: config["desks"]["trend"].update(limits={"min_confidence": 1.0}))
        swap = swapped(bot, "good")
        edit_config(bot, lambda config: config["desks"]["trend"].update(capital=1))
        refused = swapped(bot, "refused", swap["text"])
        stopped(bot, process)
    assert [line.split()[0] for line in swap["changed"]] == ["desk/trend"]
    assert refused["text"].startswith("desks.trend.capital is what the desk began with")


def test_bot_killed_in_the_middle_of_a_swap_comes_up_whole(bot: BotFolder) -> None:
    bot.environment |= {"LOLIGO__SWAP__SHADOW_INPUTS": "100000", "LOLIGO__SWAP__SHADOW_S": "600"}
    with running(bot) as process:
        rewrite(bot, COUNTER, '"count"', '"recount"')
        bot.wait_until(lambda _: any(isinstance(record.input, ShadowStarted) for record in bot.records()))  # durable
        process.kill()
        process.wait()
    bot.environment |= {"LOLIGO__SWAP__SHADOW_INPUTS": "5", "LOLIGO__SWAP__SHADOW_S": "2"}
    with running(bot) as process:
        stopped(bot, process)
    steps = [event.step for event in events(bot, SwapStepped)]
    assert steps[0] is SwapStep.SHADOWING
    assert steps[-1] is SwapStep.STOPPED
    assert events(bot, Evaluated)[-1].evaluation.code == "recount"  # as the files want it
    calls_are_whole(bot)


def test_version_that_fails_on_the_newest_candles_is_refused_before_the_bot_is_touched(bot: BotFolder) -> None:
    with running(bot) as process:
        bot.wait_until(lambda status: status["next_seq"] > 1_500)
        rewrite(bot, COUNTER, "self.count(candle.ts)", "self.count(candle.ts)\n        assert self.asked % 97")
        swap = swapped(bot, "refused")
        stopped(bot, process)
    assert "in rehearsal: on_candle: AssertionError" in swap["text"]
    assert not [record for record in bot.records() if isinstance(record.input, ShadowStarted)]
    calls_are_whole(bot)


def test_evaluator_with_other_settings_has_its_history_when_it_leads(bot: BotFolder) -> None:
    def period(candles: int) -> Callable[[dict[str, Any]], object]:
        rsi = {"tentacle": "rsi", "settings": {"period": candles}}
        return lambda config: config["desks"]["trend"].update(evaluators=[{"tentacle": "counter"}, rsi])

    with running(bot.edit(period(14))) as process:
        edit_config(bot, period(21))
        swapped(bot, "good")
        stopped(bot, process)
    inputs = [record.input for record in bot.records()]
    flip = [type(item) for item in inputs].index(GenerationActivated, 2)
    warm_up = next(item for item in reversed(inputs[:flip]) if isinstance(item, WarmUp))
    assert len(warm_up.candles) > 21
    said = [event.ts for event in events(bot, Evaluated) if event.evaluator.startswith("rsi")]
    hours = [item.ts for item in inputs if isinstance(item, Candle) and item.timeframe == "1h"]
    assert said == hours[-len(said) :]  # never silent
    assert said[0] < warm_up.ts < said[-1]


def test_venue_goes_on_with_its_orders_under_other_settings(bot: BotFolder) -> None:
    with running(bot) as process:
        edit_config(bot, lambda config: config["venues"]["coinbase"].update(fills={"slippage_rate": 0.001}))
        swap = swapped(bot, "good")
        stopped(bot, process)
    assert {line.split()[0] for line in swap["changed"]} == {"venue/coinbase"}
    orders = {row["id"]: row["state"] for row in bot.rows()["orders"]}
    assert set(orders.values()) <= {"filled", "canceled", "expired", "accepted"}
    assert bot.rows() == bot.rebuilt_rows()
