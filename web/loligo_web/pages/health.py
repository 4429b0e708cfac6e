"""Health and logs: what is wrong and how to mend it, what failed and how often, how the edges are, the newest lines of
the log, and one file for whoever helps."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .page import Page, ask, ask_if, download, offers, show

LINES = 200
LEVELS = ("error", "warning", "info")


async def _health(request: web.Request) -> web.Response:
    text, level = request.query.get("contains", "")[:200], request.query.get("level", "")
    health, status, logs, version, failures = await asyncio.gather(
        ask(request, "health"),
        ask(request, "status"),
        ask_if(request, "logs", limit=LINES, contains=text),
        ask_if(request, "version"),
        ask_if(request, "failures"),
    )
    data = {"health": health, "status": status, "logs": logs, "version": version, "failures": failures}
    lines = [line for line in logs.log if level not in LEVELS or _is_of(line, level)] if logs else []
    more = {
        "contains": text,
        "level": level,
        "levels": LEVELS,
        "lines": lines,
        "can_diagnose": offers(request, "diagnostics"),
        "can_why": offers(request, "why"),
    }
    return await show(request, "health.html", data, more=more)


def _is_of(line: str, level: str) -> bool:
    """Say whether a line is of a level, as the log has it: `[error   ]`, or JSON."""
    return f"[{level}" in line or f'"level": "{level}"' in line or f'"level":"{level}"' in line


async def _diagnostics(request: web.Request) -> web.Response:
    return download(await ask(request, "diagnostics"))


PAGE = Page(
    path="/health",
    label="Health",
    icon="health",
    routes=(web.get("/health", _health), web.get("/health/diagnostics", _diagnostics)),
    needs=frozenset({"health", "status"}),
)
