"""What a page is, how it asks the door, and the frame around all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from loligo.api import LoligoError, NotFound, Role

from ..access.gate import caller_of
from ..look import render, twin
from ..rest import DOOR

LONGEST_JOB = 12  # digits of the number of a job
LONGEST_NUMBER = 18  # digits of a whole number in a form or an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page with its parts. `label` is its entry in the menu, "" for none."""

    path: str
    label: str
    icon: str
    routes: Sequence[web.RouteDef]
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page."""

    mode: str
    time: str
    version: str
    generation: int
    kill_switch: int
    safe_mode: str
    equity: float | None
    today: float | None
    currency: str
    positions: int
    desks: int
    paused: bool
    troubled: Mapping[str, str]  # feeds that fail or are silent, and why: what is shown is old
    age_s: float | None  # since the live feed that is silent for longest brought something; None of recorded data
    good_for_s: float | None  # how old that may be before numbers are grey
    views: Sequence[Any]  # pages of tentacles at work
    may_trade: bool
    may_change: bool
    offers: frozenset[str] = field(default_factory=frozenset)  # verbs that the caller may use


def offers(request: web.Request, verb: str) -> bool:
    """Say whether the bot has a verb and the caller may use it."""
    found = request.app[DOOR].verbs.get(verb)
    return found is not None and found.role <= caller_of(request).actor.role


def job_number(request: web.Request, what: str = "job") -> str:
    """Return the number in an address. NotFound when it is none that a job could have."""
    number = request.match_info["number"]
    if not number.isdecimal() or len(number) > LONGEST_JOB:
        raise NotFound(f'there is no {what} "{number[:40]}"')
    return number


async def ask(request: web.Request, verb: str, **arguments: Any) -> Any:
    """Return the answer of a verb. LoligoError as the door raises it."""
    return await request.app[DOOR].ask(caller_of(request).actor, verb, arguments)


async def waiting(request: web.Request) -> dict[str, Any]:
    """Return the entries that wait for consent, and whether the caller may answer."""
    return {"consents": await ask_if(request, "consents"), "may_answer": offers(request, "consent.give")}


async def ask_if(request: web.Request, verb: str, **arguments: Any) -> Any:
    """Return the answer of a verb, None when the bot does not offer it or cannot answer now."""
    if not offers(request, verb):
        return None
    try:
        return await ask(request, verb, **arguments)
    except LoligoError:
        return None  # one part of a page is missing, the others are shown


async def frame_of(request: web.Request) -> Frame:
    """Ask for what stands around a page."""
    status, worth = await ask_if(request, "status"), await ask_if(request, "portfolio")
    brought = await ask_if(request, "tentacle.views")
    accounts = worth.accounts if worth else []
    first = accounts[0].currency if accounts else ""
    same = [one for one in accounts if one.currency == first]
    known = [one.equity for one in same if one.equity is not None]
    starts = [one.day_start for one in same if one.day_start is not None]
    equity = sum(known) if known and len(known) == len(same) else None
    held = [position for desk in (worth.desks if worth else []) for position in desk.positions]
    role, verbs = caller_of(request).actor.role, request.app[DOOR].verbs.values()
    return Frame(
        mode=status.mode if status else "paper",
        time=status.time if status else "",
        version=status.version if status else "",
        generation=status.generation if status else 0,
        kill_switch=status.kill_switch if status else 0,
        safe_mode=status.safe_mode if status else "",
        equity=equity,
        today=equity - sum(starts) if equity is not None and len(starts) == len(same) else None,
        currency=first,
        positions=len(held),
        desks=len({position.desk for position in held}),
        paused=bool(status and any(desk.pauses for desk in status.desks.values())),
        troubled=_troubled(status.edges) if status else {},
        age_s=_longest(status.edges, "silence_s") if status else None,
        good_for_s=_longest(status.edges, "silent_after_s") if status else None,
        views=[one for one in brought.views if one.place == "page"] if brought else [],
        may_trade=role >= Role.TRADE and offers(request, "panic"),
        may_change=role >= Role.ADMIN,
        offers=frozenset(verb.name for verb in verbs if verb.role <= role),
    )


def _longest(edges: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    """Return the greatest number of a name that feeds tell, None where none does."""
    return max((float(one[name]) for one in edges.values() if one.get(name) is not None), default=None)


def _troubled(edges: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {
        place.removeprefix("feeds/"): str(one.get("error", ""))
        for place, one in edges.items()
        if place.startswith("feeds/") and one.get("state") in ("failing", "silent")
    }


async def show(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    more: Mapping[str, Any] | None = None,
    status: int = 200,
) -> web.Response:
    """Return a page in its frame, or its twin. `more` is for the template alone."""
    if "json" in request.query:
        return twin(data)
    return render(request, template, {**data, **(more or {}), "frame": await frame_of(request)}, status=status)


async def show_part(request: web.Request, template: str, data: Mapping[str, Any]) -> web.Response:
    """Return a part of a page, for htmx."""
    return render(request, template, {**data, "frame": await frame_of(request)})


def download(file: Any) -> web.Response:
    """Return a file that a verb made."""
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
    return web.Response(text=file.content, content_type=file.media_type, charset="utf-8", headers=headers)
