"""`make verify-stats`: how often the verdicts of experiments are wrong, and how often they find what is there.

Thousands of made-up experiments, of two or more arms that are equal and of arms that are not, and arms that trade by
chance on real candles. Prints the table, writes it as JSON, and ends with 1 when a figure misses its bound.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from loligo_lab.false_verdicts import FIXED_END, FIXED_END_BARE, NAIVE, OPEN_ENDED, PLANNER, Row, verify

COLUMNS = (NAIVE, FIXED_END, FIXED_END_BARE, OPEN_ENDED)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 0 when every bound is met."""
    asked = _parser().parse_args(argv)
    data = asked.data if (asked.data / "binance").is_dir() else None
    console = Console(width=None if sys.stdout.isatty() else 120)
    rows = []
    for row in verify(experiments=asked.experiments, seed=asked.seed, data=data):
        rows.append(row)
        if sys.stderr.isatty():
            print(f"{row.point}: {row.what}, {row.days} days, {row.rule}", file=sys.stderr)
    console.print(_table(rows))
    console.print(
        "naive: who looks daily and believes the first p < .05; or that the arm with more winning days is better"
    )
    if data is None:
        console.print(f"Not measured: no candles in {asked.data}/binance; set LOLIGO_MARKET_DATA to their folder.")
    missed = [row for row in rows if not row.is_met]
    console.print(f"{len(rows) - len(missed)} of {len(rows)} figures are within their bounds.")
    told = {
        "experiments": asked.experiments,
        "seed": asked.seed,
        "rows": [asdict(row) | {"is_met": row.is_met} for row in rows],
    }
    asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loligo_lab.verify_stats", description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000, help="for each figure (default 10000)")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--json", type=Path, default=Path("tests/benchmarks/verify-stats.json"))
    candles = os.environ.get("LOLIGO_MARKET_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(candles), help="folder of real candles")
    return parser


def _table(rows: Sequence[Row]) -> Table:
    """Return one line for each thing measured, with a column for each rule: the figure and its bound, in percent."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("in % of the experiments", "days", *COLUMNS):
        table.add_column(name, no_wrap=True)
    lines: dict[tuple[str, int], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        lines[f"{row.point} {row.what}", 0 if row.point == PLANNER else row.days][row.rule] = row
    for (what, _), found in lines.items():
        days = "/".join(str(each) for each in sorted({row.days for row in found.values()}))
        table.add_row(what, days, *(_cell(found[column]) if column in found else "" for column in COLUMNS))
    return table


def _cell(row: Row) -> str:
    least, most = (f"{share * 100:g}" for share in (row.at_least, row.at_most))
    bound = f" >= {least}" if row.at_least > 0.0 else ""
    bound += f" <= {most}" if row.at_most < 1.0 else ""
    return f"{row.measured * 100:.1f}{bound}{'' if row.is_met else ' !'}"


if __name__ == "__main__":
    raise SystemExit(main())
