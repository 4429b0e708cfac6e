"""Discord by discord.py: how a page looks there, how it is sent, and of every failure whether it will pass.

What must hold: no secret is in a text that leaves here; nobody is called by what the bot says, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any, TypeVar

import aiohttp
from yarl import URL

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from loligo.api import ConfigError, TentacleError
from loligo.api.chat import Markup, Page, Place, Refused, Reply, RetryLater, pages

from .settings import Settings

_T = TypeVar("_T")
_COLOURS = {"info": 0x2F81F7, "warning": 0xD29922}
_PROBLEM = 0xDA3633
_PICTURE = "chart.png"
_WEBHOOK = re.compile(r"/webhooks/(?P<id>\d+)/(?P<token>[^/?#]+)")
_REFUSING = {4004: "the token", 4010: "the shard", 4013: "the intents"}  # of the gateway's codes
NO_MENTIONS = discord.AllowedMentions.none()


def markup(embeds: bool) -> Markup:
    """Return how Discord writes; frames have room for more."""
    return Markup(escape=_escaped, bold=lambda text: f"**{text}**", limit=4096 if embeds else 2000)


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_~`|>#\[\]()<@])", r"\\\1", text)


def endpoints(settings: Settings) -> tuple[tuple[Any, str, Any], ...]:
    """Return what has to be set for other servers than Discord's, before a client is made: it is process-wide."""
    return (Route, "BASE", settings.api_base), (DiscordWebSocket, "DEFAULT_GATEWAY", URL(settings.gateway))


def intents(settings: Settings) -> discord.Intents:
    """Return what the gateway is to tell: guilds for the roles of people, messages to the bot itself."""
    wanted = discord.Intents(guilds=True, dm_messages=True)
    if settings.read_messages:
        wanted.guild_messages = wanted.message_content = True  # without the second one their texts are empty
    return wanted


def dressed(reply: Reply, embeds: bool) -> list[Page]:
    """Return a reply as pages, its buttons below the last one."""
    texts = pages(reply, markup(embeds))
    last = len(texts) - 1
    return [
        Page(
            text=text,
            buttons=reply.buttons if number == last else (),
            level=reply.level,
            picture=b"" if number else reply.picture,
        )
        for number, text in enumerate(texts)
    ]


def shown(page: Page, embeds: bool) -> dict[str, Any]:
    """Return a page as the arguments of whatever sends a message; for one that edits, see `edited`."""
    view = discord.ui.View(timeout=None)
    flat = [button for row in page.buttons for button in row]
    rows = page.buttons if all(len(row) <= 5 for row in page.buttons) and len(page.buttons) <= 5 else None
    rows = rows or [flat[at : at + 5] for at in range(0, min(len(flat), 25), 5)]
    for number, row in enumerate(rows):
        for button in row:
            view.add_item(discord.ui.Button(label=button.label[:80], custom_id=button.token, row=number))
    view.stop()  # what is pressed comes back by its token; the library need not remember the buttons
    look: dict[str, Any] = {"view": view, "allowed_mentions": NO_MENTIONS}
    if page.picture:
        look["file"] = discord.File(BytesIO(page.picture), filename=_PICTURE)
    if not embeds:
        return {"content": page.shown, **look}
    frame = discord.Embed(description=page.shown, colour=_COLOURS.get(page.level, _PROBLEM))
    if page.picture:
        frame.set_image(url=f"attachment://{_PICTURE}")
    return {"embed": frame, **look}


def edited(look: dict[str, Any]) -> dict[str, Any]:
    """Return what `shown` gives as the arguments of whatever edits a message."""
    file = look.get("file")
    return {name: value for name, value in look.items() if name != "file"} | ({"attachments": [file]} if file else {})


async def send(client: discord.Client, place: Place, page: Page, embeds: bool) -> None:
    """Send a page to a channel or thread. RetryLater or Refused. Discord knows a repeat by its nonce."""
    if not place.chat.isdigit() or not (place.topic or "0").isdigit():
        raise Refused(f"{place.chat} {place.topic}: expected ids of a channel and a thread, whole numbers")
    channel = client.get_partial_messageable(int(place.topic or place.chat))
    await tried(lambda: channel.send(**shown(page, embeds), nonce=page.nonce), is_known_by_nonce=True)


async def send_webhook(session: aiohttp.ClientSession, settings: Settings, proxy: str | None, page: Page) -> None:
    """Send a page by the webhook. RetryLater or Refused."""
    assert settings.webhook_url is not None
    found = _WEBHOOK.search(settings.webhook_url.get_secret_value())
    if found is None:
        raise Refused("webhook_url: expected .../webhooks/ID/TOKEN, as Discord shows it under Integrations")
    webhook = discord.Webhook.partial(int(found["id"]), found["token"], session=session)
    if proxy:
        webhook.proxy = proxy
    look = {key: value for key, value in shown(page, settings.embeds).items() if key != "view"}
    await tried(lambda: webhook.send(**look, wait=True))


async def tried(call: Callable[[], Awaitable[_T]], *, is_known_by_nonce: bool = False) -> _T:
    """Return what the call gives. RetryLater or Refused."""
    try:
        return await call()
    except discord.RateLimited as exc:
        raise RetryLater("Discord asks to wait", after_s=exc.retry_after) from exc
    except discord.DiscordServerError as exc:
        raise RetryLater(f"Discord cannot do it now ({exc.status})") from exc
    except discord.HTTPException as exc:
        if exc.status == 429:  # without the header Via: a wall in front of Discord, which the library does not wait for
            raise RetryLater("Discord asks to wait", after_s=_after_s(exc)) from exc
        raise Refused(f"{exc.status}: {exc.text}") from exc
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        is_unsure = not isinstance(exc, aiohttp.ClientConnectorError) and not is_known_by_nonce
        raise RetryLater(f"{type(exc).__name__}: {exc}", is_unsure=is_unsure) from exc


def _after_s(exc: discord.HTTPException) -> float | None:
    try:
        return float(exc.response.headers.get("Retry-After", ""))
    except ValueError:
        return None


def reason_of(error: BaseException, client: discord.Client) -> str:
    """Return why a connection ended, where it may come back; raises what will not pass.

    TentacleError when Discord refuses the token, ConfigError when it refuses what the settings want.
    """
    code = error.code if isinstance(error, discord.ConnectionClosed) else 0
    if isinstance(error, discord.PrivilegedIntentsRequired) or code == 4014:
        raise ConfigError(
            "Discord refuses to tell texts of messages: allow Message Content Intent on the page of the bot, or set "
            "read_messages to false"
        ) from error
    if isinstance(error, discord.LoginFailure) or code in _REFUSING:
        raise TentacleError(f"Discord refuses {_REFUSING.get(code, 'the token')} ({code or 401})") from error
    if isinstance(error, AttributeError) and client.ws is None:
        return "the gateway does not answer"  # discord.py 2.7 trips over a first dial that is refused
    passing = (OSError, TimeoutError, aiohttp.ClientError, discord.HTTPException, discord.GatewayNotFound)
    if isinstance(error, (*passing, discord.ConnectionClosed)):
        return f"{type(error).__name__}: {error}"
    raise error
