"""The other process: gives numbered prices through a socket, at a pace that does not wait for the reader.

    stream.py SOCKET PER_SECOND [COUNT]     0 per second: as fast as they are read; without a count until stdin ends

It prints when event 0 was due (CLOCK_MONOTONIC, which all processes share), and at the end how many there were. Event n
is due n / PER_SECOND later, whenever it was really given: a reader that is late cannot make the events wait.
"""

from __future__ import annotations

import os
import random
import select
import socket
import sys
import time
from struct import Struct

FRAME = Struct("<qd")
BATCH = 512  # at full speed
TICK_S = 0.0005


def give(path: str, per_second: int, count: int | None) -> None:
    """Listen, serve one reader, and end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen(1)
        reader, _ = server.accept()
    walk = random.Random(20_200_101)
    price, number = 10_000.0, 0
    due_ns = time.monotonic_ns() + 200_000_000
    print(due_ns, flush=True)
    with reader:
        while count is None or number < count:
            until = count if count is not None else number + BATCH
            if per_second:
                time.sleep(TICK_S)
                until = min(max(0, (time.monotonic_ns() - due_ns) * per_second // 1_000_000_000), count or sys.maxsize)
            else:
                until = min(number + BATCH, until)
            frames = bytearray()
            while number < until:
                price = min(max(price * (1.0 + walk.gauss(0.0, 0.0005)), 8_000.0), 12_500.0)
                frames += FRAME.pack(number, round(price, 2))
                number += 1
            reader.sendall(frames)
            if count is None and select.select([sys.stdin], [], [], 0)[0] and not os.read(0, 1):
                break
    print(number, flush=True)


if __name__ == "__main__":
    give(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
