"""An SMTP server on this machine that keeps what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any

from aiosmtpd.smtp import SMTP


class Post:
    """Takes mail, but for the first few."""

    def __init__(self, refusals: int = 0) -> None:
        self.mails: list[Mail] = []
        self.refusals = refusals
        self._news = asyncio.Event()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 try again later"
        self.mails.append(message_from_bytes(envelope.content))
        self._news.set()
        return "250 taken"

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.mails) < count:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def mail_server(post: Post, port: int = 0) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(post, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def text_of(mail: Mail) -> str:
    part = next(one for one in mail.walk() if one.get_content_type().startswith("text/"))
    return bytes(part.get_payload(decode=True)).decode().replace("\r\n", "\n").strip()
