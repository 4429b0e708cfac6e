"""Buy and hold: what the same capital would have come to in the same markets, bought at the first price, untouched.

The capital is spread equally over a desk's instruments; fees are left out, so it is a benchmark that flatters holding.
"""

from __future__ import annotations

from collections.abc import Sequence

from loligo_lab.figures import Curve


def held(capital: float, prices: Sequence[Curve]) -> list[tuple[int, float]]:
    """Return the value over time, a point wherever a price is known; money waits until its market has a first price.

    Each curve of prices is in order of time. Without any price there is no curve.
    """
    markets = [curve for curve in prices if curve]
    if not markets or capital != capital:
        return []
    share = capital / len(markets)
    moments = sorted((ts, index, price) for index, curve in enumerate(markets) for ts, price in curve)
    worth = [share] * len(markets)
    points: list[tuple[int, float]] = []
    for ts, index, price in moments:
        worth[index] = share * price / markets[index][0][1]
        if points and points[-1][0] == ts:
            points.pop()
        points.append((ts, sum(worth)))
    return points
