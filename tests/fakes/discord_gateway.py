"""Discord's gateway: sessions that are begun, resumed and refused, heartbeats, events in their order.

Source: https://discord.com/developers/docs/events/gateway
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "NDcxMQ.tests.a-token-of-tests"
BOT, GUILD, CHANNEL, THREAD, DIRECT, TRADERS = 4711, 900, 10, 12, 31, 77
CONTENT = 1 << 15  # the intent without which texts are empty
NOW = "2026-01-01T00:00:00+00:00"


@dataclass(slots=True, eq=False)
class _Session:
    intents: int
    events: list[dict[str, Any]] = field(default_factory=list)
    socket: _Socket | None = None

    async def send(self, event: str, data: Any) -> None:
        payload = {"op": 0, "s": len(self.events) + 1, "t": event, "d": data}
        self.events.append(payload)
        if self.socket is not None:
            await self.socket.send(payload)


class _Socket:
    """One connection of the gateway, compressed as the client asked for."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, compress: str) -> None:
        self.socket, self.transport = socket, transport
        self._zlib = zlib.compressobj() if compress == "zlib-stream" else None

    async def send(self, payload: dict[str, Any]) -> None:
        text = json.dumps(payload)
        if self._zlib is None:
            await self.socket.send_str(text)
        else:
            await self.socket.send_bytes(self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH))


class DiscordGateway:
    """The gateway of the service."""

    def __init__(self) -> None:
        self.dials: list[str] = []  # what was asked: identify, resume, refused
        self.heartbeats = 0
        self.is_gateway_up, self.may_read_content, self.interval_ms = True, True, 41_250
        self.sessions: dict[str, _Session] = {}
        self.numbers = iter(range(1_000, 1_000_000))
        self.news = asyncio.Condition()
        self.port = 0

    async def until(self, is_so: Callable[[], bool], *, within_s: float = 10.0) -> None:
        """Return once it is so; looked at after every request."""
        async with asyncio.timeout(within_s), self.news:
            await self.news.wait_for(is_so)

    async def drop(self) -> None:
        """Break every connection of the gateway."""
        for session in self.sessions.values():
            if session.socket is not None:
                session.socket.transport.abort()
            session.socket = None

    async def order(self, op: int, data: Any = None) -> None:
        """Send RECONNECT (7) or INVALID_SESSION (9, may it be resumed) to all."""
        for key, session in list(self.sessions.items()):
            if session.socket is not None:
                await session.socket.send({"op": op, "d": data, "s": None, "t": None})
            if op == 9 and not data:
                del self.sessions[key]

    async def serve_gateway(self, request: web.Request) -> web.StreamResponse:
        if not self.is_gateway_up:
            self.dials.append("refused")
            await self.changed()
            return web.Response(status=503)
        response = web.WebSocketResponse()
        await response.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        socket = _Socket(response, request.transport, request.query.get("compress", ""))
        await socket.send({"op": 10, "d": {"heartbeat_interval": self.interval_ms}, "s": None, "t": None})
        session: _Session | None = None
        async for received in response:
            if received.type is WSMsgType.TEXT:
                session = await self._told(socket, session, json.loads(received.data))
                await self.changed()
        if session is not None and session.socket is socket:
            session.socket = None
        return response

    async def _told(self, socket: _Socket, session: _Session | None, payload: dict[str, Any]) -> _Session | None:
        op, data = payload["op"], payload["d"]
        if op == 1:
            self.heartbeats += 1
            await socket.send({"op": 11, "d": None, "s": None, "t": None})
        elif op == 2:
            return await self._identified(socket, data)
        elif op == 6:
            return await self._resumed(socket, data)
        return session

    async def _identified(self, socket: _Socket, data: dict[str, Any]) -> _Session | None:
        self.dials.append("identify")
        if data["token"] != TOKEN:
            await socket.socket.close(code=4004)
            return None
        if data["intents"] & CONTENT and not self.may_read_content:
            await socket.socket.close(code=4014)
            return None
        key = f"session-{next(self.numbers)}"
        session = self.sessions[key] = _Session(data["intents"], socket=socket)
        ready = {
            "v": 10,
            "user": user(BOT, is_bot=True),
            "guilds": [{"id": str(GUILD), "unavailable": True}],
            "session_id": key,
            "resume_gateway_url": f"ws://127.0.0.1:{self.port}/gateway",
            "application": {"id": str(BOT), "flags": 0},
        }
        await session.send("READY", ready)
        await session.send("GUILD_CREATE", GUILD_FIELDS)
        return session

    async def _resumed(self, socket: _Socket, data: dict[str, Any]) -> _Session | None:
        self.dials.append("resume")
        session = self.sessions.get(data["session_id"])
        if session is None:
            await socket.send({"op": 9, "d": False, "s": None, "t": None})
            return None
        session.socket = socket
        for payload in session.events[data["seq"] :]:
            await socket.send(payload)
        await session.send("RESUMED", {})
        return session

    async def changed(self) -> None:
        async with self.news:
            self.news.notify_all()


GUILD_FIELDS = {
    "id": str(GUILD),
    "name": "tests",
    "roles": [
        {"id": str(GUILD), "name": "@everyone", "permissions": "0", "position": 0, "color": 0, "hoist": False},
        {"id": str(TRADERS), "name": "traders", "permissions": "0", "position": 1, "color": 0, "hoist": False},
    ],
    "channels": [{"id": str(CHANNEL), "type": 0, "name": "here", "position": 0, "permission_overwrites": []}],
    "emojis": [],
    "stickers": [],
    "features": [],
    "members": [],
    "owner_id": "1",
    "member_count": 3,
}


def user(number: int, *, is_bot: bool = False) -> dict[str, Any]:
    return {"id": str(number), "username": f"person{number}", "discriminator": "0", "avatar": None, "bot": is_bot}
