"""The gate: every request passes it, and what is not said to be open needs somebody who may.

    1 is the host ours ─► 2 is a change sent by our own page ─► 3 who is it ─► 4 may they see anything ─► 5 CSRF token

What must hold: a route without a word is closed; what changes something needs a token of the page (a cookie alone
proves nothing), or a bearer token, which no browser sends by itself. Roles of single verbs are the door's to check.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiohttp import web

from loligo.api import Denied, Role

from .keeper import Caller, Keeper
from .origin import SAFE_METHODS, fault_of_host, fault_of_origin, is_among, is_from_browser, own_origins

CALLER = web.RequestKey("caller", Caller)
KEEPER = web.AppKey("keeper", Keeper)
COOKIE = web.AppKey("cookie", str)  # its name
PUBLIC_URL = web.AppKey("public_url", str)
TRUSTED_PROXIES = web.AppKey("trusted_proxies", tuple)  # of networks
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_H = TypeVar("_H", bound=Handler)
_log = structlog.get_logger("web.access")


class SignInNeeded(Exception):
    """Nobody is signed in."""


def is_open(handler: _H) -> _H:
    """Mark a handler as one that everybody may call."""
    handler.is_open = True  # type: ignore[attr-defined]
    return handler


async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request pass, with its caller. Denied or SignInNeeded."""
    public = request.app[PUBLIC_URL]
    if fault := fault_of_host(request, public.partition("://")[2]):
        raise Denied(fault)
    is_change = request.method not in SAFE_METHODS or _is_upgrade(request)
    if is_change and (fault := fault_of_origin(request, own_origins(request, public))):
        _log.warning("refused", path=pattern_of(request), reason=fault, address=address_of(request))
        raise Denied(fault)
    caller = _caller(request)
    if caller is not None:
        request[CALLER] = caller
    if getattr(handler, "is_open", False):
        return await handler(request)
    if caller is None:
        raise SignInNeeded
    if is_change and not _is_upgrade(request):
        await _check_csrf(request, caller)
    return await handler(request)


def _is_upgrade(request: web.Request) -> bool:
    """Say whether a WebSocket is asked for: browsers send cookies with it from any site."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _caller(request: web.Request) -> Caller | None:
    keeper = request.app[KEEPER]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        return keeper.by_token(token.strip()) if scheme.lower() == "bearer" else None
    cookie = request.cookies.get(request.app[COOKIE])
    return keeper.by_cookie(cookie) if cookie else None


async def _check_csrf(request: web.Request, caller: Caller) -> None:
    if caller.is_token:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        given = str((await request.post()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(given.encode(), caller.csrf.encode()):
        raise Denied(f"the page's token is missing or old ({CSRF_HEADER}); load the page again")


def caller_of(request: web.Request) -> Caller:
    return request[CALLER]


def caller_now(request: web.Request) -> Caller | None:
    """Return who sends a request that lasts, as things are now; None: they are let in no more."""
    return _caller(request)


def need_role(request: web.Request, role: Role) -> Caller:
    """Return the caller. Denied when they may not do so much."""
    caller = caller_of(request)
    if caller.actor.role < role:
        raise Denied(
            f"this needs the role {role.name.lower()}, {caller.actor.name} has {caller.actor.role.name.lower()}"
        )
    return caller


def base_url(request: web.Request) -> str:
    """Return the address under which others reach the page, as far as it is known."""
    return request.app[PUBLIC_URL] or f"{request.scheme}://{request.host}"


def address_of(request: web.Request) -> str:
    """Return from where a request comes; behind a reverse proxy that is trusted, what that says."""
    peer, forwarded = request.remote or "", request.headers.getall("X-Forwarded-For", [])
    public, proxies = request.app[PUBLIC_URL], request.app[TRUSTED_PROXIES]
    if forwarded and public and is_among(peer, proxies):
        return forwarded[-1].rpartition(",")[2].strip()[:64]  # some proxies add a header of their own after others
    return peer


def pattern_of(request: web.Request) -> str:
    """Return what the log may have of a path: that of its route, for some addresses are keys."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def set_cookie(request: web.Request, response: web.StreamResponse, value: str, lasts_s: float) -> None:
    """Give the session to the browser, for this page alone; "" takes it away."""
    is_secure = request.app[PUBLIC_URL].startswith("https:") or request.secure
    name = request.app[COOKIE]
    response.set_cookie(
        name, value, max_age=int(lasts_s) if value else 0, httponly=True, samesite="Lax", secure=is_secure, path="/"
    )


__all__ = [
    "CALLER",
    "COOKIE",
    "CSRF_FIELD",
    "KEEPER",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "Handler",
    "SignInNeeded",
    "address_of",
    "base_url",
    "caller_now",
    "caller_of",
    "gate",
    "is_from_browser",
    "is_open",
    "need_role",
    "pattern_of",
    "set_cookie",
]
