"""Health and logs: what is wrong and how to mend it, how the edges are, and the newest lines of the log."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, ask_if, show

LINES = 200


async def _health(request: web.Request) -> web.Response:
    text = request.query.get("contains", "")[:200]
    health, status, logs, version = await asyncio.gather(
        ask(request, "health"),
        ask(request, "status"),
        ask_if(request, "logs", limit=LINES, contains=text),
        ask_if(request, "version"),
    )
    data = {"health": health, "status": status, "logs": logs, "version": version}
    return await show(request, "health.html", data, more={"contains": text})


PAGE = Page(
    path="/health",
    label="Health",
    icon="health",
    routes=(web.get("/health", _health),),
    needs=frozenset({"health", "status"}),
)
