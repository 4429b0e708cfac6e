"""Configuration: what everything is set to and where it stands, which settings ran before, and the way back to them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, offers, show

HISTORY = 20


async def _configuration(request: web.Request) -> web.Response:
    key = request.query.get("key", "").strip()
    settings, history = await asyncio.gather(
        ask(request, "config.show", **({"key": key} if key else {})), ask(request, "config.history", limit=HISTORY)
    )
    only_set = "all" not in request.query
    rows = [one for one in settings.settings if not only_set or one.origin != "default"]
    more = {"rows": rows, "key": key, "only_set": only_set, "can_undo": offers(request, "config.undo")}
    return await show(request, "configuration.html", {"settings": settings, "history": history}, more=more)


PAGE = Page(
    path="/configuration",
    label="Configuration",
    icon="config",
    routes=(web.get("/configuration", _configuration),),
    needs=frozenset({"config.show", "config.history"}),
)
