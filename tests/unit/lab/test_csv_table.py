"""CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from loligo_lab.csv_table import csv_table


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("word", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("x")'])
def test_a_word_that_would_be_a_formula_has_a_quote_before_it(word: str) -> None:
    assert read(csv_table(["name"], [[word]], ["name"])) == [["name"], [f"'{word}"]]


def test_numbers_keep_their_sign_and_what_is_not_known_is_empty() -> None:
    rows = [["a, b", Decimal("-0.10"), None], ['say "hi"', -2.5, 7]]
    told = read(csv_table(["text", "net", "other"], rows, ["text"]))
    assert told == [["text", "net", "other"], ["a, b", "-0.10", ""], ['say "hi"', "-2.5", "7"]]
