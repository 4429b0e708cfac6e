"""Start: what runs here, and the first steps with a bot, each ticked off when it was taken; and on the dashboard until
somebody has had enough of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..access.gate import KEEPER, caller_of
from .page import Page, ask, ask_if, offers, show

DISMISSED, ASKED_WHY = "start: dismissed", "start: asked why"  # choices of a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `needs` is the verb without which it is absent."""

    title: str
    about: str
    path: str
    needs: str
    is_taken: Callable[[web.Request], Awaitable[bool]]


async def shown(request: web.Request) -> dict[str, Any]:
    """Return the steps that this bot offers to whoever looks, and how many are taken."""
    possible = [one for one in _STEPS if offers(request, one.needs)]
    taken = await asyncio.gather(*(one.is_taken(request) for one in possible))
    steps = [
        {"title": one.title, "about": one.about, "path": one.path, "is_taken": is_taken}
        for one, is_taken in zip(possible, taken, strict=True)
    ]
    return {"steps": steps, "taken": sum(taken)}


async def on_dashboard(request: web.Request) -> dict[str, Any]:
    """Return the steps for the dashboard: none once they are all taken, or nobody wants them there."""
    nothing: dict[str, Any] = {"steps": [], "taken": 0}
    found = nothing if DISMISSED in choices(request) else await shown(request)
    return {"start": found if found["taken"] < len(found["steps"]) else nothing}


def choices(request: web.Request) -> frozenset[str]:
    """Return what whoever looks has chosen about the page."""
    return request.app[KEEPER].store.choices(caller_of(request).name)


def choose(request: web.Request, chosen: set[str], of: set[str]) -> None:
    """Keep what a person has chosen; of a program nothing is kept."""
    if not caller_of(request).is_token:
        request.app[KEEPER].store.choose(caller_of(request).name, chosen, of)


async def _start(request: web.Request) -> web.Response:
    status, found = await asyncio.gather(ask(request, "status"), shown(request))
    is_shown = DISMISSED not in choices(request)
    data = {**found, "mode": status.mode, "desks": len(status.desks)}
    return await show(request, "start.html", data, more={"is_shown": is_shown})


async def _dismiss(request: web.Request) -> web.Response:
    is_shown = (await request.post()).get("show") == "yes"
    choose(request, set() if is_shown else {DISMISSED}, {DISMISSED})
    return web.Response(status=303, headers={"Location": "/start" if is_shown else "/"})


def _any(verb: str, field: str, **arguments: Any) -> Callable[[web.Request], Awaitable[bool]]:
    """Return whether a verb has at least one row to tell."""

    async def is_taken(request: web.Request) -> bool:
        answer = await ask_if(request, verb, **arguments)
        return bool(answer and getattr(answer, field))

    return is_taken


async def _has_code(request: web.Request) -> bool:
    person = request.app[KEEPER].store.person(caller_of(request).name)
    return bool(person and person.code_secret)


async def _has_asked(request: web.Request) -> bool:
    return ASKED_WHY in choices(request)


_STEPS = (
    Step(
        title="See a trade",
        about="The desks decide at each candle, with a stop and a target from the first moment.",
        path="/trades",
        needs="trades",
        is_taken=_any("trades", "trades", limit=1),
    ),
    Step(
        title="Ask why",
        about="Open a decision: from the candle over votes and limits to the fill. It tells why nothing happened, too.",
        path="/decisions",
        needs="why",
        is_taken=_has_asked,
    ),
    Step(
        title="Switch a tentacle off, and on again",
        about="Nothing restarts, and open positions keep their protection. Undo is one click.",
        path="/tentacles",
        needs="tentacle.switch",
        is_taken=_any("tentacle.history", "swaps", limit=1),
    ),
    Step(
        title="Try other settings on the past",
        about="A backtest runs beside the trading and cannot disturb it.",
        path="/backtests",
        needs="backtest.start",
        is_taken=_any("backtests", "backtests", limit=1),
    ),
    Step(
        title="Let two versions compete",
        about="An A/B test says in words whether one is better, and how long it takes to know.",
        path="/experiments",
        needs="experiment.start",
        is_taken=_any("experiments", "experiments"),
    ),
    Step(
        title="Hear of it on your phone",
        about="Telegram, Discord, e-mail and a hundred more, by rules of yours.",
        path="/notifications",
        needs="notify.test",
        is_taken=_any("notify.list", "destinations"),
    ),
    Step(
        title="Protect your account",
        about="A code of an authenticator app at each sign-in.",
        path="/access",
        needs="status",
        is_taken=_has_code,
    ),
)

PAGE = Page(
    path="/start",
    label="Start",
    icon="start",
    routes=(web.get("/start", _start), web.post("/start", _dismiss)),
    needs=frozenset({"status"}),
)
