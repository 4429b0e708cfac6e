"""`loligo config`: faults with their exit code, values with their origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Call


def test_get_says_where_each_value_was_set(call: Call, bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOLIGO__DESKS__TREND__LIMITS__STOP_LOSS", "0.03")
    values = call("config", "get", "desks.trend.limits", "--home", bot, "--json").json["values"]
    found = {entry["key"].rpartition(".")[2]: (entry["value"], entry["origin"]) for entry in values}
    assert found["stop_loss"] == (0.03, "environment variable LOLIGO__DESKS__TREND__LIMITS__STOP_LOSS")
    assert found["take_profit"] == (0.05, "default")


def test_get_of_a_key_in_the_file_names_the_line(call: Call, bot: Path) -> None:
    [entry] = call("config", "get", "desks.trend.venue", "--home", bot, "--json").json["values"]
    lines = (bot / "config" / "loligo.yaml").read_text(encoding="utf-8").splitlines()
    number = next(at for at, line in enumerate(lines, start=1) if line.strip().startswith("venue: coinbase"))
    assert (entry["value"], entry["origin"]) == ("coinbase", f"config/loligo.yaml:{number}")


def test_get_of_an_unknown_key_is_refused(call: Call, bot: Path) -> None:
    called = call("config", "get", "desk.trend", "--home", bot)
    assert called.code == 3
    assert '"desk.trend": no such key' in called.err


def test_check_lists_every_fault_and_ends_with_three(call: Call, bot: Path) -> None:
    text = (bot / "config" / "loligo.yaml").read_text(encoding="utf-8")
    text = text.replace("  trend:\n    venue: coinbase", "  trend:\n    venue: coinbse").replace("log:\n", "lgo:\n")
    (bot / "config" / "loligo.yaml").write_text(text, encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3
    assert 'desks.trend.venue = "coinbse": not in venues' in called.err
    assert 'unknown key (did you mean "log"?)' in called.err


def test_schema_names_every_section(call: Call, bot: Path) -> None:
    schema = call("config", "schema", "--home", bot, "--json").json
    assert {"bot", "venues", "accounts", "desks", "feeds", "journal", "engine", "log"} <= set(schema["properties"])
