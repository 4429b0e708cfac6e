"""Search (Ctrl+K): pages, tentacles, markets, desks, tests and orders by what they are called."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ..look import MENU, render
from ..wording import kind, market, title
from .market import address
from .page import ask_if, offers, show

MOST, LONGEST = 12, 100
_ID = re.compile(r"[\w.:-]*\d[\w.:-]*")  # of an order or a record


def routes() -> list[web.RouteDef]:
    return [web.get("/search", _search)]


async def _search(request: web.Request) -> web.Response:
    asked = request.query.get("q", "").strip()[:LONGEST]
    words = asked.lower().split()
    known = [one for one in await _known(request) if all(word in one["text"] for word in words)]
    known.sort(key=lambda one: not one["name"].lower().startswith(asked.lower()))
    if _ID.fullmatch(asked) and offers(request, "why"):
        known.append(_found(f"Why {asked}?", "what led to it", f"/why/{quote(asked, safe='')}"))
    data = {"asked": asked, "found": [{name: one[name] for name in ("name", "what", "path")} for one in known[:MOST]]}
    if request.headers.get("HX-Request"):
        return render(request, "part/found.html", data)
    return await show(request, "search.html", data)


def _found(name: str, what: str, path: str) -> dict[str, str]:
    return {"name": name, "what": what, "path": path, "text": f"{name} {what} {path}".lower()}


async def _known(request: web.Request) -> list[dict[str, str]]:
    """Return all that can be found."""
    tentacles, markets, desks, tests, views = await asyncio.gather(
        *(ask_if(request, verb) for verb in ("tentacle.list", "market", "desks", "experiments", "tentacle.views"))
    )
    pages = [_found(one.label, "page", one.path) for one in request.app[MENU]]
    brought = [
        _found(one.title, f"page of {title(one.name)}", f"/view/{one.kind}/{one.name}")
        for one in (views.views if views else ())
        if one.place == "page"
    ]
    return [
        *pages,
        *brought,
        *(_market(one) for one in _of(markets, "markets")),
        *(
            _found(f"Desk {one.name}", "its decisions", f"/decisions?desk={quote(one.name)}")
            for one in _of(desks, "desks")
        ),
        *(_found(one.name, "A/B test", f"/experiments/{quote(one.name)}") for one in _of(tests, "experiments")),
        *(_tentacle(one) for one in _of(tentacles, "tentacles")),
    ]


def _of(answer: Any, field: str) -> Iterable[Any]:
    return getattr(answer, field) if answer else ()


def _desk(name: str) -> dict[str, str]:
    return _found(f"Desk {name}", "its decisions", f"/decisions?desk={quote(name)}")


def _market(one: Any) -> dict[str, str]:
    return _found(market(one.instrument), f"market of {one.instrument.partition(':')[0]}", address(one.instrument))


def _tentacle(one: Any) -> dict[str, str]:
    return _found(title(one.name), kind(one.kind).lower().removesuffix("s"), f"/tentacles/{one.kind}/{one.name}")
