"""A server that speaks the Bot API over HTTP, as far as a chat with a bot needs it, and refuses what the real one does.

Source: https://core.telegram.org/bots/api (making requests, getUpdates, sendMessage, response parameters).
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiohttp import web

TOKEN = "4711:AAE_a-token-of-tests"


@dataclass(slots=True)
class Sent:
    """A message of the bot, as people see it: markup taken away."""

    id: int
    chat: str
    topic: str
    text: str
    buttons: list[list[dict[str, str]]] = field(default_factory=list)
    picture: bytes = b""

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.buttons for button in row]


@dataclass(frozen=True, slots=True)
class Fault:
    """What one request gets instead: a status with parameters, or a connection that breaks (status 0).

    `is_done`: the server does what was asked all the same, and only the answer is lost.
    """

    status: int
    retry_after: int = 0
    is_done: bool = False
    migrated_to: int = 0


class TelegramServer:
    """The service. `faults` hold what comes next, by method."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.sent: list[Sent] = []
        self.told: list[dict[str, Any]] = []  # updates, in their order
        self.notices: list[str] = []  # shown for a moment when a button is pressed
        self.menus: dict[str, list[str]] = {}  # by chat
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.requests: defaultdict[str, int] = defaultdict(int)
        self.unknown: set[str] = set()  # chats that do not exist
        self.refused = False  # the token is not valid any more
        self.is_hanging = False  # nobody gets an answer, and no refusal
        self._updates: deque[dict[str, Any]] = deque()
        self._numbers = iter(range(100, 1_000_000))
        self._news = asyncio.Condition()
        self._poll: asyncio.Future[bool] | None = None  # its result: another program took over
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._files: dict[str, bytes] = {}  # of the request at work

    @property
    def settings(self) -> dict[str, Any]:
        base = f"http://127.0.0.1:{self._port}"
        return {"token": TOKEN, "base_url": f"{base}/bot", "base_file_url": f"{base}/file/bot", "poll_s": 5}

    async def start(self) -> None:
        """Listen, at the same port as before. Nobody answers there until then."""
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            if self._poll is not None and not self._poll.done():
                self._poll.set_result(False)
            await self._runner.cleanup()
            self._runner = None

    def refuse(self) -> None:
        """Let the token be valid no more, from now on."""
        self.refused = True
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(False)

    # What people do

    async def say(self, person: int, text: str, *, chat: int = 0, topic: int = 0, age_s: float = 0.0) -> None:
        """Write a message to the bot; without a chat, in the private one."""
        message: dict[str, Any] = {
            "message_id": next(self._numbers),
            "date": int(self._now_s() - age_s),
            "chat": {"id": chat or person, "type": "supergroup" if chat else "private"},
            "from": {"id": person, "is_bot": False, "first_name": f"Person {person}"},
            "text": text,
        }
        if topic:
            message |= {"message_thread_id": topic, "is_topic_message": True}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        await self._tell({"message": message})

    async def press(self, person: int, message: Sent, label: str) -> None:
        """Press a button under a message."""
        data = next(button["callback_data"] for row in message.buttons for button in row if button["text"] == label)
        chat: dict[str, Any] = {"id": int(message.chat), "type": "private"}
        shown = {"message_id": message.id, "date": int(self._now_s()), "chat": chat, "text": message.text}
        person_ = {"id": person, "is_bot": False, "first_name": f"Person {person}"}
        query = {"id": str(next(self._numbers)), "from": person_, "chat_instance": "1", "data": data, "message": shown}
        await self._tell({"callback_query": query})

    async def until(self, is_so: Callable[[], bool], *, within_s: float = 10.0) -> None:
        """Return once it is so; looked at after every request."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(is_so)

    async def tell_again(self, update: dict[str, Any]) -> None:
        self._updates.append(update)
        await self._changed()

    async def _tell(self, update: dict[str, Any]) -> None:
        self.told.append({"update_id": next(self._numbers), **update})
        await self.tell_again(self.told[-1])

    # The API

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        posted = await request.post()  # a form, or one in parts where a file comes with it
        given = {key: value for key, value in posted.items() if isinstance(value, str)}
        self._files = {key: value.file.read() for key, value in posted.items() if isinstance(value, web.FileField)}
        self.requests[method] += 1
        if self.is_hanging:
            await asyncio.Event().wait()
        try:
            return await self._answer(request, method, given)
        finally:
            await self._changed()

    async def _answer(self, request: web.Request, method: str, given: dict[str, str]) -> web.StreamResponse:
        if request.match_info["token"] != TOKEN or self.refused:
            return _failed(401, "Unauthorized")
        fault = self.faults[method].popleft() if self.faults[method] else None
        if fault is not None and not fault.is_done:
            return self._break(request, fault)
        serve = getattr(self, f"_{method}", None)
        if serve is None:
            return _failed(404, "Not Found: method not found")
        answer: web.Response = await serve(given)
        return self._break(request, fault) if fault is not None else answer

    def _break(self, request: web.Request, fault: Fault) -> web.Response:
        if fault.status == 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        parameters = {"retry_after": fault.retry_after} if fault.retry_after else {}
        if fault.migrated_to:
            parameters = {"migrate_to_chat_id": fault.migrated_to}
        return _failed(
            fault.status, {409: "Conflict: terminated by other getUpdates request"}.get(fault.status, "no"), parameters
        )

    async def _getMe(self, given: dict[str, str]) -> web.Response:
        return _done({"id": 4711, "is_bot": True, "first_name": "Loligo", "username": "loligo_bot"})

    async def _deleteWebhook(self, given: dict[str, str]) -> web.Response:
        return _done(True)

    async def _setMyCommands(self, given: dict[str, str]) -> web.Response:
        scope = json.loads(given["scope"])
        self.menus[str(scope["chat_id"])] = [each["command"] for each in json.loads(given["commands"])]
        return _done(True)

    async def _answerCallbackQuery(self, given: dict[str, str]) -> web.Response:
        self.notices.append(given.get("text", ""))
        return _done(True)

    async def _getUpdates(self, given: dict[str, str]) -> web.Response:
        """Wait for what is new; one that comes later ends this one with 409, as one program reads at a time."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(True)
        mine = self._poll = asyncio.get_running_loop().create_future()
        while self._updates and self._updates[0]["update_id"] < int(given.get("offset", 0)):
            self._updates.popleft()
        end_s = asyncio.get_running_loop().time() + float(given.get("timeout", 0))
        while not self._updates and not mine.done() and (left_s := end_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(
                [mine, waiting := asyncio.ensure_future(self._next())],
                timeout=left_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            waiting.cancel()
        if mine.done() and not mine.result():
            return _failed(502, "Bad Gateway")
        if mine.done():
            return _failed(409, "Conflict: terminated by other getUpdates request; make sure that only one runs")
        return _done(list(self._updates)[: int(given.get("limit", 100))])

    async def _next(self) -> None:
        async with self._news:
            await self._news.wait()

    async def _sendMessage(self, given: dict[str, str]) -> web.Response:
        if fault := self._fault_of(given):
            return fault
        sent = Sent(next(self._numbers), given["chat_id"], given.get("message_thread_id", ""), _plain(given))
        sent.buttons = json.loads(given["reply_markup"])["inline_keyboard"] if "reply_markup" in given else []
        self.sent.append(sent)
        return _done(self._shown(sent))

    async def _sendPhoto(self, given: dict[str, str]) -> web.Response:
        """A photo uploaded beside the form; the field holds it, or names the part that does."""
        field_ = given.get("photo", "")
        picture = self._files.get(field_.removeprefix("attach://") if field_ else "photo", b"")
        if not picture.startswith(b"\x89PNG\r\n\x1a\n") or len(picture) > 10 * 1024 * 1024:
            return _failed(400, "Bad Request: IMAGE_PROCESS_FAILED")
        words = {**given, "text": given.get("caption", "")}
        if len(str(_plain(words)).encode("utf-16-le")) // 2 > 1024:
            return _failed(400, "Bad Request: message caption is too long")
        answer = await self._sendMessage(words)
        if answer.status == 200:
            self.sent[-1].picture = picture
        return answer

    async def _editMessageText(self, given: dict[str, str]) -> web.Response:
        if fault := self._fault_of(given):
            return fault
        sent = next((each for each in self.sent if each.id == int(given["message_id"])), None)
        if sent is None:
            return _failed(400, "Bad Request: message to edit not found")
        buttons = json.loads(given["reply_markup"])["inline_keyboard"] if "reply_markup" in given else []
        if (sent.text, sent.buttons) == (_plain(given), buttons):
            return _failed(400, "Bad Request: message is not modified: specified new message content is the same")
        sent.text, sent.buttons = _plain(given), buttons
        return _done(self._shown(sent))

    def _fault_of(self, given: dict[str, str]) -> web.Response | None:
        if given["chat_id"] in self.unknown:
            return _failed(400, "Bad Request: chat not found")
        text = _plain(given)
        if text is None:
            return _failed(400, "Bad Request: can't parse entities")
        if not text.strip():
            return _failed(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            return _failed(400, "Bad Request: message is too long")
        for row in json.loads(given["reply_markup"])["inline_keyboard"] if "reply_markup" in given else []:
            if any(not 0 < len(button["callback_data"].encode()) <= 64 for button in row):
                return _failed(400, "Bad Request: BUTTON_DATA_INVALID")
        return None

    def _shown(self, sent: Sent) -> dict[str, Any]:
        chat = {"id": int(sent.chat), "type": "private"}
        return {"message_id": sent.id, "date": int(self._now_s()), "chat": chat, "text": sent.text}

    async def _changed(self) -> None:
        async with self._news:
            self._news.notify_all()


class _Entities(HTMLParser):
    """Reads the HTML that the Bot API takes: tags it knows, each closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.is_good = "", list[str](), True

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.is_good &= tag in ("b", "i", "u", "s", "code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self.is_good &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _plain(given: dict[str, str]) -> Any:
    """Return the text without markup, None when that cannot be read."""
    if given.get("parse_mode") != "HTML":
        return given["text"]
    parser = _Entities()
    parser.feed(given["text"])
    parser.close()
    return parser.text if parser.is_good and not parser.open else None


def _done(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _failed(status: int, description: str, parameters: dict[str, Any] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if status == 429:
        body["description"] = f"Too Many Requests: retry after {(parameters or {}).get('retry_after')}"
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)


@asynccontextmanager
async def telegram(now_s: Callable[[], float]) -> AsyncIterator[TelegramServer]:
    server = TelegramServer(now_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
