"""Audit: who did what to the bot, or tried to, and where from; and for admins what was done to access."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from loligo.api import Role

from ..access.gate import KEEPER, caller_of
from .page import Page, ask, offers, show

ROWS, DEEDS = 50, 50
WHAT = {
    "command": "commands",
    "swap": "tentacles and settings",
    "request": "everything else that was changed",
    "denied": "what was denied",
    "stop": "ends of the bot",
}
_FILTERS = ("by", "what", "before")


async def _audit(request: web.Request) -> web.Response:
    given = {name: request.query[name] for name in _FILTERS if request.query.get(name)}
    answer = await ask(request, "audit", limit=ROWS, **given)
    is_admin = caller_of(request).actor.role >= Role.ADMIN
    deeds = request.app[KEEPER].store.deeds(DEEDS) if is_admin and "before" not in given else []
    data: dict[str, Any] = {
        "audit": answer,
        "deeds": [{"ts_s": one.ts_s, "who": one.who, "deed": one.deed, "address": one.address} for one in deeds],
    }
    return await show(
        request, "audit.html", data, more={"given": given, "sorts": WHAT, "can_why": offers(request, "why")}
    )


PAGE = Page(path="/audit", label="Audit", icon="logs", routes=(web.get("/audit", _audit),), needs=frozenset({"audit"}))
