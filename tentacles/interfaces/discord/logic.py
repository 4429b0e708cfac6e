"""People ask the bot in Discord and hear from it: slash commands and buttons by the gateway, messages by REST.

What must hold: the bot never waits for Discord. A connection that breaks is resumed by discord.py, or made anew after a
wait that grows to a minute. While a new version is on probation the one before it stays connected and says what the new
one has to say.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from loligo.api import Clock, ConfigError, Door, MakeContext, Message
from loligo.api.chat import (
    ChatRoute,
    Lanes,
    Page,
    Place,
    Refused,
    Responder,
    RetryLater,
    SystemClock,
    agreement,
    chat_state,
    message_reply,
    secret_from,
    wait_s,
)

from .settings import Settings

if TYPE_CHECKING:
    import aiohttp

    import discord

_LONGEST_WAIT_S = 60.0
_TELL_S = 3.0  # for a message to be on its way before the next one is taken
_LONGEST_LIMIT_S = 30.0  # that discord.py waits out by itself when asked to
_GUILDS_S = 0.2  # for the next guild to be told, before the connection counts as ready
_BY_WEBHOOK = "webhook"


class DiscordChat:
    """The interface. `clock` is that of the world but in tests."""

    def __init__(self, settings: Settings, context: MakeContext, clock: Clock | None = None) -> None:
        self._settings, self._door = settings, context.door
        self._clock = clock or SystemClock()
        self._log = structlog.get_logger(part="discord")
        self._proxy = settings.proxy or os.environ.get("HTTPS_PROXY") or None
        self._token, self._fault = "", ""
        self._client: discord.Client | None = None  # once it is logged in
        self._session: aiohttp.ClientSession | None = None
        self._failures = 0  # to connect, since it was connected
        try:
            self._token = secret_from(settings.token, settings.token_env, os.environ, "token of the Discord bot")
        except ConfigError as exc:
            self._fault = "" if settings.webhook_url else f"{exc}, or a webhook_url"
        account = self._token or (settings.webhook_url.get_secret_value() if settings.webhook_url else "")
        key = ("discord", context.home, hashlib.sha256(account.encode()).hexdigest())
        self._state = chat_state(key, self._clock, self._log, bot=self._token.partition(".")[0])
        own = [ChatRoute(chat=_BY_WEBHOOK, level=settings.webhook_level)] if settings.webhook_url else []
        routes = [*(settings.chats if self._token else ()), *own]
        self._tellers = self._state.tellers(routes, partial(_dressed, settings.embeds))

    async def run(self) -> None:
        """Be connected until cancelled. ConfigError or TentacleError when Discord refuses token or settings."""
        if self._fault:
            raise ConfigError(self._fault)
        if self._door is None:
            raise ConfigError("there is no bot to talk to: an interface needs a door")
        import aiohttp

        from .wire import endpoints

        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._state.turn)
            agreed = agreement("discord")
            await stack.enter_async_context(agreed.hold(*endpoints(self._settings)))
            self._session = await stack.enter_async_context(aiohttp.ClientSession())
            try:
                await self._work(self._door)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None  # one sentence for whoever reads why it ended
            finally:
                outbox = self._state.outbox
                outbox.save()
                if left := outbox.waiting - outbox.kept:
                    self._log.warning("answers wait for a version that follows; none: they are lost", count=left)

    async def notify(self, message: Message) -> None:
        """Tell the channels that want it; returns when it is on its way, sooner where one is not to be reached."""
        said = {teller.place: await teller.tell(message) for teller in self._tellers}
        last = {place: page for place, page in said.items() if page is not None}
        await self._state.outbox.attempted(last, within_s=_TELL_S)

    # Connected

    async def _work(self, door: Door) -> None:
        state = self._state
        state.outbox.most = self._settings.waiting
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(state.outbox.run(self._send), name="discord outbox")
            if self._token:
                responder = Responder(door, "discord", self._settings, state.offers, self._clock, self._log)
                # What was asked is answered, whoever is connected next.
                async with Lanes(self._log, last_s=lambda: state.last_s) as lanes:
                    await self._stay_connected(responder, lanes)

    async def _send(self, place: Place, page: Page) -> None:
        from .wire import send, send_webhook

        if place.chat == _BY_WEBHOOK:
            assert self._session is not None
            await send_webhook(self._session, self._settings, self._proxy, page)
        elif (client := self._client) is None:
            raise RetryLater("not connected to Discord yet")
        else:
            try:
                await send(client, place, page, self._settings.embeds)
            except RuntimeError as exc:  # so aiohttp says that the session was closed under a try of discord.py
                if not client.is_closed():
                    raise
                raise RetryLater("the connection to Discord was closed meanwhile", is_unsure=True) from exc

    async def _stay_connected(self, responder: Responder, lanes: Lanes) -> None:
        from .wire import reason_of

        while True:
            client = self._made_client(responder, lanes)
            try:
                await client.login(self._token)
                self._client = client
                await self._offer_commands(client, responder)
                # Told to reconnect by itself it would wait up to a quarter of an hour, and trip over a first refusal.
                await client.connect(reconnect=False)
                reason = "the gateway has closed the connection"
            except Exception as exc:
                reason = reason_of(exc, client)
            finally:
                self._client = None
                await _closed(client, within_s=self._state.last_s)
            if not self._failures:
                self._log.warning("Discord is not to be reached, it is tried again", error=reason)
            await wait_s(self._clock, min(2.0 ** min(self._failures, 30), _LONGEST_WAIT_S))
            self._failures += 1

    def _made_client(self, responder: Responder, lanes: Lanes) -> discord.Client:
        import discord

        from .asking import Asking
        from .wire import intents

        client = discord.Client(
            intents=intents(self._settings),
            proxy=self._proxy,
            max_ratelimit_timeout=_LONGEST_LIMIT_S,
            max_messages=None,
            chunk_guilds_at_startup=False,
            guild_ready_timeout=_GUILDS_S,
        )

        async def on_ready() -> None:
            self._failures = 0
            self._log.info("connected to Discord", bot=str(client.user))

        asking = Asking(responder, lanes, self._state.outbox, self._log, embeds=self._settings.embeds)
        for handler in (on_ready, asking.on_interaction, asking.on_message):
            client.event(handler)
        return client

    async def _offer_commands(self, client: discord.Client, responder: Responder) -> None:
        """Tell Discord what can be asked. RetryLater; a refusal is logged, since texts still work."""
        from .menu import menu
        from .wire import tried

        assert client.application_id is not None
        made: Any = menu(responder.commands.listed, responder.commands.aliases)
        try:
            await tried(partial(client.http.bulk_upsert_global_commands, client.application_id, made))
        except (Refused, RetryLater) as exc:
            self._log.error("Discord did not take the menu of commands", error=str(exc))


def _dressed(embeds: bool, message: Message, words: str) -> list[Page]:
    from .wire import dressed

    return dressed(message_reply(message, words), embeds)


async def _closed(client: discord.Client, *, within_s: float) -> None:
    """Close a client; its gateway gets a moment to say goodbye."""
    announcing = getattr(client._connection, "_ready_task", None)
    if announcing is not None:
        announcing.cancel()  # discord.py 2.7 forgets it, and it fails on a closed client
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await client.close()
    await client.http.close()
