"""What changes among jobs, for streams: jobs are no records, so they are asked for by waiting at the door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from loligo.api import LoligoError

from .access.gate import caller_of
from .rest import DOOR

JOBS = "jobs"  # the verb, and the topic
WAIT_S = 20.0
PAUSE_S = 0.5  # between two answers: progress comes often


@asynccontextmanager
async def jobs_told(
    request: web.Request, is_wanted: bool, tell: Callable[[Any], Awaitable[object]]
) -> AsyncIterator[None]:
    """Tell how jobs are, and again whenever that changes, while the block lasts; nothing where the bot has none."""
    door, actor = request.app[DOOR], caller_of(request).actor

    async def follow() -> None:
        version: int | None = None
        answer: Any = None
        with suppress(ConnectionError):  # gone: whoever tells it something will see
            while True:
                with suppress(LoligoError):  # the bot starts or stops: it is asked again
                    answer = await door.ask(actor, JOBS, {"limit": 50, "after": version, "wait_s": WAIT_S})
                if answer is not None and answer.version != version:
                    version = answer.version
                    await tell(answer)
                await asyncio.sleep(PAUSE_S)

    following = asyncio.create_task(follow(), name="jobs of a stream") if is_wanted and JOBS in door.verbs else None
    try:
        yield
    finally:
        if following is not None:
            following.cancel()
