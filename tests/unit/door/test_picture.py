"""Pictures of candles: made by a process of its own, small, and of what happened."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from loligo.errors import LoligoError
from loligo_bot.door.picture import draw
from loligo_bot.plot import HEIGHT_PX, WIDTH_PX, Drawing, Line, Rule, Sign, price_text, short_text, time_text

HOUR_MS = 3_600_000
UP, DOWN = (10, 143, 104), (208, 59, 59)  # colours of plot


def drawing(count: int = 120, *, falls: bool = False, title: str = "BTC/USD", **more: object) -> Drawing:
    """Candles that rise by one each, or fall."""
    step = -1.0 if falls else 1.0
    candles = [
        (at * HOUR_MS, 500.0 + at * step, 502.0 + at * step, 498.0 + at * step, 500.5 + (at + 1) * step, 3.0)
        for at in range(count)
    ]
    return Drawing(title=title, note="", candles=candles, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fonts")


def made(what: Drawing, cache: Path) -> bytes:
    return asyncio.run(draw(what, cache))


def count_of(png: bytes, colour: tuple[int, int, int]) -> int:
    image = Image.open(BytesIO(png)).convert("RGB")
    return next((number for number, one in image.getcolors(WIDTH_PX * HEIGHT_PX) or [] if one == colour), 0)


def test_a_picture_is_small_and_of_the_size_that_is_told(cache: Path) -> None:
    png = made(drawing(300, signs=[Sign(place=at, is_buy=True, is_exit=False) for at in range(0, 300, 3)]), cache)
    assert Image.open(BytesIO(png)).size == (WIDTH_PX, HEIGHT_PX)
    assert len(png) < 200 * 1024


def test_candles_have_the_colour_of_their_way(cache: Path) -> None:
    rising, falling = made(drawing(), cache), made(drawing(falls=True), cache)
    assert count_of(rising, UP) > 2_000 and count_of(rising, DOWN) == 0
    assert count_of(falling, DOWN) > 2_000 and count_of(falling, UP) == 0


def test_marks_levels_and_lines_are_drawn(cache: Path) -> None:
    plain = made(drawing(), cache)
    sign = Sign(place=60, is_buy=False, is_exit=True, text="-1.00")
    rule = Rule(kind="stop", price=520.0, text="stop 520 (trend)")
    assert count_of(made(drawing(signs=[sign]), cache), DOWN) > count_of(plain, DOWN) == 0
    assert count_of(made(drawing(rules=[rule]), cache), DOWN) > 300
    line = Line(name="fast", values=[None] * 20 + [550.0] * 100)
    assert count_of(made(drawing(lines=[line]), cache), (11, 114, 133)) > 500


@pytest.mark.parametrize("title", ["$\\frac{1}{2$ _a^b {", "<script>alert(1)</script>", "\u6bd4\u7279\u5e01"])
def test_a_name_is_drawn_as_it_is_whatever_stands_in_it(title: str, cache: Path) -> None:
    assert made(drawing(10, title=title), cache).startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_said(cache: Path) -> None:
    with pytest.raises(LoligoError, match=r"could not be drawn: ValueError: min\(\)"):
        made(drawing(0), cache)


def test_numbers_and_times_are_as_exact_as_needed() -> None:
    assert [price_text(one) for one in (15_471.4, 99.5, 0.25, 0.00001234)] == ["15,471", "99.50", "0.2500", "1.23e-05"]
    assert [short_text(one) for one in (1_500.0, 2e6, 3.0)] == ["1.5k", "2M", "3"]
    hours = drawing(48).candles
    assert time_text(hours, 25) == "02 Jan 01:00"
    days = [(at * 24 * HOUR_MS, *hours[0][1:]) for at in range(100)]
    assert time_text(days, 31) == "01 Feb 70"
