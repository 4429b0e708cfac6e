"""The verb backtest.compare: figures side by side, curves on one axis, in which settings and versions they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec
from pydantic import Field

from loligo.errors import BadArguments
from loligo.ports.door import Answer
from loligo_bot.door.backtest_rows import KIND, BacktestRow, Number, result_of, row_of
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import Part
from loligo_bot.jobs.job import State
from loligo_bot.recipe import Recipe

MOST_COMPARED = 6
MOST_DIFFERENCES = 200


class Ids(Arguments):
    """Which ones."""

    numbers: tuple[Number, ...] = Field(
        min_length=2, max_length=MOST_COMPARED, description=f"2 to {MOST_COMPARED} backtests that are done"
    )


class ComparedCurve(Part):
    """How a backtest's equity grew: points are [ms since 1970, gain since the start as a fraction]."""

    number: int
    growth: list[tuple[int, float]]


class SettingOfEach(Part):
    """A setting in which they differ; one value per backtest, in their order."""

    key: str
    values: list[Any]


class Compared(Answer):
    """Backtests side by side."""

    backtests: list[BacktestRow]
    notes: list[str] = Field(description="what to bear in mind")
    differences: list[SettingOfEach]
    curves: list[ComparedCurve]

    def lines(self) -> Sequence[str]:
        told = [row.told() for row in self.backtests]
        told += [f"{one.key}: {', '.join(map(str, one.values))}" for one in self.differences[:10]]
        return [*told, *self.notes]


async def compare(inside: Inside, _asked: Asked, given: Ids) -> Compared:
    numbers = list(dict.fromkeys(given.numbers))
    jobs = [inside.jobs.get(number, KIND) for number in numbers]
    unfinished = [f"{job.number} is {job.state}" for job in jobs if job.state is not State.DONE]
    if unfinished or len(jobs) < 2:
        said = f"numbers: expected two or more different backtests that are done: {', '.join(unfinished) or 'only one'}"
        raise BadArguments(said, {"numbers": said})
    results = [await result_of(inside, number) for number in numbers]
    frozen = [msgspec.json.decode(await inside.jobs.given(number)) for number in numbers]
    return Compared(
        backtests=[row_of(job) for job in jobs],
        notes=_notes(results),
        differences=_differences(frozen, results),
        curves=[
            ComparedCurve(number=number, growth=_growth(one)) for number, one in zip(numbers, results, strict=True)
        ],
    )


def _growth(result: Mapping[str, Any]) -> list[tuple[int, float]]:
    curves = result["curves"]
    points = (curves.get("") or next(iter(curves.values())))["equity"]
    start = points[0][1] if points else 0.0
    return [(at_ms, value / start - 1.0) for at_ms, value in points] if start else []


def _notes(results: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = []
    if len({one["data"]["hash"] for one in results}) > 1:
        notes.append("They ran over different data: a difference may come from that alone.")
    if len({one["config_hash"] for one in results}) == 1 and len({str(one["tree_hashes"]) for one in results}) == 1:
        notes.append("Settings and tentacles are the same.")
    notes.append("Which did better here says little about which will: an experiment on what comes decides that.")
    return notes


def _differences(frozen: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> list[SettingOfEach]:
    """Return the settings that are not the same in all, then the versions that are not."""
    desks = [one["config"]["desks"] for one in frozen]
    common = set(desks[0]).intersection(*desks)
    every = sorted({name for one in desks for name in one})
    found: list[tuple[str, list[Any]]] = [(f"desk {name}", [name in one for one in desks]) for name in every]
    leaves = [_leaves(one, common) for one in frozen]
    ways = sorted({way for one in leaves for way in one})
    found += [(".".join(way), [one.get(way) for one in leaves]) for way in ways]
    hashes = [one["tree_hashes"] for one in results]
    names = sorted({name for one in hashes for name in one})
    found += [(f"version of {name}", [one.get(name, "")[3:15] for one in hashes]) for name in names]
    other = [(key, values) for key, values in found if any(value != values[0] for value in values)]
    return [SettingOfEach(key=key, values=values) for key, values in other[:MOST_DIFFERENCES]]


def _leaves(frozen: Mapping[str, Any], desks: Set[str]) -> dict[tuple[str, ...], Any]:
    """Return every single setting of these desks and what is around them, and the span that was asked for."""
    config = {**frozen["config"], "desks": {name: frozen["config"]["desks"][name] for name in desks}}
    return {**Recipe(config, {}).leaves(), **{("data", name): value for name, value in frozen["span"].items()}}


OFFERS: tuple[Offer, ...] = (
    looking("backtest.compare", "backtests side by side, and in what they differ", Ids, Compared, compare),
)
