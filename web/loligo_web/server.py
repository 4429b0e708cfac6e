"""The server: puts the parts of the page together and listens, until it is cancelled.

    problems ─► gate ─► route          headers on every response

A new version of the page listens on the same port beside the old one (SO_REUSEPORT) until the bot lets go of the old,
so nobody is turned away; a port that belongs to another program is refused.
What must hold: nobody but this machine reaches the page while it has no owner; every stream ends when it is cancelled.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from loligo.api import Actor, Door, LoligoError, MakeContext, Role, TentacleError

from . import assets, hooks, investor, live, metrics, pages, rest, uploads
from .access.gate import COOKIE, KEEPER, PUBLIC_URL, TRUSTED_PROXIES, Handler, gate, is_open
from .access.keeper import Keeper
from .access.origin import is_loopback, networks
from .access.store import AccessStore
from .hooks_line import VERB, Allowance, Line
from .hooks_store import HookStore
from .look import LOOK, MENU, environment
from .own import OWN
from .own_verbs import own_verbs
from .pages.page import Page
from .problems import problems
from .settings import WebSettings

ACCESS_FILE = "state/web/access.db"
HOOKS_FILE = "state/web/hooks.db"
FIRST_LINK_FILE = "state/web/first-start.txt"
LARGEST_BODY = 256 * 1024
SHUTDOWN_S = 1.0
_LOGO_STYLE = "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"  # that lightweight-charts 5.2.1 adds to its logo
CONTENT_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_LOGO_STYLE}; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
INSTANCE_HEADER = "Loligo-Instance"
_log = structlog.get_logger("web")


class WebInterface:
    """The page of one bot. TentacleError when a file for the browser is missing or not the pinned one."""

    def __init__(self, settings: WebSettings, context: MakeContext) -> None:
        self._settings, self._home, self._given = settings, Path(context.home), context.door
        self._assets, self._look = assets.Assets(), environment()
        self.address = ""  # once it listens

    async def run(self) -> None:
        """Serve until cancelled. LoligoError when it must not or cannot listen, TentacleError without a door."""
        settings = self._settings
        store = AccessStore(self._home / ACCESS_FILE)
        try:
            is_private = settings.private_network or is_loopback(settings.host)
            if not store.has_people() and not is_private:
                raise LoligoError(
                    f"host = {settings.host!r}: the page has no owner yet, so only this machine may reach it; start "
                    "with host 127.0.0.1, open the link that is printed, and change host afterwards"
                )
            await self._listen(store)
        finally:
            store.close()

    @property
    def _door(self) -> Door:
        if self._given is None:
            raise TentacleError("the page is given no door to a bot: it works in a running bot only")
        return self._given

    async def _listen(self, store: AccessStore) -> None:
        settings, instance = self._settings, _instance(self._home)
        is_exchange = await _is_ours(settings.host, settings.port, instance)
        keeper = Keeper(store, session_s=settings.session_hours * 3600, lock_after=settings.lock_after)
        streams = live.Live(self._door, settings.max_streams)
        app = self._app(keeper, streams, instance)
        called = app[hooks.HOOKS]
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.host, settings.port, reuse_port=settings.port != 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            self._greet(keeper, is_exchange=is_exchange)
            async with called.line.working():
                await asyncio.Event().wait()
        except OSError as exc:
            raise LoligoError(f"cannot listen on {settings.host} port {settings.port}: {exc.strerror or exc}") from exc
        finally:
            streams.close()
            await runner.cleanup()
            called.store.close()

    def _app(self, keeper: Keeper, streams: live.Live, instance: str) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app[uploads.HOME] = self._home
        app[rest.DOOR], app[KEEPER], app[live.LIVE] = self._door, keeper, streams
        app[OWN] = own_verbs(self._door)
        app[assets.ASSETS], app[LOOK] = self._assets, self._look
        is_for_machine = self._settings.open_metrics
        app[metrics.METRICS] = metrics.PageMetrics(keeper, streams, is_for_machine=is_for_machine)
        app[hooks.HOOKS], app[investor.INVESTORS] = self._hooks(), investor.Investors()
        app[COOKIE] = f"loligo_{self._settings.port}"  # cookies know no ports: two bots on one machine must not clash
        app[PUBLIC_URL] = self._settings.public_url
        app[TRUSTED_PROXIES] = networks(self._settings.trusted_proxies)
        shown = pages.offered(self._door)
        app[MENU] = tuple(page for page in shown if page.label)
        every = routes(shown, self._door.verbs)
        app.add_routes([web.route(one.method, one.path, _guarded(one.handler), **one.kwargs) for one in every])

        async def prepare(request: web.Request, response: web.StreamResponse) -> None:
            response.headers.update(HEADERS)
            response.headers[INSTANCE_HEADER] = instance
            response.headers.pop("Server", None)

        app.on_response_prepare.append(prepare)
        return app

    def _hooks(self) -> hooks.Hooks:
        settings = self._settings
        return hooks.Hooks(
            store=HookStore(self._home / HOOKS_FILE),
            line=Line(self._door),
            allowance=Allowance(settings.hook_per_minute),
            strangers=Allowance(hooks.STRANGERS_PER_MINUTE),
            window_s=settings.hook_window_s,
            oldest_s=settings.hook_oldest_s,
            tradingview_only=settings.tradingview_only,
        )

    def _greet(self, keeper: Keeper, *, is_exchange: bool) -> None:
        """Say where the page is, and while it has no owner, print the link that makes one."""
        url = self._settings.public_url or self.address
        _log.info("the page is open", url=url)
        secret, file = keeper.first_invitation(), self._home / FIRST_LINK_FILE
        file.unlink(missing_ok=True)
        link = f"{url}/join/{secret}" if secret else url
        if self._settings.open_browser and not is_exchange:
            threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
        if not secret:
            if sys.stderr.isatty():
                print(f"The page: {url}", file=sys.stderr)
            return
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as output:
            output.write(f"{link}\n")
        _log.info("the page has no owner yet: its first link is on the console and in a file", file=str(file))
        print(
            f"\nThe page has no owner yet. Open this link once (it is in {file}, too):\n\n  {link}\n", file=sys.stderr
        )


def routes(shown: Sequence[Page], verbs: Container[str]) -> list[web.RouteDef]:
    """Return all that is served beside these pages to a bot that has these verbs, in the order of precedence."""
    return [
        web.get("/healthz", _healthz),
        web.get("/readyz", _readyz),
        *assets.routes(),
        *live.routes(),
        *metrics.routes(),
        *rest.routes(),
        *(hooks.routes() if VERB in verbs else ()),
        *(investor.routes() if investor.VERB in verbs else ()),
        *pages.routes(shown),
        _NOTHING_ELSE,
    ]


def _instance(home: Path) -> str:
    """Return what names this process and bot to another version of the page in it."""
    return hashlib.sha256(f"{home.resolve()} {os.getpid()}".encode()).hexdigest()[:16]


async def _is_ours(host: str, port: int, instance: str) -> bool:
    """Say whether an earlier version of this page listens there. LoligoError when another program does: SO_REUSEPORT
    would share the port with it, request by request."""
    if port == 0 or not _is_taken(host, port):
        return False
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2), trust_env=False) as session,
            session.get(f"http://{_reachable(host)}:{port}/healthz") as response,
        ):
            other = response.headers.get(INSTANCE_HEADER, "")
    except (aiohttp.ClientError, TimeoutError):
        other = ""
    if other != instance:
        who = "another bot" if other else "another program"
        raise LoligoError(f"port {port} on {host} belongs to {who}; set another port of the page, or end that one")
    return True


def _reachable(host: str) -> str:
    """Return where to find who listens there, as it stands in a URL."""
    here = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{here}]" if ":" in here else here


def _is_taken(host: str, port: int) -> bool:
    """Say whether somebody listens there, by binding as one who shares with nobody."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _guarded(handler: Any) -> Handler:
    """Put the gate before a handler and turn its errors into responses.

    Not a middleware of aiohttp: it keeps those in a cache of its own, and with them versions that were replaced.
    """

    async def guarded(request: web.Request) -> web.StreamResponse:
        return await metrics.counted(request, lambda one: problems(one, lambda passed: gate(passed, handler)))

    return guarded


@is_open
async def _nothing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound(text=f"there is nothing at {request.path[:200]}")


_NOTHING_ELSE = web.route("*", "/{path:.*}", _nothing)


@is_open
async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


@is_open
async def _readyz(request: web.Request) -> web.Response:
    """Say whether the bot answers; nothing more about it, for this needs no sign-in."""
    try:
        await request.app[rest.DOOR].ask(Actor(name="web:readyz", role=Role.VIEW), "version", {})
    except LoligoError as exc:
        return web.json_response({"status": "not ready", "reason": str(exc)}, status=503)
    return web.json_response({"status": "ready"}, headers={"Cache-Control": "no-store"})
