"""The report of a day, a week or a month of a bot at work, as one HTML file that needs nothing else.

What must hold: it holds no address and no script; whatever comes from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from loligo_lab.drawing import drawn

_STYLE = """
:root{color-scheme:light dark;--line:light-dark(#dfe6ee,#26344a);--muted:light-dark(#55657a,#93a4b9);
--accent:light-dark(#0b7285,#3bc9db);--ground:light-dark(#fff,#0d141e);--text:light-dark(#13202f,#e3eaf3)}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;background:var(--ground);
color:var(--text);font-variant-numeric:tabular-nums}h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
.muted,th{color:var(--muted)}table{border-collapse:collapse;width:100%;font-size:.9rem}.scroll{overflow-x:auto}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
svg{width:100%;border:1px solid var(--line);border-radius:8px}
path{fill:none;stroke-width:1.6;stroke:var(--accent)}
"""
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
    rows = [[str(trade[name]) for name in _COLUMNS] for trade in trades[-SHOWN:][::-1]]
    parts = [
        f'<h1>{escape(title)}</h1><p class="muted">{escape(said)}</p>',
        _table(("Account", "At the start", "At the end", "Change", "Currency"), worth),
        curves,
        "<h2>Desks</h2>",
        _table(("Desk", "Trades", "Won", "Fees", "Net"), by_desk) if by_desk else "<p>No trade was closed.</p>",
        f"<h2>Trades</h2>{_table(_COLUMNS, rows)}" if rows else "",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>'
    )


_COLUMNS = (
    "closed_at",
    "instrument",
    "desk",
    "side",
    "quantity",
    "entry_price",
    "exit_price",
    "exit_role",
    "fees",
    "net",
)


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
    head = "".join(f'<th scope="col">{escape(name.replace("_", " ").capitalize())}</th>' for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
