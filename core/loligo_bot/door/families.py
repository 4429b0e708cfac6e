"""Numbers for those who watch from outside: families of samples, as Prometheus has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from loligo.ports.door import Answer
from loligo_bot.door.pages import Part
from loligo_bot.metering import Histogram

SHOWN = 40  # samples, to a person
Kind = Literal["counter", "gauge"]


class Sample(Part):
    """One number, or the counts of a histogram."""

    labels: dict[str, str]
    value: float = Field(description="of a histogram: how many there were")
    buckets: dict[str, int] = Field(
        default={}, description="of a histogram: how many were at most so long, by the bound"
    )
    sum: float = Field(default=0.0, description="of a histogram: all of them together")


class Family(Part):
    """Samples of one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: list[str] = Field(description="names of what its samples are told apart by")
    samples: list[Sample]


class Metrics(Answer):
    """Every number."""

    families: list[Family]

    def lines(self) -> Sequence[str]:
        told = [(family.name, sample) for family in self.families for sample in family.samples if sample.value]
        more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
        return [*(_line(name, sample) for name, sample in told[:SHOWN]), *more]


def _line(name: str, sample: Sample) -> str:
    labels = ", ".join(sample.labels.values())
    return f"{name}{f' ({labels})' if labels else ''}: {sample.value:.6g}"


def single(name: str, told: str, value: float, kind: Kind = "gauge") -> Family:
    """Return the one number of its name."""
    return Family(name=name, kind=kind, help=told, labels=[], samples=[Sample(labels={}, value=float(value))])


def described(name: str, told: str, labels: Mapping[str, str]) -> Family:
    """Return what is told by labels alone."""
    samples = [Sample(labels=dict(labels), value=1.0)]
    return Family(name=name, kind="gauge", help=told, labels=list(labels), samples=samples)


def gauges(name: str, told: str, label: str, values: Mapping[str, float | None]) -> Family:
    """Return a number for each value of one label."""
    return counts(name, told, (label,), {(each,): value for each, value in values.items()}, "gauge")


def counts(
    name: str, told: str, labels: Sequence[str], values: Mapping[Any, float | None], kind: Kind = "counter"
) -> Family:
    """Return a sample for each known value; keys are tuples of what the labels say."""
    known = [(key, float(value)) for key, value in dict(values).items() if value is not None]
    samples = [Sample(labels=dict(zip(labels, key, strict=True)), value=value) for key, value in sorted(known)]
    return Family(name=name, kind=kind, help=told, labels=list(labels), samples=samples)


def histogram(name: str, told: str, measured: Histogram) -> Family:
    buckets, total = {}, 0
    bounds = [*map(str, measured.bounds_s), "+Inf"]
    for bound, count in zip(bounds, list(measured.counts), strict=True):
        total += count
        buckets[bound] = total
    sample = Sample(labels={}, value=total, buckets=buckets, sum=measured.sum_s)
    return Family(name=name, kind="histogram", help=told, labels=[], samples=[sample])
