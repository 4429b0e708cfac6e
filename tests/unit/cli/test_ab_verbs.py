"""`loligo ab`: arguments as people type them become those of the door's verbs; answers become words and exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.tree import read_tree
from tests.unit.cli.conftest import Call
from tests.unit.cli.test_operator_verbs import AnsweringBot

DONE = {"is_done": True, "message": "experiment x begins", "changed": ["desk/x_b off → 3f2a"]}
ROW: dict[str, Any] = {
    **{"name": "x", "control": "trend", "challengers": ["x_b"], "mode": "open_ended", "day": 3, "days_planned": 60},
    **{"verdict": "too_early", "headline": "Too early", "sentence": "Nothing can be said yet.", "is_ended": False},
    **{"percent_per_month": None},
}
DETAIL = {**ROW, "rule": "Planned for 60 days.", "arms": [], "pairs": [], "unlike": ["x_b: timeframe is 4h"]}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[AnsweringBot]:
    bot = AnsweringBot(tmp_path)
    bot.start()
    yield bot
    bot.end()


def answered(running: AnsweringBot, answer: dict[str, Any], *, ok: bool = True) -> None:
    running.answer = {"ok": ok, "answer": answer, "lines": [str(answer.get("message", ""))]}


def test_a_start_becomes_a_verb_with_only_what_was_said(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    answered(running, DONE)
    options: tuple[str, ...] = (
        "--set",
        "strategy.settings.entry_threshold=0.9",
        "--set",
        "mode.tentacle=grid",
        "--days",
        "60",
    )
    options += ("--limit", "drawdown=0.1", "--limit", "worst_day=null", "--on-win", "promote", "--key", "k1")
    called = call("ab", "start", "x", "--control", "trend", *options, "--home", tmp_path)
    assert (called.code, called.out) == (0, "experiment x begins\ndesk/x_b off → 3f2a\n")
    expected = {
        **{"name": "x", "control": "trend", "days": 60, "on_win": "promote"},
        **{"changes": {"strategy.settings.entry_threshold": 0.9, "mode.tentacle": "grid"}},
        **{"limits": {"drawdown": 0.1, "worst_day": None}},
    }
    assert running.heard == [{"do": "ask", "verb": "experiment.start", "arguments": expected, "key": "k1"}]


def test_several_arms_with_names_risk_scales_and_a_margin_become_arguments(
    call: Call, tmp_path: Path, running: AnsweringBot
) -> None:
    answered(running, DONE)
    words = ("fast: evaluators=rsi,macd mode.settings.x='{\"a\": 1}'", "strategy/weighted_vote=3f2a9c41 timeframe=4h")
    options = [part for word in words for part in ("--arm", word)]
    options += ["--risk-scale", "fast=1.5", "--risk-scale", "x_c=equal", "--margin", "0"]
    assert call("ab", "start", "x", "--control", "trend", *options, "--home", tmp_path).code == 0
    assert running.heard[0]["arguments"] == {
        **{"name": "x", "control": "trend", "margin_per_year": 0.0},
        "variants": [
            {"name": "fast", "changes": {"evaluators": "rsi,macd", "mode.settings.x": {"a": 1}}},
            {"changes": {"timeframe": "4h"}, "versions": {"strategy/weighted_vote": "3f2a9c41"}},
        ],
        "risk_scale": {"fast": 1.5, "x_c": "equal"},
    }


def test_a_version_in_a_folder_is_taken_into_the_content_of_the_bot(
    call: Call, tmp_path: Path, running: AnsweringBot
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tentacle.toml").write_text('name = "rsi"')
    answered(running, DONE)
    call("ab", "start", "x", "--control", "trend", "--version", f"evaluator/rsi={folder}", "--home", tmp_path)
    kept = running.heard[0]["arguments"]["versions"]["evaluator/rsi"]
    assert ContentStore(tmp_path / CONTENT_FOLDER).get(kept) == read_tree(folder)


def test_the_verdict_comes_first_and_a_check_tells_that_there_is_none(
    call: Call, tmp_path: Path, running: AnsweringBot
) -> None:
    answered(running, DETAIL)
    called = call("ab", "show", "x", "--check", "--home", tmp_path)
    assert called.code == 8
    assert called.out.splitlines()[:2] == ["x: Too early", "Nothing can be said yet."]
    for verdict, code in (("control_better", 0), ("practically_the_same", 0), ("invalid", 1), ("stopped", 1)):
        answered(running, {**DETAIL, "verdict": verdict})
        assert call("ab", "show", "x", "--check", "--home", tmp_path).code == code
        assert call("ab", "show", "x", "--home", tmp_path).code == 0


def test_the_figures_of_both_arms_stand_side_by_side_with_their_intervals(
    call: Call, tmp_path: Path, running: AnsweringBot
) -> None:
    def figure(name: str, label: str, unit: str, *numbers: float | None) -> dict[str, Any]:
        return {"name": name, "label": label, "unit": unit, **dict(zip(("value", "low", "high"), numbers, strict=True))}

    both = [
        figure("sharpe", "Sharpe ratio", "number", 0.81, -0.4, 1.92),
        figure("calmar", "Calmar ratio", "number", *[None] * 3),
    ]
    won = figure("win_rate", "Trades won", "share", 0.625, None, None)
    more = figure("sharpe_difference", "Sharpe ratio above A's", "number", 0.5, 0.1, 0.9)
    did = {"growth": 0.1, "drawdown": 0.05, "trades": 30, "fees": 1.0, "turnover": 9.0, "orders": 60, "rejected": 0}
    arms = [
        {"name": "trend", "letter": "A", **did, "figures": [*both, won]},
        {"name": "x_b", "letter": "B", **did, "figures": [both[0], more, both[1], won]},
    ]
    rule, missing = "Holding: all of it.", ["No price of c:ETH/USD is known: it is left out."]
    answered(running, {**DETAIL, "arms": arms, "holding": {"rule": rule, "missing": missing, "curve": [(1, -0.25)]}})
    out = call("ab", "show", "x", "--home", tmp_path).out
    assert " ".join([rule, *missing]) in out
    rows = {line.split("  ")[0].strip(): re.split(r"\s{2,}", line.strip())[1:] for line in out.splitlines()}
    assert rows["holding"] == ["-25.00"]
    assert rows["Sharpe ratio"] == ["0.81 (-0.40 to 1.92)"] * 2
    assert rows["Sharpe ratio above A's"] == ["-", "0.50 (0.10 to 0.90)"]
    assert (rows["Calmar ratio"], rows["Trades won"]) == (["-"] * 2, ["62.5 %"] * 2)
    assert "Figures are shown and never decide." in out


def test_what_the_arms_did_otherwise_is_shown_side_by_side(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    sides = {"control": {"words": "bought 0.5: score 0.7"}, "challenger": {"words": "waited: score 0.7 against 0.9"}}
    row = {"time": "2017-08-01T10:00:00Z", "instrument": "coinbase:BTC/USD", "saw": ["rsi 31.2 against 30"], **sides}
    answered(running, {"arms": ["A trend", "C x_c"], "differences": [row], "next_before": 99})
    called = call("ab", "differences", "x", "--challenger", "x_c", "--limit", "1", "--home", tmp_path)
    assert called.out.splitlines() == [
        "2017-08-01 10:00 coinbase:BTC/USD",
        "  A trend bought 0.5: score 0.7",
        "  C x_c waited: score 0.7 against 0.9",
        "  Both saw rsi 31.2 against 30",
        "Older ones: --before 99",
    ]
    expected = {"name": "x", "limit": 1, "ordered": True, "challenger": "x_c"}
    assert running.heard[0]["arguments"] == expected
    answered(running, {"arms": ["A trend", "B x_b"], "differences": [], "next_before": None})
    assert "decided alike so far" in call("ab", "differences", "x", "--all", "--home", tmp_path).out


def test_a_list_has_a_row_for_each_test(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    answered(running, {"experiments": [ROW, {**ROW, "name": "old", "is_ended": True, "percent_per_month": 0.5}]})
    called = call("ab", "list", "--home", tmp_path)
    assert "3 of 60" in called.out and "+0.50" in called.out and "ended" in called.out and "times" not in called.out
    answered(running, {"experiments": [{**ROW, "percent_per_month": 0.5, "control_counts": 1.5}]})
    assert "+0.50, A 1.5 times" in call("ab", "list", "--home", tmp_path).out
    answered(running, {"experiments": []})
    assert "no A/B tests yet" in call("ab", "list", "--home", tmp_path).out
    assert call("ab", "list", "--json", "--home", tmp_path).json == {"ok": True, "experiments": []}


def test_what_was_not_promoted_ends_with_one(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    answered(running, {"is_done": False, "message": "refused: a fault", "changed": []}, ok=False)
    called = call("ab", "promote", "x", "--override", "--yes", "--why", "now", "--home", tmp_path)
    assert (called.code, called.out) == (1, "refused: a fault\n")
    assert running.heard[0]["arguments"] == {"name": "x", "override": True, "why": "now"}


def test_an_export_is_written_to_the_file(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    answered(running, {"name": "experiment-x.csv", "media_type": "text/csv", "content": "day,ä\n"})
    file = tmp_path / "out.csv"
    called = call("ab", "export", "x", "--format", "csv", "--output", file, "--json", "--home", tmp_path)
    assert called.json == {"ok": True, "file": str(file), "bytes": 7}
    assert file.read_text(encoding="utf-8") == "day,ä\n"


def test_a_plan_of_several_challengers_counts_their_share_of_the_level(call: Call, tmp_path: Path) -> None:
    numbers = ("--correlation", "0.9", "--sharpe-difference", "2", "--challengers", "2")
    called = call("ab", "plan", *numbers, "--json", "--home", tmp_path)
    assert [(one["mode"], one["days"]) for one in called.json["outlooks"]] == [("open_ended", 316)]


def test_a_plan_from_numbers_needs_no_bot(call: Call, tmp_path: Path) -> None:
    called = call("ab", "plan", "--correlation", "0.5", "--sharpe-difference", "2", "--json", "--home", tmp_path)
    assert [one["days"] for one in called.json["outlooks"]] == [1_267, 838]  # 5000 / 2² + 17 and 3300 / 2² + 13
    said = call("ab", "plan", "--correlation", "0.5", "--sharpe-difference", "2", "--home", tmp_path).out
    assert said.startswith("open ended: Plan 1,267 days: 8 of 10 differences like this are found in that time")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("plan", "--correlation", "0.5"), 2, "expected --correlation and --sharpe-difference, or --control"),
        (("plan", "--correlation", "1", "--sharpe-difference", "2"), 1, "correlation is 1.0; expected -1 or more"),
        (("start", "x", "--control", "trend", "--set", "period"), 2, '--set "period": expected KEY=VALUE'),
        (("start", "x", "--control", "trend", "--arm", "fast:"), 2, '--arm "fast:": expected KEY=VALUE'),
        (("start", "x", "--control", "trend", "--arm", ""), 2, '--arm "": expected "[NAME:] KEY=VALUE ..."'),
        (("plan", "--control", "trend", "--correlation", "0.5"), 2, "or --control and --challenger, or --control and"),
        (("start", "x", "--control", "trend", "--version", "rsi"), 2, '--version "rsi": expected KIND/NAME=HASH'),
        (("run",), 2, "expected the NAME of an experiment, or --control"),
        (("run", "x", "--set", "tick_s=1"), 2, "x has its arms and its rule in the configuration"),
        (("run", "x", "--report", "out.pdf"), 2, "ends with .html, .json, .csv or -trades.csv"),
        (("run", "--control", "trend", "--capital", "much"), 2, '--capital "much": expected a number'),
        (("run", "x", "--risk-scale", "b=2"), 2, "x has its arms and its rule in the configuration"),
        (
            ("run", "--control", "trend", "--risk-scale", "b=equal"),
            2,
            "--risk-scale b=equal: expected a number; `loligo",
        ),
        (("run", "--control", "trend", "--report", "/no/such/x.html"), 2, "there is no folder /no/such"),
        (("export", "x", "--output", "/no/such/x.html"), 2, "there is no folder /no/such"),
        (("list",), 4, "no bot is running"),
    ],
)
def test_mistakes_of_use_are_told(call: Call, tmp_path: Path, arguments: Any, code: int, words: str) -> None:
    called = call("ab", *arguments, "--home", tmp_path)
    assert called.code == code
    assert words in called.err


def test_a_check_of_what_is_no_export_says_so(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"format": 1}))
    called = call("ab", "check", file)
    assert (called.code, "expected an exported experiment of format 6" in called.err) == (1, True)
