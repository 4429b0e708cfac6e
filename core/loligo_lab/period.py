"""The report of a day, a week or a month of a bot at work, as one HTML file that needs nothing else.

What must hold: it holds no address and no script; whatever comes from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from loligo_lab.drawing import drawn
from loligo_lab.paper import TRADE, page, table

SHOWN = 500  # trades


def as_html(title: str, said: str, accounts: Sequence[Mapping[str, Any]], trades: Sequence[Mapping[str, Any]]) -> str:
    """Return the page. Accounts have name, currency, start, end and points ([ms, equity]); trades are those closed,
    oldest first."""
    worth = [(one["name"], _money(one["start"]), _money(one["end"]), _change(one), one["currency"]) for one in accounts]
    curves = "".join(
        f"<h2>{escape(one['name'])}, {escape(one['currency'])}</h2>{drawn(((one['name'], one['points']),))}"
        for one in accounts
    )
    desks = sorted({trade["desk"] for trade in trades})
    by_desk = [_of_desk(desk, [trade for trade in trades if trade["desk"] == desk]) for desk in desks]
    rows = [[str(trade[name]) for name in TRADE] for trade in trades[-SHOWN:][::-1]]
    parts = [
        f'<h1>{escape(title)}</h1><p class="muted">{escape(said)}</p>',
        _table(("Account", "At the start", "At the end", "Change", "Currency"), worth),
        curves,
        "<h2>Desks</h2>",
        _table(("Desk", "Trades", "Won", "Fees", "Net"), by_desk) if by_desk else "<p>No trade was closed.</p>",
        f"<h2>Trades</h2>{_table(TRADE, rows)}" if rows else "",
    ]
    return page(title, parts)


def _of_desk(desk: str, trades: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    net, fees = sum(float(trade["net"]) for trade in trades), sum(float(trade["fees"]) for trade in trades)
    won = sum(float(trade["net"]) > 0 for trade in trades)
    return desk, str(len(trades)), str(won), _money(fees), _money(net)


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _change(one: Mapping[str, Any]) -> str:
    start, end = one["start"], one["end"]
    return "-" if not start or end is None else f"{end - start:+,.2f} ({100 * (end / start - 1):+.2f} %)"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table([name.replace("_", " ").capitalize() for name in names], rows)
