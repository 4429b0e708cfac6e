"""Compares what a run with swaps decided with what one without any did: the same, to the byte, apart from the swaps.

Swaps are inputs and events, and so take numbers; what comes after has later ones. Both journals are therefore numbered
anew without them, in events, causes and in the ids of orders and groups, which name an event. All else counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, get_args

import msgspec

from loligo.model.command import GenerationActivated, Swapping
from loligo.model.events import OrderReported, OrderSubmitted, Record, SignalRaised, SwapStepped, TentacleFailed
from loligo.model.market import Candle, Trade
from loligo.model.order import Canceled, Expired, Filled, Rejected

_SWAPS = get_args(Swapping)
_ORDER_ID = re.compile(rb"\b([0-9a-f]{10})-(\d+)(?:g(\d+))?")  # of a group: and its seq
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Told:
    """What a journal holds of a stream."""

    inputs: Counter[int] = field(default_factory=Counter)  # by time, which is different for each
    orders: int = 0
    fewest_open: int | None = None  # orders, at a swap
    _open: set[str] = field(default_factory=set)

    def see(self, record: Record) -> None:
        if isinstance(record.input, Candle | Trade):
            self.inputs[record.input.ts] += 1
        elif isinstance(record.input, GenerationActivated) and record.input.number > 1:
            self.fewest_open = min(len(self._open), self.fewest_open or len(self._open))
        for event in record.events:
            if isinstance(event, OrderSubmitted):
                self.orders += 1
                self._open.add(event.order.id)
            elif isinstance(event, OrderReported) and _ends(event.report):
                self._open.discard(event.report.order_id)


def _ends(report: Any) -> bool:
    return isinstance(report, Canceled | Expired | Rejected | Filled)


def without_swaps(records: Iterable[Record], told: Told) -> Iterator[bytes]:
    """Yield every record as bytes, as if there had been no swap; `told` sees them as they are."""
    numbers: dict[int, int] = {}
    following = 1

    def renumbered(found: re.Match[bytes]) -> bytes:
        group = b"g%d" % numbers[int(found[3])] if found[3] else b""
        return b"%s-%d%s" % (found[1], numbers[int(found[2])], group)

    for record in records:
        told.see(record)
        is_swap = isinstance(record.input, _SWAPS) and getattr(record.input, "number", 1) > 1
        kept = [event for event in record.events if not _is_of_swap(event)]
        if is_swap:
            if kept:
                yield b"a step of a swap led to " + _encode(kept)
            continue
        numbers[record.seq] = following
        following += 1
        for event in kept:
            numbers[event.seq] = following
            following += 1
        events = [_event(event, numbers) for event in kept]
        yield _ORDER_ID.sub(renumbered, _encode([record.input, record.feed, events]))


def _is_of_swap(event: Any) -> bool:
    return isinstance(event, SwapStepped) or (isinstance(event, TentacleFailed) and event.tentacle.endswith(" (new)"))


def _event(event: Any, numbers: dict[int, int]) -> Any:
    changes: dict[str, Any] = {"seq": numbers[event.seq], "cause": numbers[event.cause]}
    if isinstance(event, SignalRaised):
        changes["board"] = tuple(numbers[seq] if seq else 0 for seq in event.board)
    return msgspec.structs.replace(event, **changes)


def differing(one: Iterable[bytes], other: Iterable[bytes], shown: int = 3) -> int:
    """Return how many records differ, and print the first few."""
    count = 0
    for place, (a, b) in enumerate(zip_longest(one, other, fillvalue=b"nothing")):
        if a != b:
            count += 1
            if count <= shown:
                at = max(0, next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), 0) - 200)
                print(f"  record {place} differs:\n    {a[:150]!r}\n    {a[at : at + 400]!r}\n    {b[at : at + 400]!r}")
    return count
