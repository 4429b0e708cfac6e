"""A reality check in words and as a table, for people."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MOST_ROWS = 20  # of differences in a table


def summary(data: Mapping[str, Any]) -> list[str]:
    """Return the outcome in sentences."""
    trades, currency = data["trades"], data["currency"]
    if not trades["recorded"] and not trades["today"]:
        return [f"{data['desk']} closed no trade between {data['since'][:19]} and {data['until'][:19]}."]
    count, other = trades["recorded"], data["differences_as_it_ran"]
    plural = "trade" if count == 1 else "trades"
    as_it_ran = "all come out the same" if not other else f"{other} come out differently"
    sentences = [f"As it ran, with the versions, settings and candles of then: {count} {plural}, {as_it_ran}."]
    if data["not_explained"]:
        where = "`loligo journal replay --verify` shows where the session first runs otherwise"
        sentences.append(f"{data['not_explained']} of those cannot be explained; {where}.")
    if data["left_out"]:
        sentences += [f"Of today the {part} cannot be run: {why}." for part, why in data["left_out"].items()]
    today = f"A backtest of today{', but for ' + ' and '.join(data['left_out']) + ',' if data['left_out'] else ''}"
    if not data["differences"]:
        return [*sentences, f"{today} makes the same trades, to the last digit: no difference."]
    told = [f"{cause} {one['trades']} ({one['net']:+,.2f} {currency})" for cause, one in data["causes"].items()]
    net = data["net"]["today"] - data["net"]["recorded"]
    sentences.append(
        f"{today} makes {data['differences']} of {len(data['rows'])} differently, by {net:+,.2f} {currency} in all: "
        f"{', '.join(told)}."
    )
    return sentences


def table(data: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return the columns and rows of what differs, the newest, for a terminal; the first row says how many are left
    out."""
    columns = ("opened", "instrument", "side", "net then", "net today", "cause", "what differs")
    rows = [
        (
            row["opened_at"][:19],
            row["instrument"],
            row["side"],
            _amount(row["recorded"]),
            _amount(row["today"]),
            ", ".join(row["causes"]),
            "; ".join(row["fields"]),
        )
        for row in data["rows"]
        if not row["is_same"]
    ]
    more = len(rows) - MOST_ROWS
    return columns, [
        *([("...", *[""] * 5, f"{more} more before; --json has all")] if more > 0 else []),
        *rows[-MOST_ROWS:],
    ]


def _amount(trip: Mapping[str, Any] | None) -> str:
    return "" if trip is None else f"{Decimal(trip['net']):,.2f}"
