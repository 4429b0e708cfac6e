"""An experiment as a file: whoever has it comes to the same verdict."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
from dataclasses import fields
from decimal import Decimal
from html import escape
from typing import Any

import pytest
from msgspec import structs

from loligo.errors import DataError
from loligo.model.timeframe import DAY_NS
from loligo_lab.experiment import Arm, ArmDay, Day, Plan, Verdict, judge
from loligo_lab.experiment_files import (
    FORMAT,
    MEDIA_TYPES,
    arms_of,
    as_csv,
    as_html,
    as_json,
    document,
    file_name,
    is_confirmed,
    kind_of,
    recomputed,
    written,
)
from loligo_lab.experiment_trades import ArmTrade, arm_trade, figures_by_trades
from loligo_lab.holding import basket

CODE = {"evaluator/rsi": {"version": "1.0.0", "tree_hash": "h1:abc"}}
ABOUT: dict[str, Any] = {
    "name": "<script>alert(1)</script>",
    "loligo": "1.0",
    "since": "2024-01-01T00:00:00Z",
    "rule": "Planned for 60 days.",
    "unlike": ['b: </style><img src=x onerror="x">'],
    "arms": [{"name": "a", "code": CODE}, {"name": "=b", "code": CODE}],
    "settings": {"desks": {"a": "</pre><script>"}},
}


def exported(count: int, ahead: float, risk_scale: float = 1.0) -> dict[str, Any]:
    """Return an experiment in which the second arm is ahead by so much a day."""
    arms = (Arm(name="a"), Arm(name="=b", risk_scale=risk_scale))
    chance, plan = random.Random(7), Plan(name="test", arms=arms, days=60)
    days = []
    for number in range(count):
        both = chance.gauss(0, 0.01)
        own = [both + chance.gauss(0, 0.001), both + chance.gauss(0, 0.001) + ahead]
        did = [ArmDay(daily_return=one, equity=100.0, closed_trades=number + 1, config_hash="c") for one in own]
        days.append(Day(opened_at_ns=(19_723 + number) * DAY_NS, arms=tuple(did)))
    return document(plan, days, judge(plan, days), ABOUT, trades=TRADES, holding=held(count))


def closed(arm: str, number: int, net: str, *, rate: float | None = 1.0, reason: str = "target") -> ArmTrade:
    """Return a trade that was closed on a day of the test."""
    at = (19_723 + number) * DAY_NS
    price = Decimal(100)
    return ArmTrade(
        arm=arm,
        instrument="coinbase:BTC/USD",
        side="buy",
        opened_at_ns=at,
        closed_at_ns=at + DAY_NS // 2,
        quantity=Decimal(1),
        entry_price=price,
        exit_price=price + Decimal(net) + 1,
        gross=Decimal(net) + 1,
        fees=Decimal(1),
        funding=Decimal(0),
        net=Decimal(net),
        quote_rate=rate,
        reason=reason,
    )


TRADES = [closed("a", number, net) for number, net in enumerate(("4", "-2", "3.5"))]
TRADES += [closed("=b", 1, "1E+1", rate=0.5, reason="=stop")]


def held(count: int) -> Any:
    """Return holding of two markets, of which the second one doubles after the first day."""
    instants = [(19_723 + number) * DAY_NS for number in range(count + 1)]
    prices = {"x:A/USD": [(instants[0], 10.0)], "x:B/USD": [(instants[0], 5.0), *((at, 10.0) for at in instants[2:])]}
    return basket("a", prices, instants)


def test_the_verdict_is_computed_again_from_the_json_alone() -> None:
    told = json.loads(as_json(exported(60, 0.004)))
    assert told["judgement"]["verdict"] == Verdict.CHALLENGER_BETTER
    assert recomputed(told).verdict is Verdict.CHALLENGER_BETTER
    assert is_confirmed(told)


def test_what_is_shown_of_trades_is_computed_again_from_the_json_alone() -> None:
    told = json.loads(as_json(exported(30, 0.0)))
    nets: dict[str, list[float]] = {}
    for one in told["trades"]:
        assert float(one["net"]) == float(one["gross"]) - float(one["fees"]) - float(one["funding"])
        nets.setdefault(one["arm"], []).append(float(one["net"]) * one["quote_rate"])
    assert {arm: sum(own) for arm, own in nets.items()} == {"a": 5.5, "=b": 5.0}  # 4 - 2 + 3.5, and half of 10
    shown = {(one["arm"], one["name"]): one["value"] for one in told["figures"]}
    assert shown["a", "win_rate"] == pytest.approx(2 / 3) and shown["=b", "win_rate"] == 1.0
    assert shown["a", "profit_factor"] == pytest.approx(7.5 / 2)


def test_holding_is_computed_again_from_the_json_alone() -> None:
    holding = json.loads(as_json(exported(30, 0.0)))["holding"]
    assert holding["rule"] == (
        "Holding: the start capital of a in equal parts in all that it trades (x:A/USD, x:B/USD), bought at the first "
        "price of the test, left there, without fees."
    )
    bought = {name: prices[0][1] for name, prices in holding["prices"].items()}
    last = [prices[-1][1] / bought[name] - 1 for name, prices in holding["prices"].items()]
    assert holding["curve"][-1][1] == sum(last) / 2 == 0.5  # one stayed, the other one doubled


def test_a_day_a_trade_or_a_verdict_that_was_changed_is_found_out() -> None:
    changed: tuple[tuple[tuple[Any, ...], Any], ...] = (
        (("days", 3, "arms", 1, "daily_return"), 0.05),
        (("judgement", "sentence"), "B wins."),
        (("trades", 1, "net"), "2"),
        (("figures", 0, "value"), 9.0),
    )
    for way, value in changed:
        told = json.loads(as_json(exported(60, 0.0)))
        node: Any = told
        for key in way[:-1]:
            node = node[key]
        node[way[-1]] = value
        assert not is_confirmed(told)


@pytest.mark.parametrize("told", [[], {}, {"format": "x"}, {"format": FORMAT, "plan": {"name": 1}, "days": []}])
def test_what_is_no_exported_experiment_is_refused(told: Any) -> None:
    words = rf"expected an exported experiment of format {FORMAT}|not an exported experiment"
    with pytest.raises(DataError, match=words):
        recomputed(told)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (1, "running", "format 1 by Loligo 1.0, before the newest .* `loligo ab export --format json`, or check"),
        (1, "historic", "write it anew with `loligo ab run` with --report, or check it with the Loligo that wrote it"),
        (99, "running", "format 99 by Loligo 1.0; this Loligo reads format 6: update it"),
    ],
)
def test_an_export_of_another_format_is_refused_with_what_to_do(number: int, kind: str, words: str) -> None:
    told = exported(30, 0.0) | {"format": number, "about": ABOUT | {"kind": kind}}
    with pytest.raises(DataError, match=words):
        is_confirmed(told)


def shape(node: Any) -> Any:
    """Return names and words, without any number."""
    if isinstance(node, dict):
        return {name: shape(inner) for name, inner in sorted(node.items())}
    if isinstance(node, list):
        return [shape(inner) for inner in node if isinstance(inner, dict)]
    return node if isinstance(node, str) and not re.search(r"\d", node) else None


def test_who_changes_what_an_export_holds_or_says_gives_it_another_format() -> None:
    told = json.loads(as_json(exported(60, 0.004)))
    held = {name: shape(told[name]) for name in ("plan", "judgement", "holding")}
    held |= {name: shape(told[f"{name}s"][0]) for name in ("day", "trade", "figure")}
    digest = hashlib.sha256(json.dumps(held).encode()).hexdigest()[:16]
    assert {FORMAT: digest} == {6: "3875a10d1ab87563"}, (
        "give experiment_files.FORMAT its next number, then write both here"
    )


def test_the_html_needs_nothing_else_and_lets_nothing_in() -> None:
    for count in (0, 1, 60):
        page = as_html(exported(count, 0.004))
        assert not re.search(r"<script|<img|src=|href=|https?:|url\(|@import", page.replace("src=x", ""))
        assert "&lt;script&gt;" in page
    assert "=b is better" in page and "at equal risk" not in page
    scaled = as_html(exported(60, 0.004, risk_scale=1.5))
    assert "By how much =b is ahead, at equal risk, with the returns of a counted 1.5 times</h3>" in scaled


def test_the_csv_has_a_row_for_each_arm_and_day_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(exported(5, 0.0)))))
    assert [(row["day"], row["arm"]) for row in rows[:3]] == [("1", "a"), ("1", "'=b"), ("2", "a")]
    assert len(rows) == 10
    assert {one.name for one in fields(ArmDay)} < rows[0].keys()
    assert rows[0]["opened_at"] == "2024-01-01T00:00:00Z"  # day 19,723 after 1970
    assert [row["holding"] for row in rows[::2]] == ["0.0", "0.5", "0.5", "0.5", "0.5"]


def test_the_csv_of_trades_has_a_row_for_each_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(written(exported(5, 0.0), "trades"))))
    assert [(row["arm"], row["net"]) for row in rows] == [("a", "4"), ("a", "-2"), ("a", "3.5"), ("'=b", "10")]
    assert (rows[3]["reason"], rows[3]["quote_rate"], rows[3]["closed_at"]) == ("'=stop", "0.5", "2024-01-02T12:00:00Z")


def test_a_trade_whose_rate_is_not_known_leaves_no_figure() -> None:
    told = exported(30, 0.0) | {"trades": [], "figures": []}
    assert written(told, "trades").count("\n") == 1
    unknown = arm_trade("a", structs.asdict(closed("a", 1, "2")) | {"quote_rate": float("nan"), "exit_role": "stop"})
    assert unknown.quote_rate is None and figures_by_trades([unknown])[0].value is None


def test_kinds_of_files_go_by_their_names() -> None:
    assert [kind_of(file_name("x", kind)) for kind in MEDIA_TYPES] == list(MEDIA_TYPES)
    assert [kind_of(name) for name in ("x.trades", "x.png", "trades.csv", "html")] == ["", "", "csv", ""]


def test_the_report_shows_the_newest_trades_and_what_holding_came_to() -> None:
    page = as_html(exported(5, 0.0))
    assert "The newest 4 of 4 closed trades" in page and "<td>=stop</td>" in page
    assert "<td>Holding</td><td>50.00 %</td>" in page and "150.00 by holding, which is dotted" in page
    assert "equal parts in all that it trades (x:A/USD, x:B/USD)" in page


def test_every_figure_stands_in_the_report_with_its_interval() -> None:
    told = exported(60, 0.004)
    page, (_, arm) = as_html(told), arms_of(told)
    for figure in arm["figures"]:
        assert f"<td>{escape(figure['label'])}</td>" in page
    share = next(one for one in arm["figures"] if one["name"] == "drawdown")
    low, value, high = (f"{share[name] * 100:.2f} %" for name in ("low", "value", "high"))
    assert f"<td>{value} ({low} to {high})</td>" in page
    assert "These figures are shown and never decide." in page


def test_figures_of_an_arm_are_those_of_all_days() -> None:
    told = exported(30, 0.004)
    growth = 1.0
    for day in told["days"]:
        growth *= 1 + day["arms"][1]["daily_return"]
    found = arms_of(told)[1]
    assert (found["letter"], found["growth"], found["trades"]) == ("B", pytest.approx(growth - 1), 30)
    sharpe = next(figure for figure in found["figures"] if figure["name"] == "sharpe")
    assert sharpe["low"] < sharpe["value"] < sharpe["high"]
