"""Buy and hold: what the same capital would have come to in the same markets, bought at the first price, untouched.

The capital is spread equally over a desk's instruments; fees are left out, so it is a benchmark that flatters holding.
`held` tells the value at every price of a backtest, `basket` the growth at the closes of an A/B test's days.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec

from loligo.api import iso
from loligo_lab.figures import Curve

MS_NS = 1_000_000


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


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What holding all that a desk trades had come to at instants of an A/B test."""

    rule: str
    missing: tuple[str, ...]  # what of the prices is not known, in sentences
    prices: dict[str, list[tuple[int, float]]]  # by instrument: ms since 1970 UTC, the last price until then
    curve: list[tuple[int, float]]  # ms since 1970 UTC, growth since the start; none without any price


def basket(desk: str, prices: Mapping[str, Curve], instants: Sequence[int]) -> Basket:
    """Return what holding came to at instants in ns, in order, of which the first is the start.

    `prices` are those of all instruments that the desk trades, in order of time; at an instant the last one until then
    counts. What has no price at the start is bought at the first instant that has one, and its part is money until
    then; what has none at all is left out.
    """
    known = {name: _at(curve, instants) for name, curve in prices.items()}
    bought = {name: curve for name, curve in known.items() if curve}
    missing = [f"No price of {name} is known: it is left out." for name, curve in known.items() if not curve]
    for name, curve in bought.items():
        if curve[0][0] > instants[0]:
            day = iso(curve[0][0])[:10]
            missing.append(f"No price of {name} is known before {day}: its part waits as money until then.")
    worth = {name: {at: price / curve[0][1] for at, price in curve} for name, curve in bought.items()}
    parts = list(worth.values())
    growth = [(at // MS_NS, sum(one.get(at, 1.0) for one in parts) / len(parts) - 1.0) for at in instants[1:] if parts]
    return Basket(
        rule=rule_of(desk, list(prices)),
        missing=tuple(missing),
        prices={name: [(at // MS_NS, price) for at, price in curve] for name, curve in bought.items()},
        curve=growth,
    )


def rule_of(desk: str, instruments: Sequence[str]) -> str:
    """Return in a sentence what is held."""
    bought = "bought at the first price of the test, left there, without fees"
    if len(instruments) == 1:
        return f"Holding: the start capital of {desk} in {instruments[0]}, which it trades, {bought}."
    names = ", ".join(instruments)
    return f"Holding: the start capital of {desk} in equal parts in all that it trades ({names}), {bought}."


def _at(curve: Curve, instants: Sequence[int]) -> list[tuple[int, float]]:
    """Return the last price at each instant, from the first one that has one."""
    times = [ts for ts, _ in curve]
    places = [(at, bisect_right(times, at)) for at in instants]
    return [(at, curve[place - 1][1]) for at, place in places if place]
