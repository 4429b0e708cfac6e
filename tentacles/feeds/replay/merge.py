"""Merges many streams of inputs into one, in time order.

Streams come in chunks: the times of a chunk are an array, its inputs are made only when they are taken, so a stream
that runs far ahead costs arrays and no objects. Each round takes everything up to the nearest horizon (the time up to
which every open stream is known) and sorts it stably by time; pieces are laid down in `instant_order` before, so the
order within one instant follows without a key per input. Reading candle by candle through a heap was 5 times slower.
What must hold: a chunk holds whole instants, so no instant is ever split over two batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from loligo.api import Input, InstantOrder, IntArray

FOREVER_NS = 2**63 - 1
CHUNK_ROWS = 16_384  # rows per chunk and stream: small enough for fifty streams at once, large enough for numpy


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The times wanted, both ends included."""

    first_ns: int = 0
    last_ns: int = FOREVER_NS


class Piece:
    """Inputs of one kind, instrument and timeframe: their times, and `make(start, stop)` which returns a slice."""

    __slots__ = ("_at", "_end", "_make", "order", "ts")

    def __init__(
        self, order: InstantOrder, ts: IntArray, make: Callable[[int, int], Sequence[Input]], window: Window
    ) -> None:
        self.order, self.ts, self._make = order, ts, make
        self._at = int(np.searchsorted(ts, window.first_ns, "left"))
        self._end = int(np.searchsorted(ts, window.last_ns, "right"))

    def take(self, horizon_ns: int) -> tuple[IntArray, Sequence[Input]]:
        """Return times and inputs up to the horizon that were not taken before."""
        start = self._at
        stop = max(start, min(self._end, int(np.searchsorted(self.ts, horizon_ns, "right"))))
        self._at = stop
        return self.ts[start:stop], self._make(start, stop) if stop > start else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of a stream, complete up to `horizon_ns`."""

    horizon_ns: int
    pieces: Sequence[Piece]


def whole_instants(
    parts: Iterable[tuple[IntArray, list[Input]]], order: InstantOrder, window: Window
) -> Iterator[Chunk]:
    """Yield chunks of (times, inputs) parts, the last instant of each held back until it is whole."""
    held_ts, held = np.empty(0, np.int64), list[Input]()
    for part_ts, part in parts:
        ts, items = np.concatenate((held_ts, part_ts)), held + part
        cut = int(np.searchsorted(ts, ts[-1], "left")) if len(ts) else 0
        if cut:
            yield _chunk(ts[:cut], items[:cut], order, window)
        held_ts, held = ts[cut:], items[cut:]
    if held:
        yield _chunk(held_ts, held, order, window)


def _chunk(ts: IntArray, items: list[Input], order: InstantOrder, window: Window) -> Chunk:
    piece = Piece(order, ts, lambda start, stop: items[start:stop], window)
    return Chunk(horizon_ns=int(ts[-1]), pieces=(piece,))


def merged(streams: Iterable[Iterator[Chunk]], window: Window) -> Iterator[Sequence[Input]]:
    """Yield batches of inputs in time order; what falls together follows `instant_order`, then the order of streams."""
    chunks = [(chunk, stream) for stream in streams if (chunk := next(stream, None)) is not None]
    while chunks:
        horizon_ns = min(chunk.horizon_ns for chunk, _ in chunks)
        pieces = sorted((piece for chunk, _ in chunks for piece in chunk.pieces), key=lambda piece: piece.order)
        batch = _interleaved([part for piece in pieces if (part := piece.take(horizon_ns))[1]])
        if batch:
            yield batch
        if horizon_ns >= window.last_ns:
            return
        chunks = [
            (next_chunk, stream)
            for chunk, stream in chunks
            if (next_chunk := chunk if chunk.horizon_ns > horizon_ns else next(stream, None)) is not None
        ]


def _interleaved(parts: list[tuple[IntArray, Sequence[Input]]]) -> Sequence[Input]:
    if len(parts) < 2:
        return parts[0][1] if parts else []
    inputs = [item for _, items in parts for item in items]
    order = np.argsort(np.concatenate([ts for ts, _ in parts]), kind="stable")
    return list(map(inputs.__getitem__, order.tolist()))
