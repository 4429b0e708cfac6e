"""What went wrong, as a response: problem+json (RFC 9457) for programs, a page for people.

    NotFound 404, Denied 403, nobody signed in 401, BadArguments 422, NotRunning 503, any other LoligoError 409

What must hold: a LoligoError's text is meant to be read; of any other error nothing leaves but a number in the log.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import structlog
from aiohttp import web

from loligo.api import BadArguments, Denied, LoligoError, NotFound, NotRunning

from .access.gate import Handler, SignInNeeded, pattern_of
from .look import render

API = "/api/"
_log = structlog.get_logger("web")
_STATUS: Mapping[type[Exception], int] = {
    SignInNeeded: 401,
    Denied: 403,
    NotFound: 404,
    BadArguments: 422,
    NotRunning: 503,
    LoligoError: 409,
}
_TITLES = {
    400: "The request is incomplete",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not that way",
    409: "The bot did not do it",
    413: "Too large",
    422: "Not understood",
    500: "An error of the page",
    503: "The bot is not ready",
}


def wants_json(request: web.Request) -> bool:
    is_for_programs = request.path.startswith((API, "/events", "/metrics")) or "json" in request.query
    return is_for_programs or "application/json" in request.headers.get("Accept", "")


async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a response."""
    try:
        return await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return problem(request, exc.status, exc.text or exc.reason, allow=exc.headers.get("Allow", ""))
    except SignInNeeded:
        return _sign_in(request)
    except LoligoError as exc:
        return problem(request, status_of(exc), str(exc), getattr(exc, "problems", None))
    except ConnectionError:
        raise
    except Exception as exc:
        number = secrets.token_hex(4)
        _log.error("a request failed", path=pattern_of(request), number=number, error=type(exc).__name__, exc_info=exc)
        return problem(request, 500, f"this is a fault of Loligo; the log has it under {number}")


def status_of(exc: Exception) -> int:
    """Return the status for an error that is meant to be read."""
    return next(_STATUS[kind] for kind in type(exc).__mro__ if kind in _STATUS)


def problem(
    request: web.Request, status: int, detail: str, faults: Mapping[str, str] | None = None, *, allow: str = ""
) -> web.Response:
    title = _TITLES.get(status, "It did not work")
    headers = {"Allow": allow} if allow else {}
    if wants_json(request):
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        if faults:
            body["problems"] = dict(faults)
        return web.Response(
            text=json.dumps(body), status=status, content_type="application/problem+json", headers=headers
        )
    if request.headers.get("HX-Request") and request.method == "GET":
        return web.Response(status=status, headers={"HX-Reswap": "none"})  # a part: the next change asks anew
    if request.headers.get("HX-Request"):
        return render(request, "part/problem.html", {"title": title, "detail": detail}, status=status)
    return render(request, "problem.html", {"title": title, "detail": detail, "status": status}, status=status)


def _sign_in(request: web.Request) -> web.StreamResponse:
    if wants_json(request) or request.method != "GET":
        response = problem(request, 401, "send a token (Authorization: Bearer ...) or sign in")
        response.headers["WWW-Authenticate"] = "Bearer"
        if request.headers.get("HX-Request"):
            response.headers["HX-Redirect"] = _sign_in_from(_page_of(request))
        return response
    if request.headers.get("HX-Request"):
        return web.Response(status=401, headers={"HX-Redirect": _sign_in_from(_page_of(request))})
    return web.Response(status=303, headers={"Location": _sign_in_from(request.path_qs)})


def _page_of(request: web.Request) -> str:
    """Return the path of the page that a part or a form of it stands on; of the answer to a form that of its page."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    above = page.path.rpartition("/")[0]
    ways = {page.path: urlunsplit(("", "", page.path, page.query, "")), above: above}
    return next((way for path, way in ways.items() if _is_shown(request.app, path)), "/")


def _is_shown(app: web.Application, path: str) -> bool:
    """Tell whether we show something under a path."""
    shown = [route.resource.get_info() for route in app.router.routes() if route.method == "GET" and route.resource]
    return any(path == one.get("path") or ("pattern" in one and one["pattern"].fullmatch(path)) for one in shown)


def _sign_in_from(path: str) -> str:
    return f"/sign-in?{urlencode({'next': path})}" if path != "/" else "/sign-in"
