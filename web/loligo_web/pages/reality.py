"""Sessions run once more: reality checks, what a desk did held against a backtest of it, and replays, which prove that
a session comes out the same. The newest first, each with a page of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from loligo.api import BadArguments

from ..rest import DOOR
from .acting import act
from .page import Page, ask, ask_if, job_number, offers, show

REALITY, REPLAY = "reality", "replay"
_FIELDS = {REALITY: ("desk", "since", "until", "session"), REPLAY: ("session",)}
ROWS = 100


async def _list(request: web.Request) -> web.Response:
    return await _shown(request, {}, {})


async def _shown(
    request: web.Request, given: Mapping[str, str], faults: Mapping[str, str], *, status: int = 200
) -> web.Response:
    checks, replays, desks, sessions = await asyncio.gather(
        ask(request, "jobs", kind=REALITY, limit=ROWS),
        ask(request, "jobs", kind=REPLAY, limit=ROWS),
        ask_if(request, "desks"),
        ask_if(request, "sessions"),
    )
    runs = sorted([*checks.jobs, *replays.jobs], key=lambda one: -one.number)
    newest = await ask(request, runs[0].kind, number=runs[0].number) if runs else None
    data = {"newest": newest, "runs": runs, "sessions": sessions}
    more = {
        "kind": runs[0].kind if runs else REALITY,
        "desks": [one.name for one in desks.desks] if desks else [],
        "given": given,
        "faults": faults,
        **_can(request),
    }
    return await show(request, "reality.html", data, more=more, status=status)


def _can(request: web.Request) -> dict[str, bool]:
    return {
        "can_check": offers(request, "reality.start"),
        "can_replay": offers(request, "replay.start"),
        "can_change": offers(request, "job.retry"),
    }


async def _start(request: web.Request) -> web.Response:
    """Begin one, and lead to its page; or show the forms again with what is wrong."""
    kind = request.match_info["kind"]
    form = {name: str(value) for name, value in (await request.post()).items()}
    given: dict[str, Any] = {name: form[name] for name in _FIELDS[kind] if form.get(name)}
    try:
        answer = await act(request, request.app[DOOR].verbs[f"{kind}.start"], given, form)
    except BadArguments as exc:
        return await _shown(request, given, exc.problems, status=422)
    return web.Response(status=303, headers={"Location": f"/backtests/{kind}/{answer.number}"})


async def _one(request: web.Request) -> web.Response:
    kind = request.match_info["kind"]
    answer = await ask(request, kind, number=job_number(request))
    return await show(request, "recheck.html", {"check": answer}, more={"kind": kind, **_can(request)})


_KIND = f"{{kind:{REALITY}|{REPLAY}}}"
PAGE = Page(
    path="/backtests/reality",
    label="",
    icon="",
    routes=(
        web.get("/backtests/reality", _list),
        web.post(f"/backtests/{_KIND}", _start),
        web.get(f"/backtests/{_KIND}/{{number:[0-9]+}}", _one),
    ),
    needs=frozenset({"jobs", "reality", "reality.start", "replay", "replay.start"}),
)
