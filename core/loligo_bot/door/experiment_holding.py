"""What holding all that the control trades had come to, from the candles of the journal; shown, never deciding.

What must hold: a price is the same, however many days are asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from msgspec import structs

from loligo_bot.door.experiment_parts import HoldingPart
from loligo_bot.door.inside import Inside
from loligo_bot.experiments.held import instants_of, instruments_of
from loligo_bot.experiments.standing import Standing
from loligo_lab.figures import Curve
from loligo_lab.holding import MS_NS, Basket, basket
from loligo_store.candles import prices_at
from loligo_store.reader import JournalReader


def holding(inside: Inside, standing: Standing, points: int) -> HoldingPart | None:
    """Return the growth at up to `points` days, the last among them; None without days, or once the desk is gone."""
    found = held(inside, standing, points) if points else None
    return None if found is None else part_of(found)


def part_of(found: Basket) -> HoldingPart:
    return HoldingPart(rule=found.rule, missing=list(found.missing), curve=found.curve)


def held(inside: Inside, standing: Standing, points: int) -> Basket | None:
    """Return the same with the prices that it comes from."""
    name = standing.config.control
    desk = inside.config.desks.get(name)
    if desk is None or not standing.days:
        return None
    start, *closes = instants_of(standing.days)
    step = -(-len(closes) // points)
    instants = [start, *reversed(closes[::-step])]
    names = instruments_of(desk)
    prices = _prices(inside.journal(), names, instants, [start, *closes])
    bought = {curve[0][0] for curve in prices.values()}
    found = basket(name, {one: prices.get(one, ()) for one in names}, sorted({*instants, *bought}))
    asked = {at // MS_NS for at in instants}
    return structs.replace(found, curve=[point for point in found.curve if point[0] in asked])


def _prices(
    journal: JournalReader, names: Collection[str], instants: Sequence[int], days: Sequence[int]
) -> Mapping[str, Curve]:
    """Return prices at instants, and of what has none at the start the first of a day's close."""
    start, found = instants[0], dict[str, list[tuple[int, float]]]()
    for name, price in prices_at(journal.engine, names, until_ns=start).items():
        found[name] = [(start, price)]
    for name in [one for one in names if one not in found]:
        if first := _first(journal, name, days):
            found[name] = [first]
    for before, at in pairwise(instants):
        bought = [name for name, curve in found.items() if curve[0][0] < at]
        for name, price in prices_at(journal.engine, bought, until_ns=at, after_ns=before).items():
            found[name].append((at, price))
    return found


def _first(journal: JournalReader, name: str, days: Sequence[int]) -> tuple[int, float] | None:
    """Return the first close of a day with a price of an instrument, and that price; None where none has one."""

    def price(at_ns: int) -> float | None:
        return prices_at(journal.engine, (name,), until_ns=at_ns, after_ns=days[0]).get(name)

    place = bisect_left(days, True, key=lambda at_ns: price(at_ns) is not None)
    known = price(days[place]) if place < len(days) else None
    return None if known is None else (days[place], known)
