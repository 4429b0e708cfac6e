"""The page of a bot that has not begun to run: what people meet in its first moments, for as long as a test looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loligo.api import MakeContext
from loligo_bot.door.front_door import FrontDoor
from loligo_web.server import FIRST_LINK_FILE, WebInterface
from loligo_web.settings import WebSettings

LIMIT_S, PAUSE_S = 60.0, 0.005


@contextmanager
def early_page(home: Path) -> Iterator[str]:
    """Serve it in a thread; give its address."""
    listens, stop = threading.Event(), threading.Event()
    web = WebInterface(WebSettings(port=0), MakeContext(home=str(home), door=FrontDoor()))

    async def serve() -> None:
        serving = asyncio.create_task(web.run())
        while not (home / FIRST_LINK_FILE).exists() and not serving.done():
            await asyncio.wait({serving}, timeout=PAUSE_S)
        listens.set()
        await asyncio.to_thread(stop.wait)
        serving.cancel()
        await asyncio.wait({serving})

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert listens.wait(LIMIT_S)
        yield web.address
    finally:
        stop.set()
        thread.join()
