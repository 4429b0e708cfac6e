"""Clients of an event stream, all in this process: `page_clients.py HOST PORT PATH TOKEN COUNT SECONDS FILE`.

FILE gets pairs of a message's id and when it came, ns of CLOCK_MONOTONIC. "open" is printed once all are connected.
"""

from __future__ import annotations

import asyncio
import sys
import time
from array import array
from pathlib import Path

ID = b"\nid: "


async def listen(host: str, port: int, path: str, token: str, heard: array[int], is_open: asyncio.Event) -> None:
    """Open a stream and note each id until cancelled."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise SystemExit(head.decode())
    is_open.set()
    left = b""
    while chunk := await reader.read(1 << 16):
        now = time.monotonic_ns()
        *whole, left = (left + chunk.replace(b"\r", b"")).split(b"\n\n")
        for message in whole:
            if b"event: record" in message:
                heard.extend((int((b"\n" + message).rpartition(ID)[2].split(b"\n")[0]), now))


async def main(host: str, port: int, path: str, token: str, count: int, seconds: float, file: Path) -> None:
    heard: array[int] = array("q")
    opened = [asyncio.Event() for _ in range(count)]
    listening = [asyncio.create_task(listen(host, port, path, token, heard, one)) for one in opened]
    await asyncio.gather(*(one.wait() for one in opened))
    del heard[:]  # what came while the others were let in
    print("open", flush=True)
    done, _ = await asyncio.wait(listening, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if done:
        raise SystemExit(f"a stream ended by itself: {next(iter(done)).exception()}")
    file.write_bytes(heard.tobytes())
    for task in listening:
        task.cancel()


if __name__ == "__main__":
    _, host, port, path, token, count, seconds, file = sys.argv
    asyncio.run(main(host, int(port), path, token, int(count), float(seconds), Path(file)))
