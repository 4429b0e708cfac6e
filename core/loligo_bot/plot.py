"""Draws candles as a picture: a drawing as JSON on standard input, a PNG on standard output.

    picture (the bot) ─► this, a process of its own ─► PNG

matplotlib holds the interpreter's lock for most of its work, so it never runs in the bot: the engine would stand still
meanwhile (decision 0022). It draws in memory alone (Agg), so no display is needed. What must hold: texts are shown as
they are, no markup in them is read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import msgspec

WIDTH_PX, HEIGHT_PX, DPI = 1200, 900, 150
UP, DOWN, INK, MUTED, GRID = "#0a8f68", "#d03b3b", "#13202f", "#55657a", "#e6ebf1"
_LINES = ("#0b7285", "#c77700", "#7048b6", "#a61e6b", "#4a6b1f")
_LEVELS = {"stop": DOWN, "trail": DOWN, "target": UP, "entry": "#0b7285", "exit": "#0b7285", "position": INK}
_MONTH_MS = 45 * 86_400_000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line over the candles; null where it is not known."""

    name: str
    values: list[float | None]


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """A fill at the candle of that place in the list."""

    place: int
    is_buy: bool
    is_exit: bool
    text: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A price that holds for the whole picture."""

    kind: str
    price: float
    text: str


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be seen. A candle is [opened at ms, open, high, low, close, volume], oldest first."""

    title: str
    note: str
    candles: list[tuple[int, float, float, float, float, float]]
    lines: list[Line] = []
    signs: list[Sign] = []
    rules: list[Rule] = []


def png(drawing: Drawing) -> bytes:
    """Return the picture, WIDTH_PX by HEIGHT_PX."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look: Any = {"font.family": "DejaVu Sans", "font.size": 10, "text.parse_math": False, "axes.edgecolor": GRID}
    look |= {"path.simplify": True, "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED}
    with rc_context(look):
        figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 1, height_ratios=(5, 1), hspace=0.04, left=0.02, right=0.875, top=0.885, bottom=0.07
        )
        prices = figure.add_subplot(grid[0])
        volumes = figure.add_subplot(grid[1], sharex=prices)
        figure.text(0.02, 0.945, drawing.title, fontsize=15, fontweight="bold")
        figure.text(0.02, 0.908, drawing.note, fontsize=10.5, color=MUTED)
        _dress(prices, volumes, drawing)
        _candles(prices, volumes, drawing)
        _lines(prices, drawing.lines)
        _rules(prices, drawing)
        _signs(prices, drawing)
        out = BytesIO()
        figure.savefig(out, format="png", metadata={"Software": "Loligo"})
    return out.getvalue()


def _dress(prices: Any, volumes: Any, drawing: Drawing) -> None:
    count = len(drawing.candles)
    for axes in (prices, volumes):
        axes.yaxis.tick_right()
        axes.grid(color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        for side in ("top", "left"):
            axes.spines[side].set_visible(False)
    prices.tick_params(labelbottom=False)
    prices.set_xlim(-1, count + max(1, count // 30))
    low, high = min(one[3] for one in drawing.candles), max(one[2] for one in drawing.candles)
    near = [one.price for one in drawing.rules if low - (high - low) / 2 <= one.price <= high + (high - low) / 2]
    low, high = min([low, *near]), max([high, *near])
    room = (high - low or abs(high) or 1.0) * 0.06
    prices.set_ylim(low - room, high + room)
    prices.yaxis.set_major_formatter(lambda value, _place: price_text(value))
    volumes.yaxis.set_major_formatter(lambda value, _place: short_text(value))
    volumes.yaxis.set_major_locator(_few(2))
    prices.yaxis.set_major_locator(_few(8))
    places = list(range(count // 10, count, max(1, count // 5)))
    volumes.set_xticks(places, [time_text(drawing.candles, place) for place in places])


def _few(most: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=most, prune="upper")


def _candles(prices: Any, volumes: Any, drawing: Drawing) -> None:
    at = range(len(drawing.candles))
    colours = [UP if one[4] >= one[1] else DOWN for one in drawing.candles]
    prices.vlines(at, [one[3] for one in drawing.candles], [one[2] for one in drawing.candles], colors=colours, lw=0.9)
    bottoms = [min(one[1], one[4]) for one in drawing.candles]
    heights = [abs(one[4] - one[1]) or one[4] * 1e-5 for one in drawing.candles]
    prices.bar(at, heights, bottom=bottoms, width=0.72, color=colours, linewidth=0)
    volumes.bar(at, [one[5] for one in drawing.candles], width=0.72, color=colours, alpha=0.45, linewidth=0)


def _lines(prices: Any, lines: Sequence[Line]) -> None:
    for number, line in enumerate(lines):
        values = [float("nan") if value is None else value for value in line.values]
        prices.plot(values, color=_LINES[number % len(_LINES)], linewidth=1.4, label=line.name)
    if lines:
        prices.legend(loc="upper left", frameon=False, fontsize=9.5, ncols=min(3, len(lines)), borderaxespad=0.2)


def _rules(prices: Any, drawing: Drawing) -> None:
    low, high = prices.get_ylim()
    for rule in drawing.rules:
        if low <= rule.price <= high:
            colour = _LEVELS.get(rule.kind, INK)
            prices.axhline(rule.price, color=colour, linewidth=1.2, linestyle=(0, (5, 3)))
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
            prices.text(0, rule.price, rule.text, color=colour, fontsize=9.5, va="bottom", ha="left", bbox=box)
    last = drawing.candles[-1]
    colour = UP if last[4] >= last[1] else DOWN
    box = {"facecolor": colour, "edgecolor": "none", "pad": 2.5}
    prices.annotate(
        price_text(last[4]), (1.008, last[4]), xycoords=("axes fraction", "data"), color="white", va="center", bbox=box
    )


def _signs(prices: Any, drawing: Drawing) -> None:
    """Mark buys below their candle and sells above it."""
    low, high = prices.get_ylim()
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    for sign in drawing.signs:
        candle = drawing.candles[sign.place]
        colour, shape, side = (UP, "^", -1) if sign.is_buy else (DOWN, "v", 1)
        face = "white" if sign.is_exit else colour  # an exit is hollow
        edge = candle[3] if sign.is_buy else candle[2]
        at = min(max(edge + side * (high - low) * 0.025, low), high)
        prices.plot(sign.place, at, shape, markersize=9, color=colour, markerfacecolor=face, markeredgewidth=1.6)
        if sign.text:
            prices.annotate(
                sign.text,
                (sign.place, at),
                xytext=(0, side * 9),
                textcoords="offset points",
                ha="center",
                va="top" if sign.is_buy else "bottom",
                fontsize=9,
                color=UP if sign.text.startswith("+") else DOWN,
                fontweight="bold",
                bbox=box,
            )


def price_text(value: float) -> str:
    """Return a price with as many digits as its size needs."""
    size = abs(value)
    return (
        f"{value:,.0f}"
        if size >= 10_000
        else f"{value:,.2f}"
        if size >= 10
        else f"{value:.4f}"
        if size >= 0.1
        else f"{value:.3g}"
    )


def short_text(value: float) -> str:
    """Return an amount in thousands or millions."""
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}"


def time_text(candles: Sequence[tuple[int, float, float, float, float, float]], place: int) -> str:
    """Return when a candle opened, as exactly as the whole picture needs, UTC."""
    span_ms = candles[-1][0] - candles[0][0]
    form = "%b %Y" if span_ms > 12 * _MONTH_MS else "%d %b %y" if span_ms > _MONTH_MS / 5 else "%d %b %H:%M"
    return datetime.fromtimestamp(candles[place][0] / 1000, UTC).strftime(form)


def main() -> None:
    """Draw what stands on standard input."""
    drawing = msgspec.json.decode(sys.stdin.buffer.read(), type=Drawing)
    sys.stdout.buffer.write(png(drawing))
