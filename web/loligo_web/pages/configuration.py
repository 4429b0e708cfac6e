"""Configuration: what everything is set to and where it stands, profiles, what ran before, and the way back to that."""

from __future__ import annotations

import asyncio

from aiohttp import web

from . import profiles
from .page import Page, ask, offers, show

HISTORY = 20


async def _configuration(request: web.Request) -> web.Response:
    return await _shown(request, profiles.Told())


async def _shown(request: web.Request, told: profiles.Told, *, status: int = 200) -> web.Response:
    key = request.query.get("key", "").strip()
    settings, history = await asyncio.gather(
        ask(request, "config.show", **({"key": key} if key else {})), ask(request, "config.history", limit=HISTORY)
    )
    only_set = "all" not in request.query
    rows = [one for one in settings.settings if not only_set or one.origin != "default"]
    more = {"rows": rows, "key": key, "only_set": only_set, "can_undo": offers(request, "config.undo")}
    more |= await profiles.shown(request, told)
    against = request.query.get("against", "")
    can_compare = offers(request, "config.diff")
    differences = await ask(request, "config.diff", number=against) if against and can_compare else None
    more |= {"against": against, "differences": differences, "can_compare": can_compare}
    data = {"settings": settings, "history": history, "profiles": more["profiles"]}
    return await show(request, "configuration.html", data, more=more, status=status)


async def _profile(request: web.Request) -> web.Response:
    """Do something with a profile, and show the card of profiles anew; without scripts, the page."""
    told, status = await profiles.deed(request)
    if request.headers.get("HX-Request"):
        return await profiles.part(request, told, status)
    return await _shown(request, told, status=status)


PAGE = Page(
    path="/configuration",
    label="Configuration",
    icon="config",
    routes=(
        web.get("/configuration", _configuration),
        web.post("/configuration/profiles", _profile),
        web.get("/configuration/export/{what}", profiles.export),
    ),
    needs=frozenset({"config.show", "config.history"}),
)
