"""A/B tests: what each says so far, all about one, and a form that begins one.

What must hold: the verdict stands in words before any curve; nobody promotes by accident what has not won.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from loligo.api import BadArguments, LoligoError

from ..experiment_form import Form, fields_in, form_of, plan_arguments, proposed, start_arguments
from ..experiment_look import TradeRow, caution_of, figures_of, now_of, numbers_of, override_of, rails_of, side_by_side
from ..rest import DOOR
from .acting import act
from .page import Page, ask, ask_if, download, offers, show, show_part

ROWS = 8  # differences on a page
TRIES = 8  # tests over the past in the list
TRADES = 40  # of each arm
HOLDING = 40  # points beside the table of numbers
HOLDING_DRAWN = 120  # points of the curve
PATIENCE_S = 20.0  # to see whether a new test is taken up
LETTERS = "ABCDEFGHIJKLMNOPQRST"
SECTIONS = ("timeframe", "evaluators", "strategy", "mode", "limits", "risk_rules", "tick_s")
KINDS = {"strategies": "strategy", "modes": "trading_mode", "evaluators": "evaluator"}  # that an arm may have instead


async def _list(request: web.Request) -> web.Response:
    return await listed(request, proposed(fields_in(request.query)))


async def listed(request: web.Request, form: Form, *, status: int = 200, notice: str = "") -> web.Response:
    """Return the page with all tests and the form, as it was filled in."""
    can_start = offers(request, "experiment.start")
    answer, tries, desks, settings, tentacles = await asyncio.gather(
        ask(request, "experiments"),
        _tries(request),
        ask_if(request, "desks"),
        ask_if(request, "config.show", key="desks"),
        ask_if(request, "tentacle.list") if can_start else asyncio.sleep(0),
    )
    more = {
        "form": form,
        "desks": desks.desks if desks else [],
        "keys": _keys(settings.settings) if settings and can_start else {},
        "versions": await _versions(request, desks.desks) if desks and can_start else [],
        "there_is": _there_is(tentacles.tentacles if tentacles else ()),
        "outlook": await _outlook(request, form) if can_start else None,
        "can_start": can_start,
        "can_try": offers(request, "historic.start"),
        "tries": tries,
        "notice": notice,
    }
    return await show(request, "experiments.html", {"experiments": answer}, more=more, status=status)


def _there_is(rows: Sequence[Any]) -> dict[str, list[str]]:
    """Return the tentacles that are on, of which an arm may have others than A."""
    return {name: sorted(one.name for one in rows if one.kind == kind and one.is_on) for name, kind in KINDS.items()}


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
    answer, tries = await asyncio.gather(ask(request, "experiments"), _tries(request))
    return await show_part(request, "part/experiments.html", {"experiments": answer, "tries": tries})


async def _tries(request: web.Request) -> Sequence[Any]:
    """Return the newest tests over the past."""
    answer = await ask_if(request, "jobs", kind="historic", limit=TRIES)
    return answer.jobs if answer else ()


async def _start(request: web.Request) -> web.StreamResponse:
    """Begin a test, or show the form again with what is wrong, field by field."""
    form = form_of(fields_in(await request.post()))
    faults: dict[str, str] = {}
    arguments = {**start_arguments(form, faults), "patience_s": PATIENCE_S}
    if not faults:
        try:
            done = await act(request, request.app[DOOR].verbs["experiment.start"], arguments, form.values)
            if done.is_done and not done.result:  # it waits, for a candle or until all is flat, or takes long
                return await listed(request, Form(), notice=done.message, status=202)
            if done.is_done:
                return web.Response(status=303, headers={"Location": "/experiments#tests"})
            faults = {"": done.message}
        except BadArguments as exc:
            faults = faults_of(exc, form.values["name"])
        except LoligoError as exc:
            faults = {"": str(exc)}
    return await listed(request, form.with_faults(faults), status=422)


def faults_of(error: BadArguments, name: str) -> dict[str, str]:
    """Return what is wrong by the fields of the form; `name` is that of the test, after which its desks are called."""
    faults = {path: text.removeprefix(f"{path}: ") for path, text in error.problems.items()} or {"": str(error)}
    faults |= {"margin": faults.pop("margin_per_year")} if "margin_per_year" in faults else {}
    made = f"risk_scale.{name}_"  # of a desk that is made: in the form it goes by its letter
    return {path.replace(made, "risk_scale.", 1): text for path, text in faults.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How long the test that a form asks for would take."""

    plan: Any = None  # of the challenger that takes longest
    fault: str = ""


async def _plan(request: web.Request) -> web.Response:
    form = form_of(fields_in(await request.post()))
    return await show_part(
        request, "part/experiment_plan.html", {"outlook": await _outlook(request, form), "form": form}
    )


async def _outlook(request: web.Request, form: Form) -> Outlook | None:
    """Return how long it would take by the plan's own verb, None where the bot has no such verb."""
    faults: dict[str, str] = {}
    asked = plan_arguments(form, faults)
    if not offers(request, "experiment.plan"):
        return None
    if faults:
        return Outlook(fault="; ".join(f"{name.replace('_', ' ')} {text}" for name, text in faults.items()))
    try:
        plans = await asyncio.gather(*(ask(request, "experiment.plan", **one) for one in asked))
    except LoligoError as exc:
        return Outlook(fault=str(exc).removeprefix("experiment.plan: "))
    return Outlook(plan=min(plans, key=lambda one: abs(one.ratio)))


async def _detail(request: web.Request) -> web.Response:
    data, more = await _about(request)
    return await show(request, "experiment.html", data, more=more)


async def _part(request: web.Request) -> web.Response:
    data, more = await _about(request)
    return await show_part(request, "part/experiment_live.html", {**data, **more})


async def _about(request: web.Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all that the page of a test shows."""
    test = await ask(request, "experiment", name=request.match_info["name"], holding=HOLDING)
    chosen = chosen_of(request, test.challengers, test.pairs, test.sentence)
    given = {name: request.query[name] for name in ("before",) if request.query.get(name)}
    is_all = request.query.get("show") == "all"
    apart, trades = await asyncio.gather(
        ask_if(
            request,
            "experiment.differences",
            name=test.name,
            challenger=chosen,
            ordered=not is_all,
            limit=ROWS,
            **given,
        ),
        _trades(request, test, chosen),
    )
    pair = next((one for one in test.pairs if one["challenger"] == chosen), None)
    query = {"challenger": chosen, "show": "all" if is_all else "orders"}
    more = {
        "chosen": chosen,
        "place": (place := 1 + test.challengers.index(chosen)),
        "mark": LETTERS[place],
        "scale": test.risk_scale.get(chosen, 1.0),
        "override": override_of(test.verdict),
        "now": now_of(pair),
        "caution": caution_of(pair),
        "pair": pair,
        "is_all": is_all,
        "source": f"/api/v1/experiment?{urlencode({'name': test.name, 'holding': HOLDING_DRAWN})}",
        "query": urlencode({**query, **given}),
        "way": urlencode(query),
        "numbers": numbers_of(test, pair),
        "rails": rails_of(pair, (test.control, chosen)),
        "figures": figures_of(test),
        "trades": trades,
        "can_promote": offers(request, "experiment.promote") and not test.is_ended,
        "can_stop": offers(request, "experiment.stop") and not test.is_ended,
        "can_why": offers(request, "why"),
        "offers_tidy": offers(request, "experiment.tidy"),  # the dialog is there before the test has ended
        "can_tidy": offers(request, "experiment.tidy") and bool(test.leftovers),
        "can_compare": offers(request, "experiment.cross_check"),
    }
    return {"test": test, "apart": apart}, more


def chosen_of(
    request: web.Request, challengers: Sequence[str], pairs: Sequence[Mapping[str, Any]], sentence: str
) -> str:
    """Return the challenger that is looked at: who is asked for, or else the one of whom the verdict speaks."""
    asked = request.query.get("challenger", "")
    telling = (one["challenger"] for one in pairs if one["sentence"] == sentence)
    return asked if asked in challengers else next(telling, challengers[0])


async def _trades(request: web.Request, test: Any, chosen: str) -> list[TradeRow] | None:
    """Return what both arms closed within the test, None where that cannot be told now."""
    if not test.since:
        return []
    scope = {"since": test.since} | ({"until": test.until} if test.until else {})
    arms = (test.control, chosen)
    ours, theirs = await asyncio.gather(*(ask_if(request, "trades", desk=one, limit=TRADES, **scope) for one in arms))
    return None if ours is None or theirs is None else side_by_side(ours, theirs)


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
        web.post("/experiments/plan", _plan),
        web.get("/experiments/{name}", _detail),
        web.get("/experiments/{name}/part", _part),
        web.get("/experiments/{name}/export", _export),
    ),
    needs=frozenset({"experiments", "experiment"}),
)
