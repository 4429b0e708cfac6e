"""A backtest as a file: HTML that needs nothing else, JSON with all of it, CSV with the trades.

What must hold: the HTML holds no address and no script, so that it shows the same in ten years and tells nobody that
it was opened; whatever comes from outside is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from loligo_lab.csv_table import csv_table
from loligo_lab.drawing import drawn
from loligo_lab.paper import TRADE, listed, page, table

COLUMNS = ("opened_at", "closed_at", "desk", "instrument", "side", "quantity", "entry_price", "exit_price", "gross",
           "fees", "funding", "net", "exit_role")  # fmt: skip
_TEXTS = ("desk", "instrument", "side", "exit_role")
SHOWN_TRADES = 500
_ROWS = (  # what a row of figures is called, its name, how it is written
    ("Return after fees", "return", "share"),
    ("Per year", "cagr", "share"),
    ("Deepest fall", "max_drawdown", "share"),
    ("Sharpe ratio", "sharpe", "number"),
    ("Sortino ratio", "sortino", "number"),
    ("At the start", "start_equity", "number"),
    ("At the end", "end_equity", "number"),
    ("Trades", "trades", "count"),
    ("Won", "win_rate", "share"),
    ("Profit factor", "profit_factor", "number"),
    ("Fees", "fees", "number"),
    ("Time in the market", "exposure", "share"),
)


def as_json(about: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    return json.dumps({"about": about, "result": result}, indent=1, ensure_ascii=False)


def as_csv(_about: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Return the trades, the oldest first. A text that a spreadsheet would take for a formula has a quote before it."""
    return csv_table(COLUMNS, ([trade[name] for name in COLUMNS] for trade in result["trades"]), _TEXTS)


def as_html(about: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Return the report as one page."""
    title = f"Backtest {about['number']}: {about['title']}"
    data, curves = result["data"], result["curves"]
    curve = curves.get("") or next(iter(curves.values()))
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(data["since"][:10])} to {escape(data["until"][:10])}, by {escape(about["by"])}, '
        f"{escape(about['ended_at'])}</p>",
        f'<p class="verdict">{escape(result["verdict"])}</p>',
        listed(result["warnings"]),
        "<h2>Equity, and holding dashed</h2>",
        drawn((("Equity", curve["equity"]), ("holding", curve["holding"]))),
        "<h2>Figures</h2>",
        _figures(result["metrics"]),
        f"<h2>Trades</h2>{_trades(result)}",
        "<h2>What to compute it again with</h2>",
        _recipe(about, result),
    ]
    return page(title, parts)


def _figures(metrics: Mapping[str, Any]) -> str:
    every = {**({"all desks": metrics["whole"]} if metrics["whole"] else {}), **metrics["desks"]}
    names, columns = [""], []
    for name, figures in every.items():
        names += [f"{name}, {figures['currency']}", "holding"]
        columns += [figures, figures["holding"] or {}]
    rows = [[label, *(_figure(one.get(name), kind) for one in columns)] for label, name, kind in _ROWS]
    return table(names, rows)


def _figure(value: Any, kind: str) -> str:
    if value is None:
        return "-"
    if kind == "share":
        return f"{value * 100:,.2f} %"
    return f"{value:,.2f}" if kind == "number" else f"{value:,}"


def _trades(result: Mapping[str, Any]) -> str:
    newest = result["trades"][-SHOWN_TRADES:][::-1]
    if not newest:
        return "<p>There was none.</p>"
    names = ("Closed", "Market", "Desk", "Side", "Quantity", "Entry", "Exit", "By", "Fees", "Net")
    rows = [[str(trade[key])[:19] for key in TRADE] for trade in newest]
    more = result["counts"]["trades"] - len(newest)
    return table(names, rows) + (f'<p class="muted">and {more} older ones</p>' if more else "")


def _recipe(about: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    asked = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in about["asked"].items()]
    series = [
        f"{one['instrument']} {one['timeframe']}: {one['count']:,} from {one['first']} to {one['last']}"
        for one in result["data"]["series"]
    ]
    hashes = [f"{name} {value}" for name, value in result["tree_hashes"].items()]
    facts = [
        f"Loligo {result['versions']['loligo']}",
        f"configuration {result['config_hash']}",
        f"data {result['data']['hash']}",
        *(f"{name.replace('_', ' ')}: {count:,}" for name, count in result["counts"].items()),
    ]
    blocks = (
        ("Other than configured", asked or ["nothing"]),
        ("Data", series),
        ("Hashes and counts", [*facts, *hashes]),
    )
    told = "".join(f"<h3>{name}</h3>{listed(lines)}" for name, lines in blocks)
    given = escape(json.dumps(about["given"]["config"], indent=1, ensure_ascii=False))
    return f"{told}<details><summary>The whole configuration</summary><pre>{given}</pre></details>"
