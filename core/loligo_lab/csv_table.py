"""A table as CSV that a spreadsheet may open: what somebody wrote is never taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[object]], texts: Collection[str]) -> str:
    """Return a line with the columns' names and one for each row. `texts` are the columns that hold words: one that
    would begin a formula has a quote before it; None is empty."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(columns)
    are_texts = [name in texts for name in columns]
    for row in rows:
        writer.writerow([_tame(one) if is_text else one for one, is_text in zip(row, are_texts, strict=True)])
    return output.getvalue()


def _tame(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
