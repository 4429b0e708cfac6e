"""What the journal answers after a run: rebuilt read models, its own soundness, and why an order was filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.scenario.bots import BotFolder


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
