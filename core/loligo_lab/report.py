"""What a run over history amounts to: trades, equity, metrics and counts as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from loligo.api import ClosedTrade, FinishedRun, iso
from loligo_lab.figures import Curve, cagr, max_drawdown, sharpe, sortino, time_in_market
from loligo_lab.holding import held
from loligo_lab.tally import Tally

ALL = ""  # the scope of all desks together


def report(run: FinishedRun, tally: Tally) -> dict[str, Any]:
    """Return the report: trades, equity, metrics, counts, versions."""
    return {
        "trades": plain_trades(tally.trades),
        "equity": [{"ts": iso(ts), "scope": scope, "equity": known(equity)} for ts, scope, equity in tally.equity],
        **without_rows(run, tally),
    }


def without_rows(run: FinishedRun, tally: Tally) -> dict[str, Any]:
    """Return what of the report does not grow with the run."""
    code = {name: version for name, version in run.versions.items() if name != "loligo"}
    return {
        "metrics": {
            "desks": {desk: desk_metrics(run, desk, tally) for desk in run.capital},
            "accounts": {name: {"equity": known(equity)} for name, equity in run.account_equity.items()},
            "whole": whole_metrics(run, tally),
        },
        "counts": {
            **run.venue_counts,
            "candles": tally.candles,
            "orders": tally.orders,
            "fills": tally.fills,
            "trades": len(tally.trades),
            "refusals": tally.refusals,
            "declined": tally.declined,
            "failures": tally.failures,
        },
        "versions": {"loligo": run.versions["loligo"], "tentacles": code},
        "data": tally.data(),
        "config_hash": run.about["config_hash"],
        "tree_hashes": dict(run.about["tree_hashes"]),
    }


def desk_metrics(run: FinishedRun, desk: str, tally: Tally) -> dict[str, Any]:
    """Return one desk's figures; rates are fractions, money is in the reference currency, None while it has no rate.

    A desk with several currencies starts with the first equity that was known.
    """
    return _metrics(run, [desk], tally)


def whole_metrics(run: FinishedRun, tally: Tally) -> dict[str, Any] | None:
    """Return the figures of all desks together, None where they count in several currencies."""
    currencies = {about["currency"] for about in run.about["desks"].values()}
    return _metrics(run, list(run.capital), tally) if len(currencies) == 1 else None


def _metrics(run: FinishedRun, desks: Sequence[str], tally: Tally) -> dict[str, Any]:
    curve = equity_of(desks, tally)
    start, end = sum(run.capital[desk] for desk in desks), sum(run.desk_equity[desk] for desk in desks)
    if start != start and curve:
        start = curve[0][1]
    trades = [trade for trade in tally.trades if trade.desk in desks]
    won = sum(_in_reference(trade.net, trade) for trade in trades if trade.net > 0)
    lost = -sum(_in_reference(trade.net, trade) for trade in trades if trade.net < 0)
    roles = [trade.exit_role for trade in trades]
    span_ns = tally.last_ns - tally.first_ns
    values = [value for value in (start, *(equity for _, equity in curve), end) if value == value]
    return {
        "currency": run.about["desks"][desks[0]]["currency"],
        "start_equity": known(start),
        "end_equity": known(end),
        "return": known(end / start - 1.0),
        "cagr": cagr(start, end, span_ns),
        "max_drawdown": max_drawdown(values),
        "sharpe": sharpe(curve),
        "sortino": sortino(curve),
        "trades": len(trades),
        "win_rate": sum(trade.net > 0 for trade in trades) / len(trades) if trades else 0.0,
        "profit_factor": won / lost if lost else 0.0,
        "fees": sum(_in_reference(trade.fees, trade) for trade in trades),
        "exposure": time_in_market(_held(run, desks, trades, tally.last_ns), tally.first_ns, tally.last_ns),
        "still_open": sum(len(run.about["desks"][desk]["open_since_ns"]) for desk in desks),
        "exits": {role: roles.count(role) for role in sorted(set(roles))},
        "holding": _holding(start, holding_of(run, desks, tally, start), span_ns),
    }


def equity_of(desks: Sequence[str], tally: Tally) -> list[tuple[int, float]]:
    """Return the equity of desks together, a point per instant at which one was marked and all are known."""
    latest: dict[str, float] = {}
    points: list[tuple[int, float]] = []
    for ts, scope, equity in tally.equity:
        if scope in desks and equity == equity:
            latest[scope] = equity
            if len(latest) == len(desks):
                if points and points[-1][0] == ts:
                    points.pop()
                points.append((ts, sum(latest[desk] for desk in desks)))
    return points


def holding_of(run: FinishedRun, desks: Sequence[str], tally: Tally, capital: float) -> list[tuple[int, float]]:
    """Return what buying and holding would have come to: each desk's capital over its instruments."""
    shares = {desk: run.capital[desk] if len(desks) > 1 else capital for desk in desks}
    curves = [
        held(shares[desk], [tally.prices.get(name, []) for name in run.about["desks"][desk]["instruments"]])
        for desk in desks
    ]
    if len(curves) == 1 or not all(curves):
        return curves[0] if len(curves) == 1 else []
    worth = [shares[desk] for desk in desks]
    points: dict[int, float] = {}
    for ts, index, value in sorted((ts, index, value) for index, curve in enumerate(curves) for ts, value in curve):
        worth[index] = value
        points[ts] = sum(worth)
    return sorted(points.items())


def _holding(start: float, curve: Curve, span_ns: int) -> dict[str, Any] | None:
    if not curve:
        return None
    end = curve[-1][1]
    return {
        "end_equity": end,
        "return": end / start - 1.0,
        "cagr": cagr(start, end, span_ns),
        "max_drawdown": max_drawdown([start, *(value for _, value in curve)]),
        "sharpe": sharpe(curve),
        "sortino": sortino(curve),
    }


def _held(run: FinishedRun, desks: Sequence[str], trades: Sequence[ClosedTrade], last_ns: int) -> list[tuple[int, int]]:
    still = [opened for desk in desks for opened in run.about["desks"][desk]["open_since_ns"]]
    return [*((trade.opened_at_ns, trade.closed_at_ns) for trade in trades), *((opened, last_ns) for opened in still)]


def known(value: float) -> float | None:
    """JSON has no NaN."""
    return value if value == value else None


def _in_reference(amount: Decimal, trade: ClosedTrade) -> float:
    return float(amount) * trade.quote_rate


def plain_trades(trades: Sequence[ClosedTrade]) -> list[dict[str, Any]]:
    return [_plain_trade(trade) for trade in trades]


def _plain_trade(trade: ClosedTrade) -> dict[str, Any]:
    plain: Mapping[str, Any] = msgspec.to_builtins(trade)
    return {**plain, "opened_at": iso(trade.opened_at_ns), "closed_at": iso(trade.closed_at_ns)}
