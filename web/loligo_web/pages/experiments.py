"""A/B tests: what each says so far, all about one, and a form that begins one.

What must hold: the verdict stands in words before any curve; nobody promotes by accident what has not won.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from loligo.api import BadArguments, LoligoError

from ..experiment_look import numbers_of, rails_of, side_by_side
from ..rest import DOOR
from .acting import act
from .page import Page, ask, ask_if, download, offers, show, show_part

ROWS = 8  # differences on a page
TRADES = 40  # of each arm
HOLDING = 40  # points beside the table of numbers
PATIENCE_S = 20.0  # to see whether a new test is taken up
SPARE = 2  # empty rows of the form
LETTERS = "ABCDEFGHIJKLMNOPQRST"
WAYS = ("settings", "version", "desks")
PLAIN = ("name", "control", "account", "mode", "days", "on_win", "why")
SECTIONS = ("timeframe", "evaluators", "strategy", "mode", "limits", "risk_rules", "tick_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form as somebody filled it in, and a sentence for each field that is wrong."""

    values: Mapping[str, str] = field(default_factory=dict)
    way: str = "settings"
    changes: Sequence[tuple[str, str]] = ()
    challengers: Sequence[str] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[str, str]]:
        return [*self.changes, *[("", "")] * max(SPARE, 3 - len(self.changes))]


async def _list(request: web.Request) -> web.Response:
    return await _listed(request, Form())


async def _listed(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    answer, desks, settings = await asyncio.gather(
        ask(request, "experiments"), ask_if(request, "desks"), ask_if(request, "config.show", key="desks")
    )
    can_start = offers(request, "experiment.start")
    more = {
        "form": form,
        "desks": desks.desks if desks else [],
        "keys": _keys(settings.settings) if settings and can_start else {},
        "versions": await _versions(request, desks.desks) if desks and can_start else [],
        "can_start": can_start,
    }
    return await show(request, "experiments.html", {"experiments": answer}, more=more, status=status)


def _keys(settings: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return by desk what an arm may differ in, and what it is set to; entries of a list go by their tentacle."""
    names = {one.key.removesuffix(".tentacle"): one.value for one in settings if one.key.endswith(".tentacle")}
    found: dict[str, dict[str, Any]] = {}
    for one in settings:
        _, desk, *way = one.key.split(".")
        if not way or way[0] not in SECTIONS or way[-1] == "tentacle" or one.value in ({}, []):
            continue
        if len(way) > 1 and way[0] == "evaluators":
            way[1] = str(names.get(f"desks.{desk}.evaluators.{way[1]}", way[1]))
        found.setdefault(desk, {})[".".join(way)] = one.value
    return found


async def _versions(request: web.Request, desks: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the versions that once ran of what the desks use, by KIND/NAME, but for those that run now."""
    used = {f"evaluator/{name}" for desk in desks for name in desk.evaluators}
    used |= {name for desk in desks for name in (f"strategy/{desk.strategy}", f"trading_mode/{desk.mode}")}
    names = sorted(name for name in used if "@" not in name)
    known = await asyncio.gather(*(ask_if(request, "tentacle.info", name=name) for name in names))
    return [
        (name, version)
        for name, info in zip(names, known, strict=True)
        for version in (info.versions if info else ())
        if version.tree_hash != info.tree_hash
    ]


async def _list_part(request: web.Request) -> web.Response:
    return await show_part(request, "part/experiments.html", {"experiments": await ask(request, "experiments")})


async def _start(request: web.Request) -> web.StreamResponse:
    """Begin a test, or show the form again with what is wrong, field by field."""
    given = await request.post()
    values = {name: str(given.get(name, "")).strip() for name in (*PLAIN, "key", "versions", "drawdown", "worst_day")}
    pairs = zip(given.getall("change_key", ()), given.getall("change_value", ()), strict=False)
    changes = [(str(key).strip(), str(value).strip()) for key, value in pairs if str(key).strip()]
    way = str(given.get("way", ""))
    form = Form(
        values=values,
        way=way if way in WAYS else WAYS[0],
        changes=changes,
        challengers=[str(one) for one in given.getall("challengers", ())],
    )
    faults: dict[str, str] = {}
    arguments = _arguments(form, faults)
    if not faults:
        try:
            done = await act(request, request.app[DOOR].verbs["experiment.start"], arguments, values)
            if done.is_done:
                return web.Response(status=303, headers={"Location": "/experiments#tests"})
            faults = {"": done.message}
        except BadArguments as exc:
            faults = {path: text.removeprefix(f"{path}: ") for path, text in exc.problems.items()} or {"": str(exc)}
        except LoligoError as exc:
            faults = {"": str(exc)}
    again = Form(values=values, way=form.way, changes=changes, challengers=form.challengers, faults=faults)
    return await _listed(request, again, status=422)


def _arguments(form: Form, faults: dict[str, str]) -> dict[str, Any]:
    """Return what a form asks for; what cannot be read is told in `faults`."""
    asked: dict[str, Any] = {name: form.values[name] for name in PLAIN if form.values[name]}
    asked["patience_s"] = PATIENCE_S
    if form.way == "desks":
        asked["challengers"] = list(form.challengers)
        if not form.challengers:
            faults["challengers"] = "choose at least one"
    elif form.way == "version":
        asked["versions"] = _versions_in(form.values["versions"], faults)
    else:
        asked["changes"] = {key: _value(text) for key, text in form.changes}
        if not form.changes:
            faults["changes"] = "give at least one setting in which the new desk is to differ"
    limits = {name: _share(form.values[name], name, faults) for name in ("drawdown", "worst_day") if form.values[name]}
    return asked | ({"limits": limits} if limits else {})


def _versions_in(text: str, faults: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, middle, value = (part.strip() for part in line.partition("="))
        if not (name and middle and value):
            faults["versions"] = f'"{line[:80]}": expected KIND/NAME = HASH, one to a line'
        found[name] = value
    if not found:
        faults["versions"] = "give at least one: KIND/NAME = HASH"
    return found


def _value(text: str) -> Any:
    """Return what a text means in a configuration file: a number, yes or no, a list, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _share(text: str, name: str, faults: dict[str, str]) -> float | None:
    """Return a percentage as a fraction."""
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 < percent <= 100:
        faults[name] = f'"{text[:20]}": expected a percentage above 0, at most 100'
        return None
    return percent / 100


async def _detail(request: web.Request) -> web.Response:
    data, more = await _about(request)
    return await show(request, "experiment.html", data, more=more)


async def _part(request: web.Request) -> web.Response:
    data, more = await _about(request)
    return await show_part(request, "part/experiment_live.html", {**data, **more})


async def _about(request: web.Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all that the page of a test shows."""
    test = await ask(request, "experiment", name=request.match_info["name"], holding=HOLDING)
    chosen = request.query.get("challenger", "")
    chosen = chosen if chosen in test.challengers else test.challengers[0]
    given = {name: request.query[name] for name in ("before",) if request.query.get(name)}
    is_all = request.query.get("show") == "all"
    scope = {"since": test.since} if test.since else {}
    scope |= {"until": test.until} if test.until else {}
    apart, ours, theirs = await asyncio.gather(
        ask_if(
            request,
            "experiment.differences",
            name=test.name,
            challenger=chosen,
            ordered=not is_all,
            limit=ROWS,
            **given,
        ),
        ask_if(request, "trades", desk=test.control, limit=TRADES, **scope),
        ask_if(request, "trades", desk=chosen, limit=TRADES, **scope),
    )
    pair = next((one for one in test.pairs if one["challenger"] == chosen), None)
    query = {"challenger": chosen, "show": "all" if is_all else "orders"}
    more = {
        "chosen": chosen,
        "mark": LETTERS[1 + test.challengers.index(chosen)],
        "pair": pair,
        "is_all": is_all,
        "query": urlencode({**query, **given}),
        "way": urlencode(query),
        "numbers": numbers_of(test, pair),
        "rails": rails_of(pair, (test.control, chosen)),
        "trades": side_by_side(ours, theirs),
        "can_promote": offers(request, "experiment.promote") and not test.is_ended,
        "can_stop": offers(request, "experiment.stop") and not test.is_ended,
        "can_why": offers(request, "why"),
        "offers_tidy": offers(request, "experiment.tidy"),  # the dialog is there before the test has ended
        "can_tidy": offers(request, "experiment.tidy") and bool(test.leftovers),
        "can_compare": offers(request, "experiment.cross_check"),
    }
    return {"test": test, "apart": apart}, more


async def _export(request: web.Request) -> web.Response:
    name, kind = request.match_info["name"], request.query.get("format", "html")
    return download(await ask(request, "experiment.export", name=name, format=kind))


PAGE = Page(
    path="/experiments",
    label="A/B tests",
    icon="experiments",
    routes=(
        web.get("/experiments", _list),
        web.get("/experiments/part/list", _list_part),
        web.post("/experiments/start", _start),
        web.get("/experiments/{name}", _detail),
        web.get("/experiments/{name}/part", _part),
        web.get("/experiments/{name}/export", _export),
    ),
    needs=frozenset({"experiments", "experiment"}),
)
