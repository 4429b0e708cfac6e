"""Tentacles: every one with its switch, and of each what it is, what it may, what it is set to and how it came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, LoligoError, NotFound

from ..candidates import of_settings
from ..forms import Field, fields_of, settings_from
from ..look import render
from ..marked import pictures_of
from ..places import Place, places_of, with_defaults
from ..readme import pieces_of
from ..rest import DOOR
from ..wording import title
from .acting import PATIENCE_S, act
from .installing import can, change_of
from .page import Page, ask, ask_if, frame_of, offers, show

HISTORY = 20
DECIDING = ("evaluator", "strategy", "trading_mode", "risk_rule", "venue")  # what has a preview
COMPARED = ("evaluator", "strategy", "trading_mode")  # of which two desks may have other settings
KINDS = (  # the way of the data, then what surrounds it
    *DECIDING,
    *("feed", "interface", "notifier", "automation"),
)


async def _list(request: web.Request) -> web.Response:
    answer = await ask(request, "tentacle.list")
    return await show(
        request, "tentacles.html", {"tentacles": answer}, more={**_can(request), **can(request), "kinds": KINDS}
    )


def _can(request: web.Request) -> dict[str, Any]:
    can_ask = offers(request, "tentacle.outdated")
    return {"can_switch": offers(request, "tentacle.switch"), "can_ask": can_ask, "view": "list"}


async def _row(request: web.Request, name: str) -> Any:
    rows = (await ask(request, "tentacle.list")).tentacles
    found = next((row for row in rows if f"{row.kind}/{row.name}" == name), None)
    if found is None:
        raise NotFound(f'there is no tentacle "{name}"')
    return found


async def _switch(request: web.Request) -> web.StreamResponse:
    """Switch one and answer with its new row and a toast; what others need is asked about first."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    name, on = form.get("name", ""), form.get("on") == "true"
    verb = request.app[DOOR].verbs["tentacle.switch"]
    given = {"name": name, "on": on, "patience_s": PATIENCE_S, "force": form.get("force") == "true"}
    toast: dict[str, Any]
    try:
        answer = await act(request, verb, given, form)
        toast = {"tone": "good" if answer.is_done else "bad", "undo": answer.undo if answer.is_done else None}
        toast["text"] = _said(name, on, answer)
    except LoligoError as exc:
        toast = {"tone": "bad", "undo": None, "text": str(exc)}
    if not request.headers.get("HX-Request"):
        return web.Response(status=303, headers={"Location": "/tentacles"})
    view = "short" if form.get("view") == "short" else "list"
    data = {**_can(request), "row": await _row(request, name), "view": view, "frame": await frame_of(request), **toast}
    return render(request, "part/switched.html", data)


def _said(name: str, on: bool, answer: Any) -> str:
    if not answer.is_done:
        return str(answer.message)
    label = title(name.rpartition("/")[2])
    return f"{label} is {'on' if on else 'off'}" if answer.result in ("good", "") else f"{label}: {answer.message}"


async def _set(request: web.Request) -> web.StreamResponse:
    """Show what a form of settings would change, or change it."""
    form = {key: str(value) for key, value in (await request.post()).items()}
    info, place = await _settled(request, form.get("place", ""))
    fields = _fields(info, place, {}, {})
    values, faults = settings_from(fields, form)
    unset = [one.name for one in fields if one.is_set and one.name not in values and not _is_kept(one, form)]
    is_trial = form.get("do") != "save"
    arguments = {"name": _name(request), "values": values, "unset": unset, "place": place.path, "dry_run": is_trial}
    answer = None
    if not faults:
        try:
            verb = request.app[DOOR].verbs["tentacle.settings"]
            answer = await act(request, verb, arguments, {} if is_trial else form)
        except BadArguments as exc:
            faults = {path.removeprefix("values.").partition(".")[0]: text for path, text in exc.problems.items()}
            if not faults.keys() & {one.name for one in fields}:
                raise
    given = {one.name: values.get(one.name, one.default_value) for one in fields if one.name not in faults}
    if form.get("do") == "candidate" and answer is not None and answer.differences:
        changed = {one.key for one in answer.differences} - {one.name for one in fields if one.kind == "secret"}
        changes = {name: value for name, value in given.items() if name in changed}
        if candidate := of_settings(info.name, place, await _places(request, info), changes):
            return web.Response(status=303, headers={"Location": candidate.address})
    would = await _would(request, arguments) if is_trial and answer is not None and answer.differences else None
    typed = {name: form[name] for name in faults if name in form}
    told = Told(
        given=given, typed=typed, faults=faults, answer=answer, would=would, is_saved=not is_trial and not faults
    )
    return await _shown(request, place.path, told, status=422 if faults else 200)


async def _would(request: web.Request, arguments: Mapping[str, Any]) -> Any:
    """Return what the settings would have traded, None where that cannot be said."""
    asked = {name: arguments[name] for name in ("name", "values", "unset", "place")}
    if request.match_info["kind"] not in DECIDING:
        return None
    return await ask_if(request, "tentacle.preview", **asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a form of settings."""

    given: Mapping[str, Any] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)  # as it was entered, where it was wrong
    faults: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    would: Any = None  # what they would have traded
    is_saved: bool = False


def _name(request: web.Request) -> str:
    return f"{request.match_info['kind']}/{request.match_info['name']}"


async def _settled(request: web.Request, path: str) -> tuple[Any, Place]:
    """Return what a tentacle is, and the place of that path with its settings. NotFound when it has no such place."""
    info = await ask(request, "tentacle.info", name=_name(request))
    place = next((one for one in await _places(request, info) if one.path == path), None)
    if place is None:
        raise NotFound(f'{_name(request)} has no settings at "{path[:100]}"')
    return info, place


async def _places(request: web.Request, info: Any) -> list[Place]:
    shown = await ask_if(request, "config.show")
    everywhere = Place(path="", label="Everywhere", settings=info.settings)
    return [everywhere, *places_of(info.kind, info.name, shown.settings if shown else ())]


def _fields(info: Any, place: Place, given: Mapping[str, Any], faults: Mapping[str, str]) -> list[Field]:
    schema = with_defaults(info.settings_schema, info.settings) if place.path else info.settings_schema
    return fields_of(schema, {**place.settings, **given}, faults)


def _is_kept(one: Field, form: Mapping[str, str]) -> bool:
    """Say whether a secret stays: its field comes back empty when nobody types a new one."""
    return one.kind == "secret" and not form.get(one.name)


async def _detail(request: web.Request) -> web.Response:
    try:
        return await _shown(request, request.query.get("place", ""), Told())
    except NotFound:
        if not request.headers.get("HX-Request"):
            raise
        return web.Response(headers={"HX-Redirect": "/tentacles"})  # it was removed while somebody looked at it


async def _source(request: web.Request) -> web.Response:
    """Show the README and the files of one."""
    told = await ask(request, "tentacle.source", name=_name(request))
    return await show(request, "source.html", {"source": told}, more={"pieces": pieces_of(told.readme)})


async def _shown(request: web.Request, path: str, told: Told, *, status: int = 200) -> web.Response:
    (info, place), row, history = await asyncio.gather(
        _settled(request, path),
        _row(request, _name(request)),
        ask_if(request, "tentacle.history", name=_name(request), limit=HISTORY),
    )
    fields = [
        replace(one, value=told.typed.get(one.name, one.value)) for one in _fields(info, place, told.given, told.faults)
    ]
    places = await _places(request, info)
    more = {
        **_can(request),
        "fields": fields,
        "told": told,
        "pictures": [pictures_of(desk) for desk in told.would.desks] if told.would else [],
        "place": place,
        "places": places,
        "controls": _desks_of(places),
        "can_set": offers(request, "tentacle.settings"),
        "can_try": offers(request, "experiment.start")
        and info.kind in COMPARED
        and bool(_desks_of([place] if place.path else places)),
        "can_roll_back": offers(request, "tentacle.rollback"),
        "can_apply": offers(request, "tentacle.apply"),
        "can_read": offers(request, "tentacle.source"),
        **can(request),
        **await change_of(request, f"{info.kind}/{info.name}"),
    }
    return await show(
        request, "tentacle.html", {"info": info, "row": row, "history": history}, more=more, status=status
    )


def _desks_of(places: Sequence[Place]) -> list[str]:
    """Return the desks that places are of: where its settings decide, and where two versions can be compared."""
    return list(dict.fromkeys(one.path.split(".")[1] for one in places if one.path.startswith("desks.")))


PAGE = Page(
    path="/tentacles",
    label="Tentacles",
    icon="tentacles",
    routes=(
        web.get("/tentacles", _list),
        web.post("/tentacles/switch", _switch),
        web.get("/tentacles/{kind}/{name}", _detail),
        web.get("/tentacles/{kind}/{name}/source", _source),
        web.post("/tentacles/{kind}/{name}/settings", _set),
    ),
    needs=frozenset({"tentacle.list", "tentacle.switch", "tentacle.info"}),
)
