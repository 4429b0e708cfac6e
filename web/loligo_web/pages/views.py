"""What tentacles show of themselves: a page each in the menu, a card each on the dashboard.

They declare what is asked and how it is laid out (verbs tentacle.views, tentacle.view); all that is drawn is drawn by
our templates, escaped. It stands in the menu while its tentacle works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence
from typing import Any

from aiohttp import web

from loligo.api import LoligoError

from ..curve import curve
from .page import Page, ask, ask_if, show

VERBS = frozenset({"tentacle.views", "tentacle.view"})


async def brought(request: web.Request) -> dict[str, Any]:
    """Return the cards that tentacles bring to the dashboard, by kind and name. None of a bot that knows no views."""
    answer = await ask_if(request, "tentacle.views")
    return {f"{one.kind}/{one.name}": one for one in answer.views if one.place == "widget"} if answer else {}


async def cards(request: web.Request, hidden: Container[str]) -> list[dict[str, Any]]:
    """Return the content of the cards that are not hidden; one that cannot be shown says why."""
    found = [one for name, one in (await brought(request)).items() if name not in hidden]
    return list(await asyncio.gather(*(_card(request, one.kind, one.name, one.title) for one in found)))


async def _card(request: web.Request, kind: str, name: str, title: str) -> dict[str, Any]:
    try:
        answer = await ask(request, "tentacle.view", name=f"{kind}/{name}", place="widget")
    except LoligoError as exc:
        return {"kind": kind, "name": name, "title": title, "problem": str(exc), "parts": []}
    return {"kind": kind, "name": name, "title": answer.title, "problem": "", "parts": _drawn(answer.parts)}


def _drawn(parts: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [{"part": part, "curve": curve([(int(at), value) for at, value in part.points])} for part in parts]


async def _view(request: web.Request) -> web.Response:
    name = f"{request.match_info['kind']}/{request.match_info['name']}"
    answer = await ask(request, "tentacle.view", name=name)
    return await show(request, "view.html", {"view": answer}, more={"parts": _drawn(answer.parts)})


PAGE = Page(path="/view", label="", icon="", routes=(web.get("/view/{kind}/{name}", _view),), needs=VERBS)
