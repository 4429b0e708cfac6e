"""The curve of the dashboard: a value holds until the next one is known."""

from __future__ import annotations

from loligo_web.curve import curve


def test_a_curve_fills_its_box_and_goes_by_steps() -> None:
    drawn = curve([(0, 100.0), (50, 300.0), (100, 200.0)])
    assert drawn is not None
    # 200 of value and 8 % of room on both sides are 232 of value in 140 of height: 16 of room are 9.66.
    assert drawn.line == "M0.0 130.3H300.0V9.7H600.0V70.0"
    assert drawn.area == drawn.line + "V140H0Z"
    assert (drawn.low, drawn.high, drawn.first_ms, drawn.last_ms) == (100.0, 300.0, 0, 100)


def test_what_never_moved_is_a_line_in_the_middle_and_one_moment_is_none() -> None:
    flat = curve([(0, 5.0), (10, 5.0)])
    assert flat is not None
    assert flat.line == "M0.0 70.0H600.0V70.0"
    assert curve([(0, 5.0)]) is None
    assert curve([(7, 5.0), (7, 6.0)]) is None
