"""Notifications: the bell of every page, what happened, who is told of it and by which rules, and a test of the way.

What somebody has seen is kept by the bot for each person, so it is the same on every device.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from loligo.api import BadArguments

from ..look import new_key
from ..rest import DOOR
from .acting import act
from .page import LONGEST_NUMBER, Page, ask, ask_if, offers, show, show_part

IN_BELL, ON_PAGE = 8, 50


def _whole(text: str) -> int | None:
    if text and not (text.isdecimal() and len(text) <= LONGEST_NUMBER):
        raise BadArguments(f'before = "{text[:40]}": expected a whole number', {"before": "expected a whole number"})
    return int(text) if text else None


async def _page(request: web.Request) -> web.Response:
    kind, level, before = (request.query.get(name, "") for name in ("kind", "level", "before"))
    wanted: dict[str, Any] = {"limit": ON_PAGE, "before": _whole(before), "level": level or "info"}
    told, answer, kinds = await asyncio.gather(
        ask_if(request, "notify.list"),
        ask(request, "notifications", **wanted, kinds=(kind,) if kind else ()),
        ask_if(request, "notify.kinds"),
    )
    data = {"told": told, "notifications": answer}
    more = {
        "kinds": kinds.kinds if kinds else [],
        "kind": kind,
        "level": level,
        "is_first": not before,
        "can_test": offers(request, "notify.test"),
        "can_why": offers(request, "why"),
    }
    return await show(request, "notifications.html", data, more=more)


async def _bell(request: web.Request) -> web.Response:
    answer = await ask(request, "notifications", limit=IN_BELL)
    return await show_part(request, "part/bell.html", {"bell": answer, "can_why": offers(request, "why")})


async def _count(request: web.Request) -> web.Response:
    return await show_part(
        request, "part/bell_count.html", {"unread": (await ask(request, "notifications", limit=1)).unread}
    )


async def _seen(request: web.Request) -> web.StreamResponse:
    """Mark as seen what the one who clicks had before them; answer with the bell, or go back without JavaScript."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    verb = request.app[DOOR].verbs["notifications.seen"]
    await act(request, verb, {"up_to": form.get("up_to", "")}, {"key": form.get("key", "") or new_key()})
    if not request.headers.get("HX-Request"):
        return web.Response(status=303, headers={"Location": "/notifications"})
    return await _bell(request)


PAGE = Page(
    path="/notifications",
    label="Notifications",
    icon="bell",
    routes=(
        web.get("/notifications", _page),
        web.post("/notifications/seen", _seen),
        web.get("/part/bell", _bell),
        web.get("/part/bell/count", _count),
    ),
    needs=frozenset({"notifications", "notifications.seen"}),
)
