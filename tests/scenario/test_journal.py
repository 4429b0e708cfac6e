"""What the journal answers after a run: rebuilt read models, its own soundness, and why an order was filled."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loligo.model.evaluation import Declined
from loligo.model.events import DecisionDeclined, Evaluated, OrderSubmitted, SignalRaised
from loligo_bot.looked_at import looked_at
from loligo_bot.past import past_of
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import BotFolder
from tests.scenario.test_swap_running import CLOCK, COUNTER, edit_registry, rewrite


def test_rebuilding_the_read_models_gives_identical_rows(season: BotFolder, tmp_path: Path) -> None:
    bot = season.copy(tmp_path / "rebuilt")
    before = bot.rows()
    assert all(before[name] for name in ("orders", "fills", "positions", "trades", "equity", "ledger", "refusals"))
    with bot.database() as engine, engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM fills")  # so that rows which stay the same were really made anew
    assert bot.call("journal", "rebuild").code == 0
    assert bot.rows() == before


def test_the_journal_check_proves_every_record_and_prints_the_digest(season: BotFolder) -> None:
    done = season.call("journal", "check")
    assert done.code == 0, done.err
    assert done.data["records"] == len(season.records())
    assert done.data["digest"] == season.digest()


@pytest.mark.parametrize("column", ["fill_id", "order_id"])
def test_why_tells_the_way_from_the_candle_to_the_fill_with_seqs_of_the_journal(season: BotFolder, column: str) -> None:
    rows = season.rows()
    entries = {row["id"] for row in rows["orders"] if row["role"] == "entry" and row["desk"] == "trend"}
    fill = next(row for row in rows["fills"] if row["order_id"] in entries)
    done = season.call("why", fill[column])
    assert done.code == 0, done.err
    steps = [(step["seq"], step["step"]) for step in done.data["steps"]]
    names = [name for _, name in steps]
    way = ["candle", "evaluation", "decision", "request", "check", "approved", "order", "fill"]
    assert [name for name in dict.fromkeys(names) if name in way] == way
    assert [seq for seq, _ in steps] == sorted(seq for seq, _ in steps)
    assert (fill["seq"], "fill") in steps
    journalled: dict[int, Any] = {}
    for record in season.records():
        journalled[record.seq] = record.input
        journalled |= {event.seq: event for event in record.events}
    for step in done.data["steps"]:
        assert step["event"] == msgspec.json.decode(msgspec.json.encode(journalled[step["seq"]]))


def boards_told(bot: BotFolder) -> Counter[int]:
    """See that what would be told of a declined decision is what the board of each signal names; return how often how
    many opinions were on one."""
    found: Counter[int] = Counter()
    with bot.database() as engine:
        rows, journal = ProjectionReader(engine), JournalReader(engine)
        past = past_of(bot.home, rows)
        for events, event in [(one.events, event) for one in bot.records() for event in one.events]:
            if isinstance(event, SignalRaised):
                instead = DecisionDeclined(
                    event.seq, event.ts, event.cause, event.desk, event.instrument, "strategy", Declined("x")
                )
                told = looked_at(instead, events, past.evaluators(event.desk, event.seq), rows, journal)
                assert {one.seq for one in told} == {*filter(None, event.board)}, event
                found[len([*filter(None, event.board)])] += 1
    return found


def test_why_a_desk_declined_tells_what_its_evaluators_had_said(season: BotFolder) -> None:
    assert boards_told(season)[3] > 300
    events = (event for one in reversed(season.records()) for event in one.events)
    declined = next(event for event in events if isinstance(event, DecisionDeclined))
    done = season.call("why", str(declined.seq))
    names = [step["step"] for step in done.data["steps"]]
    assert done.code == 0 and names[0] == "candle" and names[-1] == "declined" and "evaluation" in names, names


def test_an_opinion_counts_until_the_next_one_or_a_failure(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot")
    write_hanging(bot.home, "evaluator", 0)
    hour = "candle.ts // 3_600_000_000_000"
    fails, is_silent = f"candle.ts > 10**18 and {hour} % 50 == 1", f"{hour} % 7"
    seldom = f"        if {fails}: raise ValueError('now')\n        if {is_silent}: return None\n"
    rewrite(bot, COUNTER, "        return Eval", f"{seldom}        return Eval")
    rewrite(bot, CLOCK, "board.evaluations[0] is None", "False")
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2018-01-15"))
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    found = boards_told(bot)
    assert found[1] > 300 and found[0] > 10, found  # it stays while the evaluator is silent, and not when it failed


def test_why_of_a_candle_and_of_an_opinion_tells_all_that_came_of_it(season: BotFolder) -> None:
    record = next(one for one in season.records() if any(isinstance(each, OrderSubmitted) for each in one.events))
    opinion = next(each for each in record.events if isinstance(each, Evaluated))
    steps = season.call("why", str(record.seq)).data["steps"]
    names = [one["step"] for one in steps]
    way = ["candle", "evaluation", "decision", "request", "check", "approved", "order", "fill"]
    assert [name for name in dict.fromkeys(names) if name in way] == way
    assert season.call("why", str(opinion.seq)).data["steps"] == steps
    told = {
        one["text"].partition(" ")[0].partition("#")[0]: one["text"] for one in steps if one["step"] == "evaluation"
    }
    number = r"-?[\d.,]+"
    assert re.search(f"; fast (above|below) slow: gap {number}, fast {number}, slow {number}$", told["ema_cross"])
    assert re.search(f"; [a-z ]+: rsi {number} against {number}$", told["rsi"])
