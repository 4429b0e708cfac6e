"""The Bot API by python-telegram-bot: asks, sends, and says of every failure whether it will pass.

What must hold: the token is in no text that leaves here. A request that surely was not taken is told apart from one
whose fate is unknown. Only a token that Telegram refuses is an error that ends the connection.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import httpx

from loligo.api import TentacleError
from loligo.api.chat import Markup, Page, Place, Refused, Reply, RetryLater, length, pages
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from .settings import Settings

MARKUP = Markup(escape=html.escape, bold=lambda text: f"<b>{text}</b>", limit=4096)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_CAPTION = 980  # UTF-16 units of a text below a picture: 1,024, less a word that it may come twice
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_T = TypeVar("_T")


def texts_of(reply: Reply, *, most: int) -> list[str]:
    """Return the pages of a reply; the first of one with a picture is short enough to stand below it."""
    texts = pages(reply, MARKUP, most=most)
    if not reply.picture or length(texts[0]) <= _CAPTION:
        return texts
    return [*pages(Reply(title=reply.title), MARKUP), *pages(replace(reply, title=""), MARKUP, most=most)]


class Occupied(RetryLater):
    """Another program reads this bot's messages (409)."""


class Wire:
    """One connection to the Bot API."""

    def __init__(self, token: str, settings: Settings) -> None:
        self._token, self._poll_s = token, settings.poll_s
        self._requests = (
            HTTPXRequest(connection_pool_size=8, connect_timeout=5, read_timeout=10, pool_timeout=5),
            HTTPXRequest(connection_pool_size=2, connect_timeout=5, read_timeout=10),  # held open for news
        )
        self._bot = Bot(
            token,
            base_url=settings.base_url,
            base_file_url=settings.base_file_url,
            request=self._requests[0],
            get_updates_request=self._requests[1],
        )
        self._moved: dict[str, str] = {}  # groups that became supergroups: their new ids

    async def open(self) -> str:
        """Connect and return the bot's name there. RetryLater; TentacleError when the token is refused."""
        await self._tried(self._bot.initialize)  # fails at once where nothing answers, and may be repeated
        await self._tried(self._bot.delete_webhook)
        return self._bot.username

    async def close(self, cursor: int | None, *, within_s: float) -> None:
        """Say what was read, so that it is not told again, and disconnect; each within that time."""
        with suppress(RetryLater, Refused, TentacleError, TimeoutError):
            async with asyncio.timeout(within_s):
                if cursor is not None:
                    await self._tried(lambda: self._bot.get_updates(offset=cursor, limit=1, timeout=timedelta(0)))
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(request.shutdown() for request in self._requests))

    async def updates(self, cursor: int | None) -> Sequence[Update]:
        """Return what is new from `cursor` on, waiting for something. RetryLater, Occupied, TentacleError."""
        wanted = [Update.MESSAGE, Update.CALLBACK_QUERY]
        waits = timedelta(seconds=self._poll_s)
        return await self._tried(lambda: self._bot.get_updates(offset=cursor, timeout=waits, allowed_updates=wanted))

    async def send(self, place: Place, page: Page) -> None:
        """Send or edit one message. RetryLater or Refused."""
        chat = self._moved.get(place.chat, place.chat)
        rows = [[InlineKeyboardButton(each.label, callback_data=each.token) for each in row] for row in page.buttons]
        look: dict[str, Any] = {
            "text": page.shown,
            "chat_id": chat,
            "parse_mode": ParseMode.HTML,
            "reply_markup": InlineKeyboardMarkup(rows) if rows else None,
            "link_preview_options": _NO_PREVIEW,
        }
        try:
            if page.picture and not page.edits:
                await self._tried(partial(self._send_picture, place, page, look), chat=place.chat)
            elif page.edits:
                edit = partial(self._bot.edit_message_text, message_id=int(page.edits), **look)
                await self._tried(edit, chat=place.chat)
            else:
                topic = int(place.topic) if place.topic else None
                await self._tried(partial(self._bot.send_message, message_thread_id=topic, **look), chat=place.chat)
        except TentacleError as exc:
            raise RetryLater(str(exc)) from exc  # whoever reads ends over it; what waits is for the next to send

    async def _send_picture(self, place: Place, page: Page, look: dict[str, Any]) -> None:
        """Send a picture with the text below it."""
        terms = {name: look[name] for name in ("chat_id", "parse_mode", "reply_markup")}
        topic = int(place.topic) if place.topic else None
        await self._bot.send_photo(
            photo=page.picture, filename="chart.png", caption=page.shown, message_thread_id=topic, **terms
        )

    async def answer(self, query_id: str, notice: str) -> None:
        """End the waiting of whoever pressed a button. RetryLater or Refused."""
        await self._tried(lambda: self._bot.answer_callback_query(query_id, text=notice[:200] or None))

    async def offer_commands(self, chat: str, commands: Sequence[tuple[str, str]]) -> None:
        """Put commands into the menu of one chat. RetryLater or Refused."""
        menu = [BotCommand(name, summary[:256] or name) for name, summary in commands if len(name) <= 32][:100]
        await self._tried(lambda: self._bot.set_my_commands(menu, scope=BotCommandScopeChat(chat)))

    async def _tried(self, call: Callable[[], Awaitable[_T]], *, chat: str = "") -> _T:
        try:
            return await call()
        except RetryAfter as exc:
            after = exc.retry_after
            after_s = after.total_seconds() if isinstance(after, timedelta) else float(after)
            raise RetryLater("Telegram asks to wait", after_s=after_s) from exc
        except InvalidToken as exc:
            raise TentacleError("Telegram refuses the token; get a valid one from @BotFather") from exc
        except Conflict as exc:
            raise Occupied("another program reads the messages of this bot; end it, or give each its own bot") from exc
        except ChatMigrated as exc:
            self._moved[chat] = str(exc.new_chat_id)
            raise RetryLater(
                f"chat {chat} has become {exc.new_chat_id}; put that into the settings", after_s=0
            ) from exc
        except BadRequest as exc:
            if "not modified" in exc.message.lower():
                raise Refused("the message says that already") from exc
            raise Refused(self._clean(exc)) from exc
        except Forbidden as exc:
            raise Refused(self._clean(exc)) from exc
        except NetworkError as exc:
            is_answered = exc.__cause__ is None  # by a server that could not do it
            is_unsure = not is_answered and not isinstance(exc.__cause__, _NOT_SENT)
            raise RetryLater(self._clean(exc), is_unsure=is_unsure) from exc
        except TelegramError as exc:
            raise RetryLater(self._clean(exc)) from exc

    def _clean(self, error: Exception) -> str:
        return f"{type(error).__name__}: {error}".replace(self._token, "***")
