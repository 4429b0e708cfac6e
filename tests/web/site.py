"""The page on a free port with a door of the tests behind it, and somebody who uses it as a browser does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from loligo.api import MakeContext
from loligo_web.server import FIRST_LINK_FILE, WebInterface
from loligo_web.settings import WebSettings
from tests.fakes.doors import FakeDoor

PASSWORD = "a rather long sentence"


@dataclass(frozen=True)
class Visitor:
    """A browser, or a program: `csrf` is what the page gave it, or a token's header in `headers`."""

    session: aiohttp.ClientSession
    address: str
    csrf: str = ""

    async def get(self, path: str, **more: Any) -> tuple[int, Any]:
        """Return status and body, JSON where it is such."""
        async with self.session.get(self.address + path, allow_redirects=False, **more) as response:
            return response.status, await _body(response)

    async def post(self, path: str, data: Any = None, **more: Any) -> tuple[int, Any]:
        """Post as the page does: with its origin and token, and what `more` says instead."""
        own = {"Origin": self.address, "X-CSRF-Token": self.csrf, **more.pop("headers", {})}
        headers = {name: value for name, value in own.items() if value is not None}
        async with self.session.post(
            self.address + path, data=data, headers=headers, allow_redirects=False, **more
        ) as response:
            return response.status, await _body(response)


async def _body(response: aiohttp.ClientResponse) -> Any:
    return await (response.json() if "json" in response.content_type else response.text())


@dataclass(frozen=True)
class Site:
    door: FakeDoor
    home: Path
    address: str
    running: asyncio.Task[None]

    @property
    def first_link(self) -> str:
        return (self.home / FIRST_LINK_FILE).read_text().strip().removeprefix(self.address)

    @asynccontextmanager
    async def visitor(self, **headers: str) -> AsyncIterator[Visitor]:
        jar = aiohttp.CookieJar(unsafe=True)  # unsafe: an address has cookies, too
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
            yield Visitor(session, self.address)

    @asynccontextmanager
    async def owner(self, name: str = "anna") -> AsyncIterator[Visitor]:
        async with self.visitor() as guest:
            yield await join(guest, self.first_link, name)


async def join(guest: Visitor, link: str, name: str) -> Visitor:
    """Follow an invitation."""
    status, _ = await guest.post(link, {"name": name, "password": PASSWORD, "repeated": PASSWORD})
    assert status == 303
    _, page = await guest.get("/access")
    found = re.search('name="csrf" content="([^"]+)"', page)
    assert found is not None
    return Visitor(guest.session, guest.address, found[1])


@asynccontextmanager
async def site(home: Path, door: FakeDoor | None = None, **settings: Any) -> AsyncIterator[Site]:
    """Open the page; it is closed as the bot closes it, by cancelling."""
    door = door or FakeDoor()
    web = WebInterface(WebSettings(**{"port": 0, **settings}), MakeContext(home=str(home), door=door))
    running = asyncio.create_task(web.run())
    while not web.address:
        await asyncio.wait({running}, timeout=0.005)
        if running.done():
            running.result()
    try:
        yield Site(door, home, web.address, running)
    finally:
        running.cancel()
        await asyncio.wait({running})
