"""Health and logs: what is wrong and how to mend it, what failed and how often, how the edges are, the newest lines of
the log, one file for whoever helps, and backups."""

from __future__ import annotations

import asyncio

from aiohttp import web

from loligo.api import NotFound, Role

from ..access.gate import caller_of, need_role
from ..uploads import HOME
from .page import Page, ask, ask_if, download, offers, show

LINES = 200
LEVELS = ("error", "warning", "info")


async def _health(request: web.Request) -> web.Response:
    text, level = request.query.get("contains", "")[:200], request.query.get("level", "")
    health, status, logs, version, failures, kept = await asyncio.gather(
        ask(request, "health"),
        ask(request, "status"),
        ask_if(request, "logs", limit=LINES, contains=text),
        ask_if(request, "version"),
        ask_if(request, "failures"),
        ask_if(request, "backups"),
    )
    data = {"health": health, "status": status, "logs": logs, "version": version, "failures": failures, "backups": kept}
    lines = [line for line in logs.log if level not in LEVELS or _is_of(line, level)] if logs else []
    more = {
        "contains": text,
        "level": level,
        "levels": LEVELS,
        "lines": lines,
        "can_diagnose": offers(request, "diagnostics"),
        "can_why": offers(request, "why"),
        "can_back_up": offers(request, "backup.make"),
        "can_download": caller_of(request).actor.role >= Role.ADMIN,
    }
    return await show(request, "health.html", data, more=more)


def _is_of(line: str, level: str) -> bool:
    """Say whether a line is of a level, as the log has it: `[error   ]`, or JSON."""
    return f"[{level}" in line or f'"level": "{level}"' in line or f'"level":"{level}"' in line


async def _diagnostics(request: web.Request) -> web.Response:
    return download(await ask(request, "diagnostics"))


async def _backup(request: web.Request) -> web.StreamResponse:
    """Only what `backups` lists is handed out, so no name leads anywhere else."""
    need_role(request, Role.ADMIN)
    name = request.match_info["name"]
    file = next((one.file for one in (await ask(request, "backups")).backups if one.name == name), None)
    if file is None:
        raise NotFound(f'there is no backup "{name[:80]}"')
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.FileResponse(request.app[HOME] / file, headers=headers)


PAGE = Page(
    path="/health",
    label="Health",
    icon="health",
    routes=(
        web.get("/health", _health),
        web.get("/health/diagnostics", _diagnostics),
        web.get("/health/backup/{name}", _backup),
    ),
    needs=frozenset({"health", "status"}),
)
