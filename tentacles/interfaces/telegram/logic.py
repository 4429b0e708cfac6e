"""People ask the bot in Telegram and hear from it: long polling in, an outbox per chat out.

What must hold: a stranger gets no answer; each chat's requests are taken in their order; the bot never waits for
Telegram; what changes something is done once, also when Telegram tells it twice. While a new version is on probation
the one before it stays connected and says what the new one has to say, since Telegram lets one program read at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from loligo.api import SECOND_NS, Clock, ConfigError, Door, MakeContext, Message, TentacleError
from loligo.api.chat import (
    Lanes,
    Page,
    Person,
    Place,
    Refused,
    Reply,
    Responder,
    RetryLater,
    SystemClock,
    chat_state,
    menu_of,
    message_reply,
    pages,
    secret_from,
    wait_s,
)

from .settings import Settings

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update
    from telegram import Message as TelegramMessage

    from .wire import Wire

_LONGEST_WAIT_S = 60.0
_TELL_S = 3.0  # for a message to be on its way before the next one is taken
_OCCUPIED = Message(
    level="warning",
    text="Another program reads the messages of this Telegram bot: commands do not reach me until it ends",
)


class TelegramChat:
    """The interface. `clock` is that of the world but in tests."""

    def __init__(self, settings: Settings, context: MakeContext, clock: Clock | None = None) -> None:
        self._settings, self._door = settings, context.door
        self._clock = clock or SystemClock()
        self._log = structlog.get_logger(part="telegram")
        self._token, self._fault = "", ""
        self._quiet_until_ns = 0  # about another reader
        try:
            self._token = secret_from(settings.token, settings.token_env, os.environ, "token of the Telegram bot")
        except ConfigError as exc:
            self._fault = str(exc)
        account, bot = hashlib.sha256(self._token.encode()).hexdigest(), self._token.partition(":")[0]
        self._state = chat_state(("telegram", context.home, account), self._clock, self._log, bot=bot)
        self._tellers = self._state.tellers(settings.chats if self._token else (), _dressed)

    async def run(self) -> None:
        """Be connected until cancelled. ConfigError without a token, TentacleError when Telegram refuses it."""
        if self._fault:
            raise ConfigError(self._fault)
        if self._door is None:
            raise ConfigError("there is no bot to talk to: an interface needs a door")
        async with self._state.turn:
            await self._connected(self._door)

    async def notify(self, message: Message) -> None:
        """Tell the chats that want it; returns when it is on its way, sooner where one is not to be reached."""
        said = {teller.place: await teller.tell(message) for teller in self._tellers}
        last = {place: page for place, page in said.items() if page is not None}
        await self._state.outbox.attempted(last, within_s=_TELL_S)

    def _say(self, place: Place, reply: Reply, *, edits: str = "") -> Page | None:
        """Put a reply into the outbox; return its last page, None when there was no room."""
        from .wire import texts_of

        page = None
        texts = texts_of(reply, most=1 if edits else 5)
        for number, text in enumerate(texts, 1):
            page = Page(text=text, buttons=reply.buttons if number == len(texts) else (), edits=edits)
            page.picture = reply.picture if number == 1 else b""
            if not self._state.outbox.put(place, page):
                page = None
        return page

    # Connected

    async def _connected(self, door: Door) -> None:
        from .wire import Wire

        state = self._state
        state.outbox.most = self._settings.waiting
        responder = Responder(door, "telegram", self._settings, state.offers, self._clock, self._log)
        wire = Wire(self._token, self._settings)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(state.outbox.run(wire.send), name="telegram outbox")
                name = await self._again(wire.open, "Telegram is not to be reached")
                self._log.info("connected to Telegram", bot=name)
                tasks.create_task(self._offer_commands(wire, responder), name="telegram menu")
                # What was read is answered, whoever reads next.
                async with Lanes(self._log, last_s=lambda: state.last_s) as lanes:
                    await self._read(wire, responder, lanes)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # one sentence for whoever reads why it ended
        finally:
            state.outbox.save()
            await wire.close(state.cursor, within_s=state.last_s / 2)
            if left := state.outbox.waiting - state.outbox.kept:
                self._log.warning("answers wait for a version that follows; none: they are lost", count=left)

    async def _again(self, call: Callable[[], Awaitable[Any]], trouble: str) -> Any:
        """Return what the call gives, however often it must be tried."""
        failures = 0
        while True:
            try:
                found = await call()
            except RetryLater as exc:
                if not failures:
                    self._log.warning(f"{trouble}, it is tried again", error=str(exc))
                    self._tell_of(exc)
                failures += 1
                backed_off_s = min(2.0 ** min(failures - 1, 30), _LONGEST_WAIT_S)
                await wait_s(self._clock, exc.after_s if exc.after_s is not None else backed_off_s)
            else:
                if failures:
                    self._log.info("Telegram is reached again", failures=failures)
                return found

    def _tell_of(self, trouble: RetryLater) -> None:
        """Tell people, too, when they write and somebody else reads it; once an hour at most."""
        from .wire import Occupied

        now_ns = self._clock.now_ns()
        if isinstance(trouble, Occupied) and now_ns >= self._quiet_until_ns:
            self._quiet_until_ns = now_ns + 3_600 * SECOND_NS  # two programs push each other out again and again
            for route in self._settings.chats:
                self._say(route.place, message_reply(_OCCUPIED))

    async def _offer_commands(self, wire: Wire, responder: Responder) -> None:
        """Put into each allowed chat's menu what its role may ask; strangers see none."""
        for chat, role in self._settings.roles.items():
            with suppress(Refused):  # who has never written to the bot has no chat with it yet
                offer = partial(wire.offer_commands, chat, menu_of(responder.commands, role))
                await self._again(offer, "the menu of commands cannot be set")

    async def _read(self, wire: Wire, responder: Responder, lanes: Lanes) -> None:
        while True:
            for update in await self._again(lambda: wire.updates(self._state.cursor), "Telegram tells no news"):
                self._state.cursor = update.update_id + 1
                self._take(update, wire, responder, lanes)

    def _take(self, update: Update, wire: Wire, responder: Responder, lanes: Lanes) -> None:
        message, query = update.message, update.callback_query
        if message is not None and message.text and message.from_user and not message.from_user.is_bot:
            key = str(update.update_id)
            lanes.put(message.chat.id, partial(self._heard, message, key, responder))
        elif query is not None and query.data and query.message is not None:
            lanes.put(query.message.chat.id, partial(self._pressed, query, wire, responder))

    async def _heard(self, message: TelegramMessage, key: str, responder: Responder) -> None:
        assert message.from_user is not None and message.text is not None
        person, place = _person(message.from_user), _place(message)
        text = message.text
        age_s = self._clock.now_ns() / SECOND_NS - message.date.timestamp()
        if text.startswith(("/", "!")) and age_s > self._settings.oldest_s:
            if await responder.heard(person, place, "/help", key) is not None:  # not a stranger
                told = f"I was away when you asked this {age_s / 60:.0f} minutes ago, and have not done it. Ask again."
                self._say(place, Reply(title=told, lines=[message.text[:200]], level="warning"))
            return
        reply = await responder.heard(person, place, text, key)
        if reply is not None:
            self._say(place, reply)

    async def _pressed(self, query: CallbackQuery, wire: Wire, responder: Responder) -> None:
        assert query.message is not None and query.data is not None
        place = _place(query.message)
        pressed = await responder.pressed(_person(query.from_user), place, query.data)
        if pressed is None:
            return
        if pressed.edit is not None:
            self._say(place, pressed.edit, edits=str(query.message.message_id))
        if pressed.reply is not None:
            self._say(place, pressed.reply)
        try:
            await wire.answer(query.id, pressed.notice)
        except (RetryLater, Refused, TentacleError) as exc:
            if pressed.notice:  # or nobody would know what came of it
                self._say(place, Reply(lines=[pressed.notice]))
            self._log.info("a button's notice could not be shown", error=str(exc))


def _dressed(message: Message, words: str) -> list[Page]:
    from .wire import MARKUP

    return [Page(text=text, level=message.level) for text in pages(message_reply(message, words), MARKUP)]


def _person(user: Any) -> Person:
    return Person(id=str(user.id), name=user.full_name)


def _place(message: Any) -> Place:
    is_topic = getattr(message, "is_topic_message", False)
    return Place(chat=str(message.chat.id), topic=str(message.message_thread_id) if is_topic else "")
