"""Automations: what happens by itself, in words; on and off, tried, added and removed.

A form has the few choices that most people want; all else is in the settings of the tentacle at its place, where a rule
has its conditions and actions as rows (`rule_form`). Which fields a row has is drawn by the server, as it is chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, LoligoError, NotFound

from ..forms import Field, fields_of, settings_from
from ..look import render
from ..rest import DOOR
from ..rule_form import (
    ACTIONS,
    CHOICES,
    CONDITIONS,
    LEVEL_MISS,
    LONGEST_ROW,
    NOTHING,
    Faults,
    Row,
    level_of,
    placed,
    rows_in,
    rows_of,
    settings_in,
    with_another,
)
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
    "switch": ("switch a tentacle on or off", ("switch",)),
}
JOBS = {
    "report": "Write a report",
    "backup": "Make a backup",
    "retry": "Retry failed jobs",
    "backtest": "Start a backtest",
    "scan": "Look at watched markets",
}
RULE = "rule"  # the tentacle whose settings have rows
SECTIONS = (CONDITIONS, ACTIONS)


async def _page(request: web.Request) -> web.Response:
    return await _shown(request, {}, {})


async def _shown(request: web.Request, values: Mapping[str, str], faults: Mapping[str, str]) -> web.Response:
    answer, options = await asyncio.gather(ask(request, "automations"), _options(request))
    more = {
        "typed": values,
        "faults": faults,
        "what": {key: one[0] for key, one in WHAT.items()},
        "jobs": JOBS,
        "desks": [key for key, _ in options["desks"]],
        "markets": [key for key, _ in options["markets"]],
        "can_change": offers(request, "automation.add"),
        "can_run": offers(request, "automation.run"),
        "can_why": offers(request, "why"),
        "can_set": offers(request, "tentacle.settings"),
        "rows": rows_in(CONDITIONS, values),
        **_drawn(options),
    }
    data = {"automations": answer}
    return await show(request, "automations.html", data, more=more, status=422 if faults else 200)


async def _options(request: web.Request) -> dict[str, list[tuple[str, str]]]:
    """Return what can be chosen of the bot: keys, and as people read them. A rule cannot switch itself."""
    status, markets, tentacles = await asyncio.gather(
        ask_if(request, "status"), ask_if(request, "market"), ask_if(request, "tentacle.list")
    )
    others = (
        [one for one in tentacles.tentacles if f"{one.kind}/{one.name}" != f"automation/{RULE}"] if tentacles else []
    )
    return {
        "desks": [(one, one) for one in sorted(status.desks)] if status else [],
        "markets": [(one.instrument, one.instrument) for one in markets.markets] if markets else [],
        "tentacles": sorted((f"{one.kind}/{one.name}", f"{one.kind}/{one.name}".replace("_", " ")) for one in others),
    }


def _drawn(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what rows of conditions and actions are drawn of."""
    then = {key: one[0] for key, one in THEN.items()}
    return {"then": then, "choices": CHOICES, "nothing": NOTHING, "switched": _SWITCHED, "options": options}


async def _rows(request: web.Request) -> web.Response:
    """Return the rows of a form anew: with one more, with one less, or with the fields of what was chosen."""
    section, form = request.match_info["section"], await _form(request)
    if section not in (*SECTIONS, "then"):
        raise NotFound(f'there are no rows called "{section[:40]}"')
    rows, gone = rows_in(section, form) if section in SECTIONS else [], request.query.get("remove", "")
    if gone.isdecimal() and len(gone) <= LONGEST_ROW:
        rows = [one for one in rows if one.number != int(gone)]
    if "add" in request.query:
        rows = with_another(rows)
    more = {"section": section, "rows": rows, "typed": form, "focus": "add" if gone else ""}
    return render(request, "part/rule_rows.html", {**more, **_drawn(await _options(request))})


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value).strip() for name, value in (await request.post()).items()}


async def _add(request: web.Request) -> web.StreamResponse:
    """Place what the form says, and go back to the list; or say what is wrong with it."""
    form = await _form(request)
    is_rule, rows = form.get("sort") != "schedule", rows_in(CONDITIONS, form)
    settings, faults = (await _rule(request, form, rows)) if is_rule else _schedule(form)
    if not faults:
        given = {"name": form.get("name", ""), "tentacle": RULE if is_rule else "schedule", "settings": settings}
        try:
            await act(request, request.app[DOOR].verbs["automation.add"], given, form)
        except BadArguments as exc:
            told = {path.removeprefix("settings."): text for path, text in exc.problems.items()}
            faults = placed(told, conditions=rows) or {"name": str(exc)}
        except LoligoError as exc:
            faults = {"name": str(exc)}
    if faults:
        return await _shown(request, form, faults)
    return web.Response(status=303, headers={"Location": "/automations"})


async def _one(request: web.Request) -> web.Response:
    row, fields = await _fields(request, {}, {})
    rows = {name: rows_of(name, row.settings.get(name, ())) for name in _sections(row)}
    if ACTIONS in rows and ACTIONS not in row.settings:
        rows[ACTIONS] = rows_of(ACTIONS, [{"do": "notify"}])  # as the rule has it
    return await _edited(request, row, fields, rows, {})


async def _fields(request: web.Request, given: Mapping[str, Any], faults: Mapping[str, str]) -> tuple[Any, list[Field]]:
    """Return an automation, and the form of its settings but for rows. NotFound when there is none of that name."""
    name = request.match_info["name"]
    listed = (await ask(request, "automations")).automations
    row = next((one for one in listed if one.name == name), None)
    if row is None:
        raise NotFound(f'there is no automation "{name[:60]}"')
    info = await ask(request, "tentacle.info", name=f"automation/{row.tentacle}")
    every = fields_of(info.settings_schema, {**row.settings, **given}, faults)
    return row, [one for one in every if one.name not in _sections(row)]


def _sections(row: Any) -> tuple[str, ...]:
    """Return which settings of an automation are rows."""
    return SECTIONS if row.tentacle == RULE else ()


async def _edited(
    request: web.Request, row: Any, fields: list[Field], rows: Mapping[str, list[Row]], faults: Mapping[str, str]
) -> web.Response:
    more = {
        "fields": fields,
        "faults": faults,
        "sections": rows,
        "can_set": offers(request, "tentacle.settings"),
        **_drawn(await _options(request)),
    }
    return await show(request, "automation.html", {"automation": row}, more=more, status=422 if faults else 200)


async def _set(request: web.Request) -> web.StreamResponse:
    """Save the settings of an automation, or say which are wrong."""
    form = await _form(request)
    row, fields = await _fields(request, {}, {})
    values, faults = settings_from(fields, form)
    unset = [one.name for one in fields if one.is_set and one.name not in values]
    rows, options = {name: rows_in(name, form) for name in _sections(row)}, await _options(request)
    for name, each in rows.items():
        values[name], wrong = settings_in(name, each, [key for key, _ in options["tentacles"]])
        faults |= wrong
    if not faults:
        given = {"name": f"automation/{row.tentacle}", "values": values, "unset": unset, "place": row.place}
        try:
            await act(request, request.app[DOOR].verbs["tentacle.settings"], given, form)
            return web.Response(status=303, headers={"Location": "/automations"})
        except BadArguments as exc:
            told = {path.removeprefix("values").strip("."): text for path, text in exc.problems.items()}
            faults = placed(told, **rows)
    row, fields = await _fields(request, values, faults)
    return await _edited(request, row, fields, rows, faults)


async def _rule(request: web.Request, form: Mapping[str, str], rows: list[Row]) -> tuple[dict[str, Any], Faults]:
    """Return the settings of a rule, and what is wrong with the form."""
    what, then = WHAT.get(form.get("what", "")), THEN.get(form.get("then", ""))
    if what is None or then is None:
        return {}, {"what": "choose one"}
    level = level_of(form.get("level", ""))
    tentacles = [key for key, _ in (await _options(request))["tentacles"]]
    conditions, faults = settings_in(CONDITIONS, rows, tentacles)
    if level is None:
        faults = {"level": f"{form.get('level', '')[:40]!r}: {LEVEL_MISS}", **faults}
    if "switch" in then[1] and form.get("tentacle", "") not in tentacles:
        faults |= {"tentacle": "choose one of the tentacles"}
    if level is None or faults:
        return {}, faults
    settings: dict[str, Any] = {**what[1], "dry_run": form.get("dry_run") == "true"}
    settings |= {name: form.get(name, "") for name in what[2]}
    if settings["trigger"] == "period":
        settings["every_hours"] = level
    else:
        settings["level"] = -abs(level) if form.get("what") == "loss" else level
    if conditions:
        settings["conditions"] = conditions
    return {**settings, "actions": [*(_action(one, form) for one in then[1]), {"do": "notify"}]}, {}


def _action(do: str, form: Mapping[str, str]) -> dict[str, Any]:
    if do == "switch":
        return {"do": do, "tentacle": form["tentacle"], "on": form.get("on") == "true"}
    return {"do": do} | ({} if do == "report" else {"desk": form.get("desk", "")})


def _schedule(form: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """Return the settings of a schedule; the tentacle judges the cron line."""
    job = form.get("job", "")
    if job not in JOBS:
        return {}, {"job": "choose one"}
    arguments = {"period": form.get("period", "day")} if job == "report" else {}
    return {"cron": form.get("cron", ""), "zone": form.get("zone", "") or "UTC", "job": job, "arguments": arguments}, {}


_SWITCHED = CHOICES[ACTIONS]["switch"].inputs

PAGE = Page(
    path="/automations",
    label="Automations",
    icon="automations",
    routes=(
        web.get("/automations", _page),
        web.post("/automations/add", _add),
        web.post("/automations/rows/{section}", _rows),
        web.get("/automations/{name}", _one),
        web.post("/automations/{name}", _set),
    ),
    needs=frozenset({"automations"}),
)
