"""Work of tentacles apart from what trades: in a thread of its own, and only for so long."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def apart(work: Callable[[], T], limit_s: float, name: str) -> T:
    """Return what `work` comes to. TimeoutError when it does not come to an end: then its thread is told to."""
    ended: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    loop = ended.get_loop()

    def tell(outcome: T | Exception) -> None:
        if ended.done():
            return  # nobody waits any more
        if isinstance(outcome, Exception):
            ended.set_exception(outcome)
        else:
            ended.set_result(outcome)

    def run() -> None:
        outcome: T | Exception
        try:
            outcome = work()
        except Exception as exc:  # raised where it is awaited
            outcome = exc
        if not loop.is_closed():  # as after a time-out, when the bot has ended since
            loop.call_soon_threadsafe(tell, outcome)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(limit_s):
            return await ended
    except TimeoutError:
        if thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        raise
