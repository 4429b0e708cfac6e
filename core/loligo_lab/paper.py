"""The frame of a report that is one HTML file, and its parts: lists and tables.

What must hold: no address, no script; what comes from outside is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--line:light-dark(#dfe6ee,#26344a);--muted:light-dark(#55657a,#93a4b9);
--accent:light-dark(#0b7285,#3bc9db);--ground:light-dark(#fff,#0d141e);--text:light-dark(#13202f,#e3eaf3)}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;background:var(--ground);
color:var(--text);font-variant-numeric:tabular-nums}h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
.muted,caption,th{color:var(--muted)}.verdict{font-size:1.15rem}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}.scroll{overflow-x:auto}
li{margin:.2rem 0;overflow-wrap:anywhere}pre{overflow-x:auto}
svg{width:100%;border:1px solid var(--line);border-radius:8px}path{fill:none;stroke-width:1.6}
.axis{stroke:var(--line);stroke-width:1}.zero{stroke:var(--muted)}text{fill:var(--muted);font-size:11px}
.line0{stroke:var(--accent)}.line1,.line2{stroke:var(--muted);stroke-dasharray:5 4}.line3{stroke:var(--line)}
.three .line2{stroke-dasharray:1.5 3.5}
code{overflow-wrap:anywhere}
"""


TRADE = (
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
)  # what is told of each


def page(title: str, parts: Iterable[str]) -> str:
    """Return the whole file; the parts are HTML."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def listed(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in names)
    label = escape(", ".join(filter(None, names)))
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table of {label}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
