"""The number that a rule watches, as the world shows it; None where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import sqrt

from loligo.api.automation import Holding, World

HOUR_NS = 3_600_000_000_000
Bar = tuple[float, float, float]  # high, low, close


def profit_of_desk(world: World, desk: str, unit: str) -> float | None:
    """Return equity less capital: in money, or in percent of the capital."""
    worth = world.worth.get(desk)
    if worth is None or worth.equity is None or not worth.capital:
        return None
    gained = worth.equity - worth.capital
    return gained if unit == "money" else 100 * gained / worth.capital


def profit_of_position(world: World, held: Holding, instrument: str, unit: str) -> float | None:
    """Return what a position has gained against its average entry, fees apart."""
    price = world.prices.get(instrument)
    if price is None or not held.entry:
        return None
    gained = (price - held.entry) * held.quantity
    return gained if unit == "money" else 100 * gained / (held.entry * abs(held.quantity))


def drawdown(world: World, scope: str) -> float | None:
    """Return percent below the highest equity, of a desk or of account:NAME."""
    worth = world.worth.get(scope)
    return None if worth is None else 100 * worth.drawdown


def hours_held(world: World, desk: str, instrument: str) -> float | None:
    """Return the hours of the position held longest."""
    held = world.held(desk, instrument).values()
    return max(((world.now_ns - one.opened_at_ns) / HOUR_NS for one in held), default=None)


def volatility(bars: Iterable[Bar], count: int, measure: str) -> float | None:
    """Return the volatility over the newest `count` bars in percent of the last close; it takes one bar more.

    atr: mean of the true ranges (Wilder 1978, unsmoothed). stdev: sample deviation of the simple returns.
    """
    newest = list(bars)[-count - 1 :]
    if len(newest) < count + 1 or not newest[-1][2]:
        return None
    pairs = list(pairwise(newest))
    if measure == "atr":
        ranges = [max(high, before[2]) - min(low, before[2]) for before, (high, low, _) in pairs]
        return 100 * sum(ranges) / count / newest[-1][2]
    returns = [close / before[2] - 1 for before, (_, _, close) in pairs]
    mean = sum(returns) / count
    return 100 * sqrt(sum((one - mean) ** 2 for one in returns) / (count - 1))
