"""Decisions: what strategies wanted, what came of it and why; and of one event the whole story."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from aiohttp import web

from ..wording import instant, milliseconds
from .page import Page, ask, ask_if, offers, show
from .start import ASKED_WHY, choose

ROWS = 40
RESULTS = ("ordered", "refused", "declined", "asked", "nothing")
_FILTERS = ("desk", "instrument", "result", "before")
# What came of it, the furthest first.
ENDS = {
    "trade": "It became a trade",
    "fill": "It was filled",
    "order": "It was ordered",
    "waits": "It waits for another order",
    "refused": "Risk refused it",
    "asked": "It waits for a yes",
    "declined": "Nothing was done",
}
_OVER = {"day": 1, "week": 7, "month": 30, "all": 0}  # days of the data in which reasons are counted


async def _decisions(request: web.Request) -> web.Response:
    given = {name: request.query[name] for name in _FILTERS if request.query.get(name)}
    scope = {name: value for name, value in given.items() if name in ("desk", "instrument")}
    over = request.query.get("over", "") if request.query.get("over") in _OVER else "week"
    if (days := _OVER[over]) and (now := (await ask(request, "status")).time):
        scope["since"] = instant(milliseconds(now) / 1000 - days * 86_400)
    decisions, nothing, desks = await asyncio.gather(
        ask(request, "decisions", limit=ROWS, **given),
        ask_if(request, "why_nothing", **scope),
        ask_if(request, "desks"),
    )
    known = desks.desks if desks else []
    more = {
        "given": given,
        "over": over,
        "spans": list(_OVER),
        "desks": [desk.name for desk in known],
        "instruments": list(dict.fromkeys(one for desk in known for one in desk.instruments)),
        "results": RESULTS,
        "can_why": offers(request, "why"),
    }
    return await show(request, "decisions.html", {"decisions": decisions, "nothing": nothing}, more=more)


async def _why(request: web.Request) -> web.Response:
    answer = await ask(request, "why", id=request.match_info["id"])
    choose(request, {ASKED_WHY}, set())
    return await show(
        request, "why.html", {"why": answer}, more={"story": _story(answer.steps), "end": _end(answer.steps)}
    )


def _story(steps: Sequence[Any]) -> list[list[Any]]:
    """Return the steps one by one, and risk checks that passed one after the other together."""
    return [list(group) for _, group in groupby(steps, key=lambda one: "" if _is_passed(one) else one.seq)]


def _is_passed(step: Any) -> bool:
    return step.step == "check" and ") passed: " in step.text


def _end(steps: Sequence[Any]) -> tuple[str, Sequence[str]] | None:
    """Return what came of it and in which words, None where nothing is known of that."""
    said = {step: [one.text for one in steps if one.step == step] for step in ENDS}
    step = next((step for step in ENDS if said[step]), "")
    if not step:
        return None
    return ENDS[step], said[step] if step == "declined" else said[step][-1:]


PAGE = Page(
    path="/decisions",
    label="Decisions",
    icon="decisions",
    routes=(web.get("/decisions", _decisions), web.get("/why/{id}", _why)),
    needs=frozenset({"decisions", "why"}),
)
