"""A receiver of signed webhooks on this machine, and of whatever apprise posts to a json:// address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class HookServer:
    """Answers with what `answers` has next, 204 afterwards; what it took with 2xx is in `taken`."""

    address: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append(({name.lower(): value for name, value in request.headers.items()}, body))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        if status < 300:
            self.taken.append(json.loads(body))
        self._news.set()
        return web.Response(status=status, headers=headers)

    async def until(self, count: int) -> None:
        """Return once so many were taken."""
        async with asyncio.timeout(30):
            while len(self.taken) < count:
                self._news.clear()
                await self._news.wait()

    async def until_asked(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.asked) < count:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def hook_server(port: int = 0) -> AsyncIterator[HookServer]:
    server = HookServer()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.hear)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, bound = runner.addresses[0][:2]
    server.address = f"http://{host}:{bound}/hook"
    try:
        yield server
    finally:
        await runner.cleanup()
