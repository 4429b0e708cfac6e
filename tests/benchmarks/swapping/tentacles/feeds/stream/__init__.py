"""Reads numbered prices from a socket in the bot's folder, and makes a candle or a trade of each.

Trades of an instrument (seven, if nothing else is set) are followed by a candle, then the other instrument has its
turn. An event's time follows from its number alone, so every run of a stream gives the same inputs; and it is a
replaying feed, so that the bot's time begins with event 0.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from struct import Struct

from loligo.api import Candle, Factory, InboxPort, Input, MakeContext, Side, TentacleSettings, Trade, hookimpl

FRAME = Struct("<qd")  # number, price
BEGAN_NS = 1_577_836_800_000_000_000  # 2020-01-01
STEP_NS = 100_000  # between two events: 10,000 in a second
MINUTE_NS = 60_000_000_000
SOCKET = "state/stream.sock"
INSTRUMENTS = ("sim:BTC/USD", "sim:ETH/USD")


class StreamSettings(TentacleSettings):
    candle_every: int = 8  # events


def event(number: int, price: float, candle_every: int) -> Input:
    """Return the event of this number."""
    ts, instrument = BEGAN_NS + number * STEP_NS, INSTRUMENTS[number // candle_every % 2]
    if number % candle_every == candle_every - 1:
        return Candle(instrument, "1m", ts - MINUTE_NS, ts, price, price * 1.001, price * 0.999, price, 1.0)
    return Trade(instrument, ts, price, 0.5, Side.BUY if number * 7919 % 13 < 7 else Side.SELL)


class Stream:
    def __init__(self, settings: StreamSettings, context: MakeContext) -> None:
        self._every = settings.candle_every
        self._path = Path(context.home) / SOCKET
        self._received: deque[Input] = deque()

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, since_count: int | None = None
    ) -> Iterator[Input]:
        """Yield what has been received; to who asks where it begins, an event of the first's time."""
        if since_ns is None:
            yield event(0, 1.0, self._every)
        while self._received:
            yield self._received.popleft()

    async def replay(self, inbox: InboxPort, inputs: Iterator[Input]) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        left = b""
        while received := await reader.read(1 << 16):
            received = left + received
            whole = len(received) - len(received) % FRAME.size
            left = received[whole:]
            frames = FRAME.iter_unpack(received[:whole])
            self._received.extend(event(number, price, self._every) for number, price in frames)
            await inbox.put_many(list(islice(inputs, len(self._received))))
        writer.close()

    async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
        await self.replay(inbox, self.read(since_ns=since_ns or 0))


@hookimpl
def feed() -> Factory:
    return Factory(settings=StreamSettings, create=Stream)
