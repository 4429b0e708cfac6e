"""Risk: every limit with its use and what it does when it is reached, what is paused, what limits did, and the controls
of a person."""

from __future__ import annotations

import asyncio

from aiohttp import web

from . import limits
from .page import Page, ask, ask_if, offers, show, waiting

ROWS = 20
NEAR = 0.8  # of a limit: it is used up soon


async def _risk(request: web.Request) -> web.Response:
    before = {"before": request.query["before"]} if request.query.get("before") else {}
    answer, hits = await asyncio.gather(ask(request, "risk"), ask_if(request, "risk.hits", limit=ROWS, **before))
    scopes: dict[str, list[object]] = {}
    for one in answer.limits:
        scopes.setdefault(one.scope, []).append(one)
    ordered = sorted(scopes.items(), key=lambda item: (not item[0].startswith("account:"), item[0]))
    more = {
        "scopes": ordered,
        "can_pause": offers(request, "pause") and offers(request, "resume"),
        "can_limit": offers(request, "risk.limits"),
        "can_why": offers(request, "why"),
        "plain": limits.PLAIN,
        "effects": limits.EFFECTS,
        "near": NEAR,
        "before": before,
    }
    return await show(request, "risk.html", {"risk": answer, "hits": hits, **await waiting(request)}, more=more)


PAGE = Page(
    path="/risk",
    label="Risk",
    icon="risk",
    routes=(web.get("/risk", _risk), *limits.routes()),
    needs=frozenset({"risk"}),
)
