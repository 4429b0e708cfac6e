"""`make bench`: prints a table and writes tests/benchmarks/latest.json, records {name, value, unit, reference, ratio}.

Every figure is the median of several runs; the reference runs stand beside it in the same process, taken in turn, so
that a slow moment of the machine hits both. Real 5m candles are read where LOLIGO_MARKET_DATA (or ../shared/data) has
them; without them the benchmark says so and measures what needs none. LOLIGO_BENCH_SCALE=0.1 takes a tenth of the
candles, LOLIGO_BENCH_FILE writes elsewhere: to see in seconds that every figure is there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.benchmarks.measures import Figure, all_figures

LATEST = Path(os.environ.get("LOLIGO_BENCH_FILE") or Path(__file__).with_name("latest.json"))


def main() -> int:
    """Measure everything and report. Return the exit code."""
    figures = all_figures(sys.argv[1:])
    LATEST.write_text(json.dumps([figure.record() for figure in figures], indent=1) + "\n")
    print(table(figures))
    return 0


def table(figures: list[Figure]) -> str:
    """Return the figures as aligned text."""
    rows = [("name", "value", "unit", "ratio", "reference")]
    rows += [(f.name, f"{f.value:,.4g}", f.unit, f"{f.ratio:.3g}" if f.ratio else "", f.reference) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
