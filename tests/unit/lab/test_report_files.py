"""What a backtest says in words, and its files."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from loligo_lab.files import as_csv, as_html
from loligo_lab.words import verdict_of, warnings_of

HOLDING = {"end_equity": 150.0, "return": 0.5, "cagr": 0.2, "max_drawdown": 0.4, "sharpe": 0.9, "sortino": 1.0}
FIGURES: dict[str, Any] = {
    **{"currency": "USD", "start_equity": 100.0, "end_equity": 90.0, "return": -0.1, "cagr": -0.05},
    **{"max_drawdown": 0.2, "sharpe": -0.3, "sortino": -0.4, "trades": 2, "win_rate": 0.5, "profit_factor": 0.7},
    **{"fees": 1.5, "exposure": 0.25, "still_open": 1, "exits": {"stop": 2}, "holding": HOLDING},
}
TRADE = {
    **{"opened_at": "2020-01-01", "closed_at": "2020-01-02", "desk": "=cmd|calc", "instrument": "sim:BTC/USD"},
    **{"side": "buy", "quantity": "1", "entry_price": "10", "exit_price": "9", "gross": "-1", "fees": "0.1"},
    **{"funding": "0", "net": "-1.1", "exit_role": "stop"},
}
CURVE = {"equity": [[0, 100.0], [86_400_000, 90.0]], "holding": [[0, 100.0], [86_400_000, 150.0]]}
RESULT: dict[str, Any] = {
    "metrics": {"whole": FIGURES, "desks": {"trend": FIGURES}},
    "counts": {"trades": 2, "failures": 0, "ambiguous_candles": 1},
    "data": {
        **{"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z", "inputs": 9, "hash": "d" * 32},
        "series": [{"instrument": "sim:BTC/USD", "timeframe": "1h", "count": 9, "first": "2020", "last": "2021"}],
    },
    "versions": {"loligo": "1.0"},
    "config_hash": "c" * 64,
    "tree_hashes": {"evaluator/rsi": "h1:abc"},
    "curves": {"": CURVE},
    "trades": [TRADE],
    "verdict": "It lost <b>all</b>.",
    "warnings": ["few"],
}
ABOUT = {
    **{"number": 7, "title": "<script>alert(1)</script>", "asked": {"note": '"><img src=x>'}, "by": "web:<anna>"},
    **{"ended_at": "2026", "given": {"config": {"desks": {"</pre><script>": 1}}}},
}


def test_the_verdict_compares_with_holding() -> None:
    assert verdict_of(RESULT) == (
        "It lost 10.0 % after fees; holding the same markets gained 50.0 %. The deepest fall was 20.0 % against 40.0 %."
    )


def test_a_run_without_trades_is_called_so() -> None:
    result = copy.deepcopy(RESULT)
    result["metrics"]["whole"] |= {"trades": 0, "still_open": 0}
    assert verdict_of(result).startswith("It did not trade")


@pytest.mark.parametrize(
    "words", ["Only 2 trades", "31 days", "both stop and target once", "1 position was still open"]
)
def test_what_speaks_against_a_result_is_said(words: str) -> None:
    assert any(words in one for one in warnings_of(RESULT))


def test_the_html_report_needs_nothing_else_and_escapes_what_comes_from_outside() -> None:
    page = as_html(ABOUT, RESULT)
    assert not re.search(r"https?:|src=|href=|<script|<img|<b>all", page.replace("src=x", ""))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'class="line1"' in page  # holding is drawn, too


def test_a_spreadsheet_takes_no_text_of_the_trades_for_a_formula() -> None:
    lines = as_csv(ABOUT, RESULT).splitlines()
    assert lines[0].startswith("opened_at,closed_at,desk")
    assert "'=cmd|calc" in lines[1]
    assert ",-1.1," in lines[1]  # a number stays one
