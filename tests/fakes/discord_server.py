"""A server that speaks Discord's REST API v10, and its gateway, as far as a chat with a bot needs them.

Source: https://discord.com/developers/docs (reference, gateway events, receiving and responding, rate limits).
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.discord_gateway import (
    BOT,
    CHANNEL,
    CONTENT,
    DIRECT,
    GUILD,
    NOW,
    THREAD,
    TOKEN,
    TRADERS,
    DiscordGateway,
    user,
)

HOOK, HOOK_TOKEN = 55, "a-webhook-token"
_GUILD_MESSAGES, _DIRECT_MESSAGES = 1 << 9, 1 << 12  # intents


@dataclass(slots=True)
class Sent:
    """A message of the bot; `place` is a channel, "webhook", or the token of an interaction."""

    id: int
    place: str
    text: str
    buttons: list[dict[str, str]] = field(default_factory=list)
    colour: int | None = None
    is_private: bool = False
    mentions: Any = None
    files: dict[str, bytes] = field(default_factory=dict)
    image: str = ""  # of its frame: where it is

    @property
    def labels(self) -> list[str]:
        return [button["label"] for button in self.buttons]


@dataclass(frozen=True, slots=True)
class Fault:
    """What one request gets instead; status 0: the connection breaks, done or not."""

    status: int
    retry_after: float = 0.0
    via: str = "1.1 google"
    is_done: bool = False


class DiscordServer(DiscordGateway):
    """The service. `faults` hold what comes next, by part: messages, callback, original, followup, webhook."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []
        self.commands: list[dict[str, Any]] = []
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.acknowledged: list[int] = []  # types of the answers to interactions
        self.logins = 0
        self._nonces: dict[str, Sent] = {}
        self._files: dict[str, bytes] = {}  # of the request at work
        self._runner: web.AppRunner | None = None

    @property
    def settings(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self.port}"
        return {"token": TOKEN, "api_base": f"{base}/api/v10", "gateway": f"ws://127.0.0.1:{self.port}/gateway"}

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/webhooks/{HOOK}/{HOOK_TOKEN}"

    async def start(self) -> None:
        """Listen, at the same port as before. Nobody answers there until then."""
        app = web.Application()
        api = "/api/v10"
        for method, path, serve in (
            ("GET", "/gateway/", self.serve_gateway),
            ("GET", "/gateway", self.serve_gateway),
            ("GET", f"{api}/users/@me", self._me),
            ("GET", f"{api}/oauth2/applications/@me", self._application),
            ("PUT", f"{api}/applications/{{id}}/commands", self._put_commands),
            ("POST", f"{api}/channels/{{channel}}/messages", self._post_message),
            ("POST", f"{api}/interactions/{{id}}/{{token}}/callback", self._callback),
            ("PATCH", f"{api}/webhooks/{{id}}/{{token}}/messages/@original", self._patch_original),
            ("POST", f"{api}/webhooks/{{id}}/{{token}}", self._post_webhook),
        ):
            app.router.add_route(method, path, serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # What people do

    async def command(self, person: int, name: str, /, *, channel: int = CHANNEL, **options: Any) -> str:
        """Choose a slash command, and return the token by which its answer comes. "tentacle.switch" is in a group."""
        kinds = {str: 3, bool: 5, int: 4, float: 10}
        given = [{"name": key, "type": kinds[type(value)], "value": value} for key, value in options.items()]
        head, _, rest = name.partition(".")
        data: dict[str, Any] = {"id": "1", "name": head, "type": 1, "options": given}
        if rest:
            data["options"] = [{"name": rest, "type": 1, "options": given}]
        return await self._interact(person, 2, data, channel)

    async def press(self, person: int, message: Sent, label: str, *, channel: int = CHANNEL) -> str:
        """Press a button under a message."""
        custom_id = next(button["custom_id"] for button in message.buttons if button["label"] == label)
        data = {"custom_id": custom_id, "component_type": 2}
        return await self._interact(person, 3, data, channel, message=self._message(message))

    async def say(self, person: int, text: str, *, channel: int = CHANNEL, is_direct: bool = False) -> None:
        """Write a message; its text is told only where the intents allow it."""
        for session in self.sessions.values():
            wanted = _DIRECT_MESSAGES if is_direct else _GUILD_MESSAGES
            if session.intents & wanted:
                is_told = is_direct or session.intents & CONTENT
                message = self._message(Sent(next(self.numbers), str(channel), text if is_told else ""))
                message |= {"author": user(person), **({} if is_direct else {"guild_id": str(GUILD)})}
                await session.send("MESSAGE_CREATE", message)

    def said_to(self, place: str) -> list[Sent]:
        return [sent for sent in self.sent if sent.place == place]

    async def _interact(self, person: int, kind: int, data: dict[str, Any], channel: int, **more: Any) -> str:
        number = next(self.numbers)
        roles = [str(TRADERS)] if person == 2 else []
        member = {"user": user(person), "roles": roles, "joined_at": NOW, "deaf": False, "mute": False, "flags": 0}
        where: dict[str, Any] = {"id": str(channel), "type": 0 if channel == CHANNEL else 11, "name": "here"}
        if channel == THREAD:
            where |= _THREAD_FIELDS
        interaction = {
            "id": str(number),
            "application_id": str(BOT),
            "type": kind,
            "token": f"interaction-{number}",
            "version": 1,
            "attachment_size_limit": 1,
            "entitlements": [],
            "guild_id": str(GUILD),
            "channel": where,
            "channel_id": str(channel),
            "member": {**member, "permissions": "0"},
            "data": data,
            **more,
        }
        if channel == DIRECT:
            interaction |= {
                "channel": {"id": str(DIRECT), "type": 1, "recipients": [user(person)]},
                "user": user(person),
            }
            del interaction["guild_id"], interaction["member"]
        for session in self.sessions.values():
            await session.send("INTERACTION_CREATE", interaction)
        return f"interaction-{number}"

    # REST

    async def _fault(self, part: str) -> Fault | None:
        return self.faults[part].popleft() if self.faults[part] else None

    async def _guarded(
        self, request: web.Request, part: str, serve: Callable[[dict[str, Any]], web.Response]
    ) -> web.Response:
        """Serve a request, or what is to come instead."""
        try:
            is_open = "webhooks" in request.path or "interactions" in request.path  # by tokens of their own
            if not is_open and request.headers.get("Authorization") != f"Bot {TOKEN}":
                return _json({"message": "401: Unauthorized", "code": 0}, status=401)
            fault = await self._fault(part)
            given = await self._given(request)
            if fault is None:
                return serve(given if isinstance(given, dict) else {"all": given})
            if fault.is_done:
                serve(given)
            if fault.status == 0:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return _failed(fault)
        finally:
            await self.changed()

    async def _given(self, request: web.Request) -> Any:
        """Return the JSON of a request; in one of parts it is `payload_json`, beside the files."""
        self._files = {}
        if request.content_type != "multipart/form-data":
            return json.loads(await request.read() or b"{}")
        posted = await request.post()
        files = [value for value in posted.values() if isinstance(value, web.FileField)]
        self._files = {file.filename: file.file.read() for file in files}
        return json.loads(str(posted["payload_json"]))

    async def _me(self, request: web.Request) -> web.Response:
        self.logins += 1
        return await self._guarded(request, "me", lambda _: _json(user(BOT, is_bot=True)))

    async def _application(self, request: web.Request) -> web.Response:
        told: dict[str, Any] = {
            "id": str(BOT),
            "name": "Loligo",
            "icon": None,
            "description": "",
            "bot_public": False,
            "flags": 0,
        }
        told |= {"bot_require_code_grant": False, "verify_key": "", "owner": user(1), "summary": ""}
        return await self._guarded(request, "application", lambda _: _json(told))

    async def _put_commands(self, request: web.Request) -> web.Response:
        def serve(given: dict[str, Any]) -> web.Response:
            self.commands = given["all"]
            return _json([])

        return await self._guarded(request, "commands", serve)

    async def _post_message(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]

        def serve(given: dict[str, Any]) -> web.Response:
            if channel not in (str(CHANNEL), str(THREAD), str(DIRECT)):
                return _json({"message": "Unknown Channel", "code": 10003}, status=404)
            nonce = given["nonce"] if given.get("enforce_nonce") else ""
            if nonce in self._nonces:
                return _json(self._message(self._nonces[nonce]))
            kept = self._kept(channel, given)
            if isinstance(kept, web.Response):
                return kept
            if nonce:
                self._nonces[nonce] = kept
            return _json(self._message(kept))

        return await self._guarded(request, "messages", serve)

    async def _callback(self, request: web.Request) -> web.Response:
        def serve(given: dict[str, Any]) -> web.Response:
            self.acknowledged.append(given["type"])
            number = request.match_info["id"]
            return _json({"interaction": {"id": number, "type": 2}, "resource": {"type": given["type"]}})

        return await self._guarded(request, "callback", serve)

    async def _patch_original(self, request: web.Request) -> web.Response:
        return await self._guarded(request, "original", lambda given: self._answer(request.match_info["token"], given))

    async def _post_webhook(self, request: web.Request) -> web.Response:
        is_hook = request.match_info["token"] == HOOK_TOKEN
        place = "webhook" if is_hook else request.match_info["token"]
        return await self._guarded(
            request, "webhook" if is_hook else "followup", lambda given: self._answer(place, given)
        )

    def _answer(self, place: str, given: dict[str, Any]) -> web.Response:
        kept = self._kept(place, given)
        return kept if isinstance(kept, web.Response) else _json(self._message(kept))

    def _kept(self, place: str, given: dict[str, Any]) -> Sent | web.Response:
        """Keep a message, unless it breaks a rule of the API."""
        content, embeds = given.get("content") or "", given.get("embeds") or []
        text = embeds[0]["description"] if embeds else content
        if not text.strip() or len(content) > 2000 or any(len(each["description"]) > 4096 for each in embeds):
            return _json({"message": "Invalid Form Body", "code": 50035}, status=400)
        rows = given.get("components") or []
        if len(rows) > 5 or any(len(row["components"]) > 5 for row in rows):
            return _json({"message": "Invalid Form Body: components", "code": 50035}, status=400)
        buttons = [
            {"label": each["label"], "custom_id": each["custom_id"]} for row in rows for each in row["components"]
        ]
        sent = Sent(next(self.numbers), place, text, buttons, embeds[0].get("color") if embeds else None)
        sent.files, sent.image = self._files, embeds[0].get("image", {}).get("url", "") if embeds else ""
        told = {each["filename"] for each in given.get("attachments", [])}
        if told != set(self._files) or not {sent.image.removeprefix("attachment://")} <= {*self._files, ""}:
            return _json({"message": "Invalid Form Body: attachments", "code": 50035}, status=400)
        sent.is_private, sent.mentions = bool(given.get("flags", 0) & 64), given.get("allowed_mentions")
        self.sent.append(sent)
        return sent

    def _message(self, sent: Sent) -> dict[str, Any]:
        return {
            "id": str(sent.id),
            "channel_id": sent.place if sent.place.isdigit() else str(CHANNEL),
            "author": user(BOT, is_bot=True),
            "content": sent.text,
            "timestamp": NOW,
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
        }


_THREAD_FIELDS = {
    "parent_id": str(CHANNEL),
    "owner_id": "1",
    "message_count": 0,
    "member_count": 1,
    "thread_metadata": {"archived": False, "auto_archive_duration": 60, "archive_timestamp": NOW, "locked": False},
}


def _json(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer with the very content type of Discord, by which discord.py knows JSON."""
    return web.Response(
        body=json.dumps(data).encode(), status=status, headers={"Content-Type": "application/json", **(headers or {})}
    )


def _failed(fault: Fault) -> web.Response:
    body: dict[str, Any] = {"message": "no", "code": 0}
    headers = {}
    if fault.status == 429:
        body |= {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": False}
        headers = {"Retry-After": f"{fault.retry_after:g}", **({"Via": fault.via} if fault.via else {})}
    return _json(body, status=fault.status, headers=headers)


@asynccontextmanager
async def discord_service() -> AsyncIterator[DiscordServer]:
    server = DiscordServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
