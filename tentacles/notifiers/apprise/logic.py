"""Tells people by apprise: e-mail, push services, chats by webhook, and more than a hundred others.

What must hold: no address is in a text that leaves here. Apprise says only whether it worked, so what did not is tried
again until it does; whether it may have arrived all the same is read from what it logs.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from loligo.api import Clock, MakeContext, Message
from loligo.api.notify import Courier, Page, RetryLater, Told

from .settings import Settings

if TYPE_CHECKING:
    import apprise

_TITLES = {"info": "Loligo", "warning": "Loligo: look at this", "problem": "Loligo: PROBLEM"}
_OPEN = re.compile(r"timed out|timeout|reset by peer|aborted|remotedisconnected|unexpectedly closed", re.IGNORECASE)
_NOT_SENT = re.compile(r"refused|connect timeout|name or service|getaddrinfo|unreachable", re.IGNORECASE)


class AppriseNotifier(Courier):
    """The notifier. `clock` is that of the world but in tests."""

    def __init__(self, settings: Settings, context: MakeContext, clock: Clock | None = None) -> None:
        self._urls = {one.outbox: one.url.get_secret_value() for one in settings.destinations}
        told = [Told(one.outbox, one.rules, _dressed) for one in settings.destinations]
        self._made: dict[str, apprise.Apprise] = {}
        super().__init__("apprise", context.home, told, most=settings.waiting, clock=clock)

    async def send(self, name: str, page: Page) -> None:
        """Send one page. RetryLater when apprise says that it did not work."""
        import apprise

        service = self._made.get(name)
        if service is None:
            asset = apprise.AppriseAsset(app_id="Loligo", app_desc="Loligo", app_url="", secure_logging=True)
            service = self._made[name] = apprise.Apprise(asset=asset)
            service.add(self._urls[name])
        kinds = {"info": apprise.NotifyType.INFO, "warning": apprise.NotifyType.WARNING}
        title, kind = _TITLES.get(page.level, _TITLES["problem"]), kinds.get(page.level, apprise.NotifyType.FAILURE)
        text = apprise.NotifyFormat.TEXT
        send = partial(service.notify, body=page.shown, title=title, notify_type=kind, body_format=text)
        heard = _Heard()
        with heard:
            done = await _beside(send)
        if not done:
            raise RetryLater(heard.reason(self._urls[name]), is_unsure=heard.is_unsure)


def _dressed(message: Message, words: str) -> list[Page]:
    return [Page(text=words, level=message.level)]


async def _beside(work: Callable[[], object]) -> bool:
    """Return what blocking work returns; its thread is one that the end of the bot does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bool] = loop.create_future()

    def settle(done: bool) -> None:
        if not future.done():  # nobody waits any more
            future.set_result(done)

    def run(context: contextvars.Context) -> None:
        done = False
        try:
            done = bool(context.run(work))
        finally:
            with suppress(RuntimeError):  # the bot has ended meanwhile
                loop.call_soon_threadsafe(settle, done)

    threading.Thread(target=run, args=(contextvars.copy_context(),), name="apprise", daemon=True).start()
    return await future


_sending: contextvars.ContextVar[_Heard | None] = contextvars.ContextVar("sending", default=None)


class _Heard(logging.Handler):
    """What apprise logs while it sends: the only place where it says why something failed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._log = logging.getLogger("apprise")
        self._warnings: list[str] = []
        self.is_unsure = False

    def __enter__(self) -> None:
        self._log.propagate = False  # what it has to say is said here, without addresses
        self._log.setLevel(logging.DEBUG)
        self._log.addHandler(self)
        self._outer = _sending.set(self)

    def __exit__(self, *_: Any) -> None:
        self._log.removeHandler(self)
        _sending.reset(self._outer)

    def emit(self, record: logging.LogRecord) -> None:
        if _sending.get() is not self:
            return  # of another message on its way
        said = record.getMessage()
        if record.levelno >= logging.WARNING:
            self._warnings.append(said)
        elif "xception" in said or "rror" in said:
            self.is_unsure = self.is_unsure or bool(_OPEN.search(said) and not _NOT_SENT.search(said))

    def reason(self, url: str) -> str:
        """Return why it failed, without the address or parts of it."""
        said = self._warnings[-1] if self._warnings else "apprise could not send it and does not say why"
        secrets = (part for part in re.split(r"[:/@?&=]+", url.partition("://")[2]) if len(part) > 3)
        for secret in (url, *sorted(secrets, key=len, reverse=True)):
            said = said.replace(secret, "***")
        return said
