"""Opinions: an evaluation of one evaluator, the signal of a strategy, and a decision not to trade."""

from __future__ import annotations

from enum import StrEnum

import msgspec

Numbers = tuple[float, ...]


class Evaluation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An evaluator's opinion: +1 strongly bullish, -1 strongly bearish, with its reason as (code, numbers)."""

    value: float
    code: str
    numbers: Numbers = ()


class Direction(StrEnum):
    """Where a signal wants the position to be."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class Signal(msgspec.Struct, frozen=True, array_like=True, tag="signal"):
    """A strategy's wish. `strength` is its confidence, 0..1; stop and target are prices, None to use the desk's."""

    direction: Direction
    strength: float
    code: str
    numbers: Numbers = ()
    stop_price: float | None = None
    target_price: float | None = None


class Declined(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="declined"):
    """A decision not to act, with its reason as (code, numbers)."""

    code: str
    numbers: Numbers = ()
