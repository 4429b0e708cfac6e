"""Charts of reports: every value has its place between the axes, whose numbers a person can read."""

from __future__ import annotations

import re

import pytest

from loligo_lab.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawn

DAY_MS = 86_400_000


def written(svg: str, anchor: str = "end") -> list[str]:
    """Return what stands at the axis of values."""
    return re.findall(rf'x="58" y="[^"]+" text-anchor="{anchor}">([^<]+)<', svg)


@pytest.mark.parametrize(
    ("values", "is_share", "axis"),
    [
        ((9_800.0, 10_240.0), False, ["9,800", "9,900", "10,000", "10,100", "10,200", "10,300"]),
        ((-0.012, 0.031), True, ["-2 %", "-1 %", "0 %", "1 %", "2 %", "3 %", "4 %"]),
        ((0.0001, 0.0009), True, ["0.00 %", "0.02 %", "0.04 %", "0.06 %", "0.08 %", "0.10 %"]),
        ((100.0, 100.0), False, ["100", "120"]),
        ((0.0, 0.0), False, ["0.0", "0.2"]),
    ],
)
def test_the_axis_of_values_has_round_numbers_around_all_of_them(
    values: tuple[float, ...], is_share: bool, axis: list[str]
) -> None:
    svg = drawn([("a", [(place * DAY_MS, value) for place, value in enumerate(values)])], is_share=is_share)
    assert written(svg) == axis
    points = [tuple(map(float, one.split())) for one in re.search('class="line0" d="M([^"]+)"', svg)[1].split("L")]  # type: ignore[index]
    assert [x for x, _ in points] == [LEFT, WIDTH - RIGHT]
    assert all(TOP <= y <= HEIGHT - BOTTOM for _, y in points)
    assert (points[0][1] > points[1][1]) == (values[1] > values[0])  # up is more


def test_the_axis_of_time_has_its_first_and_last_day_and_zero_is_a_line_of_its_own() -> None:
    svg = drawn([("a", [(0, -1.0), (100 * DAY_MS, 1.0)]), ("b", [(0, 0.5), (50 * DAY_MS, 0.5)])])
    assert svg.count("1970-01-01</text>") == svg.count("1970-04-11</text>") == 1
    assert svg.count('class="axis zero"') == 1 and 'class="line1"' in svg
    assert 'aria-label="a and b from 1970-01-01 to 1970-04-11, -1.000 to 1.000"' in svg
    assert drawn([("a", [(0, 1.0)])]) == ""
