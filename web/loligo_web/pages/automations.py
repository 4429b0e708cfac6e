"""Automations: what happens by itself, in words; on and off, tried, added and removed.

A form has the few choices that most people want; all else is in the settings of the tentacle at its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, LoligoError, NotFound

from ..forms import Field, fields_of, settings_from
from ..rest import DOOR
from .acting import act
from .page import Page, ask, ask_if, offers, show

WHAT: Mapping[str, tuple[str, dict[str, Any], frozenset[str]]] = {  # label, settings, which fields it takes
    "price_below": ("The price falls below", {"trigger": "price", "relation": "below"}, frozenset({"instrument"})),
    "price_above": ("The price rises above", {"trigger": "price", "relation": "above"}, frozenset({"instrument"})),
    "drawdown": ("A desk has fallen by more, %", {"trigger": "drawdown", "relation": "above"}, frozenset({"desk"})),
    "profit": ("A desk has gained more than, %", {"trigger": "profit", "relation": "above"}, frozenset({"desk"})),
    "loss": ("A desk has lost more than, %", {"trigger": "profit", "relation": "below"}, frozenset({"desk"})),
    "holding": ("A desk holds for longer, hours", {"trigger": "holding", "relation": "above"}, frozenset({"desk"})),
    "volatility": (
        "The volatility is above, %", {"trigger": "volatility", "relation": "above"}, frozenset({"instrument"}),
    ),
    "period": ("So many hours have passed", {"trigger": "period"}, frozenset()),
}  # fmt: skip
THEN: Mapping[str, tuple[str, tuple[str, ...]]] = {  # label, actions; all of them tell as well
    "notify": ("tell me", ()),
    "pause": ("pause the desk", ("pause",)),
    "cancel_orders": ("take back its entry orders", ("cancel_orders",)),
    "flatten": ("close all it holds", ("flatten",)),
    "flatten_pause": ("close all it holds and pause it", ("flatten", "pause")),
    "report": ("write a report", ("report",)),
}
JOBS = {
    "report": "Write a report",
    "backup": "Make a backup",
    "retry": "Retry failed jobs",
    "backtest": "Start a backtest",
    "scan": "Look at watched markets",
}
_MISSES = {"level": "expected a number, such as 9000"}


async def _page(request: web.Request) -> web.Response:
    return await _shown(request, {}, {})


async def _shown(request: web.Request, values: Mapping[str, str], faults: Mapping[str, str]) -> web.Response:
    answer, status, markets = await asyncio.gather(
        ask(request, "automations"), ask_if(request, "status"), ask_if(request, "market")
    )
    more = {
        "typed": values,
        "faults": faults,
        "what": {key: one[0] for key, one in WHAT.items()},
        "then": {key: one[0] for key, one in THEN.items()},
        "jobs": JOBS,
        "desks": sorted(status.desks) if status else [],
        "markets": [one.instrument for one in markets.markets] if markets else [],
        "can_change": offers(request, "automation.add"),
        "can_run": offers(request, "automation.run"),
        "can_why": offers(request, "why"),
        "can_set": offers(request, "tentacle.settings"),
    }
    data = {"automations": answer}
    return await show(request, "automations.html", data, more=more, status=422 if faults else 200)


async def _add(request: web.Request) -> web.StreamResponse:
    """Place what the form says, and go back to the list; or say what is wrong with it."""
    form = {name: str(value).strip() for name, value in (await request.post()).items()}
    settings, faults = _schedule(form) if form.get("sort") == "schedule" else _rule(form)
    if not faults:
        tentacle = "schedule" if form.get("sort") == "schedule" else "rule"
        given = {"name": form.get("name", ""), "tentacle": tentacle, "settings": settings}
        try:
            await act(request, request.app[DOOR].verbs["automation.add"], given, form)
        except BadArguments as exc:
            faults = {path.removeprefix("settings.").partition(".")[0]: text for path, text in exc.problems.items()}
            faults = faults or {"name": str(exc)}
        except LoligoError as exc:
            faults = {"name": str(exc)}
    if faults:
        return await _shown(request, form, faults)
    return web.Response(status=303, headers={"Location": "/automations"})


async def _one(request: web.Request) -> web.Response:
    row, fields = await _fields(request, {}, {})
    return await _edited(request, row, fields, {})


async def _fields(request: web.Request, given: Mapping[str, Any], faults: Mapping[str, str]) -> tuple[Any, list[Field]]:
    """Return an automation, and the form of its settings. NotFound when there is none of that name."""
    name = request.match_info["name"]
    rows = (await ask(request, "automations")).automations
    row = next((one for one in rows if one.name == name), None)
    if row is None:
        raise NotFound(f'there is no automation "{name[:60]}"')
    info = await ask(request, "tentacle.info", name=f"automation/{row.tentacle}")
    return row, fields_of(info.settings_schema, {**row.settings, **given}, faults)


async def _edited(request: web.Request, row: Any, fields: list[Field], faults: Mapping[str, str]) -> web.Response:
    more = {"fields": fields, "faults": faults, "can_set": offers(request, "tentacle.settings")}
    status = 422 if faults else 200
    return await show(request, "automation.html", {"automation": row}, more=more, status=status)


async def _set(request: web.Request) -> web.StreamResponse:
    """Save the settings of an automation, or say which are wrong."""
    form = {key: str(value) for key, value in (await request.post()).items()}
    row, fields = await _fields(request, {}, {})
    values, faults = settings_from(fields, form)
    if not faults:
        unset = [one.name for one in fields if one.is_set and one.name not in values]
        given = {"name": f"automation/{row.tentacle}", "values": values, "unset": unset, "place": row.place}
        try:
            await act(request, request.app[DOOR].verbs["tentacle.settings"], given, form)
            return web.Response(status=303, headers={"Location": "/automations"})
        except BadArguments as exc:
            faults = {
                path.removeprefix("values").strip(".").partition(".")[0]: one for path, one in exc.problems.items()
            }
    row, fields = await _fields(request, values, faults)
    return await _edited(request, row, fields, faults)


def _rule(form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings of a rule, and what is wrong with the form."""
    what, then = WHAT.get(form.get("what", "")), THEN.get(form.get("then", ""))
    if what is None or then is None:
        return {}, {"what": "choose one"}
    level = _level(form.get("level", ""))
    if level is None:
        return {}, {"level": f"{form.get('level', '')[:40]!r}: {_MISSES['level']}"}
    settings: dict[str, Any] = {**what[1], "dry_run": form.get("dry_run") == "true"}
    settings |= {name: form.get(name, "") for name in what[2]}
    if settings["trigger"] == "period":
        settings["every_hours"] = level
    else:
        settings["level"] = -abs(level) if form.get("what") == "loss" else level
    desk = form.get("desk", "")
    acts = [{"do": one} | ({} if one == "report" else {"desk": desk}) for one in then[1]]
    return {**settings, "actions": [*acts, {"do": "notify"}]}, {}


def _schedule(form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings of a schedule; the tentacle judges the cron line."""
    job = form.get("job", "")
    if job not in JOBS:
        return {}, {"job": "choose one"}
    arguments = {"period": form.get("period", "day")} if job == "report" else {}
    return {"cron": form.get("cron", ""), "zone": form.get("zone", "") or "UTC", "job": job, "arguments": arguments}, {}


def _level(text: str) -> float | None:
    try:
        level = float(text.replace(",", ""))
    except ValueError:
        return None
    return level if abs(level) < 1e15 else None


PAGE = Page(
    path="/automations",
    label="Automations",
    icon="automations",
    routes=(
        web.get("/automations", _page),
        web.post("/automations/add", _add),
        web.get("/automations/{name}", _one),
        web.post("/automations/{name}", _set),
    ),
    needs=frozenset({"automations"}),
)
