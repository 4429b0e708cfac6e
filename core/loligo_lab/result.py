"""The result of a backtest as it is kept: the report in bounded size, holding beside it, and what it says in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loligo.api import FinishedRun
from loligo_lab.figures import Curve, thinned
from loligo_lab.report import ALL, equity_of, holding_of, plain_trades, without_rows
from loligo_lab.tally import Tally
from loligo_lab.words import verdict_of, warnings_of

POINTS = 600  # of each curve
MOST_TRADES = 5_000  # the newest
IN_LISTS = ("currency", "start_equity", "end_equity", "return", "cagr", "max_drawdown", "sharpe", "trades",
            "profit_factor", "fees", "exposure")  # fmt: skip


def result_of(run: FinishedRun, tally: Tally) -> dict[str, Any]:
    """Return the result of a run as plain data."""
    result = without_rows(run, tally)
    metrics = result["metrics"]
    scopes = {desk: ([desk], metrics["desks"][desk]) for desk in run.capital}
    if metrics["whole"] is not None:
        scopes[ALL] = (list(run.capital), metrics["whole"])
    curves = {}
    for scope, (desks, figures) in scopes.items():
        start, equity = figures["start_equity"], equity_of(desks, tally)
        first = [(tally.first_ns, start)] if start is not None else []
        end = figures["end_equity"]  # nothing is marked while nothing is held: the newest holds until the end
        last = [(tally.last_ns, end)] if end is not None else []
        curves[scope] = {
            "equity": _plain([*first, *equity, *last]),
            "holding": _plain(holding_of(run, desks, tally, start)) if start is not None else [],
        }
    trades = plain_trades(tally.trades[-MOST_TRADES:])
    result |= {"curves": curves, "trades": trades, "trades_left_out": len(tally.trades) - len(trades)}
    return {**result, "verdict": verdict_of(result), "warnings": warnings_of(result)}


def summary_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a list says of a result: figures of all desks, or of the first where they cannot be added."""
    metrics = result["metrics"]
    figures = metrics["whole"] or next(iter(metrics["desks"].values()))
    holding = figures["holding"] or {}
    return {
        **{name: figures[name] for name in IN_LISTS},
        "holding_return": holding.get("return"),
        "since": result["data"]["since"],
        "until": result["data"]["until"],
        "data_hash": result["data"]["hash"],
        "config_hash": result["config_hash"],
        "verdict": result["verdict"],
    }


def _plain(curve: Curve) -> list[list[float]]:
    """Return points as [ms since 1970, value]."""
    return [[ts // 1_000_000, value] for ts, value in thinned(curve, POINTS)]
