"""Backtests: start one, watch it, read what came of it, lay several side by side, take it home as a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from loligo.api import BadArguments

from ..candidates import of_backtest
from ..rest import DOOR
from .acting import act
from .page import Page, ask, ask_if, download, job_number, offers, show, show_part

ROWS = 50
TRADES = 200
PLAIN = ("note", "since", "until", "data", "capital", "maker_fee_rate", "taker_fee_rate", "slippage_rate")
LISTS = ("desks", "instruments")
MAPPINGS = {"overrides": "=", "versions": "="}  # a line each: KEY = VALUE
SETTABLE = (".settings.", ".limits.")  # keys that the form proposes
MOST_COMPARED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form as somebody filled it in, and a sentence for each field that is wrong."""

    values: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of what may be several
    faults: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False


async def _list(request: web.Request) -> web.Response:
    form = Form()
    if number := request.query.get("from", ""):
        answer = await ask(request, "backtest", number=number, trades=0, curves=False)
        form = _filled(answer.backtest.arguments)
    return await _shown(request, form)


def _filled(arguments: Mapping[str, Any]) -> Form:
    """Return the form of a backtest that was asked before."""
    values = {name: str(arguments[name]) for name in PLAIN if name in arguments}
    values |= {
        name: "\n".join(f"{key} {sign} {value}" for key, value in arguments[name].items())
        for name, sign in MAPPINGS.items()
        if name in arguments
    }
    return Form(values=values, chosen={name: arguments.get(name, ()) for name in LISTS}, is_open=True)


async def _shown(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    answer, desks, settings = await asyncio.gather(
        _rows(request), ask_if(request, "desks"), ask_if(request, "config.show", key="desks")
    )
    keys = [one for one in settings.settings if any(part in one.key for part in SETTABLE)] if settings else []
    more = {
        "form": form,
        "desks": desks.desks if desks else [],
        "markets": sorted({name for desk in desks.desks for name in desk.instruments}) if desks else [],
        "settable": keys,
        **_can(request),
    }
    return await show(request, "backtests.html", {"backtests": answer}, more=more, status=status)


async def _rows(request: web.Request) -> Any:
    before = {"before": request.query["before"]} if "before" in request.query else {}
    return await ask(request, "backtests", limit=ROWS, **before)


def _can(request: web.Request) -> dict[str, Any]:
    return {"can_start": offers(request, "backtest.start"), "can_compare": offers(request, "backtest.compare")}


async def _part(request: web.Request) -> web.Response:
    return await show_part(request, "part/backtests.html", {"backtests": await _rows(request), **_can(request)})


async def _start(request: web.Request) -> web.StreamResponse:
    """Start one, or show the form again with what is wrong, field by field."""
    given = await request.post()
    values = {name: str(given.get(name, "")).strip() for name in (*PLAIN, *MAPPINGS, "key")}
    chosen = {name: [str(one) for one in given.getall(name, ())] for name in LISTS}
    arguments: dict[str, Any] = {name: values[name] for name in PLAIN if values[name]}
    arguments |= {name: found for name, found in chosen.items() if found}
    faults: dict[str, str] = {}
    for name, sign in MAPPINGS.items():
        found, fault = _lines(values[name], sign)
        arguments |= {name: found} if found else {}
        faults |= {name: fault} if fault else {}
    if not faults:
        try:
            await act(request, request.app[DOOR].verbs["backtest.start"], arguments, values)
            return web.Response(status=303, headers={"Location": "/backtests#backtests"})
        except BadArguments as exc:
            for path, text in exc.problems.items():
                name = path.partition(".")[0]
                faults[name] = "; ".join(filter(None, (faults.get(name), text.removeprefix(f"{name}: "))))
            if not faults:
                raise
    return await _shown(request, Form(values=values, chosen=chosen, faults=faults, is_open=True), status=422)


def _lines(text: str, sign: str) -> tuple[dict[str, str], str]:
    """Return lines such as "KEY = VALUE" as a mapping, and what is wrong with them."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, middle, value = (part.strip() for part in line.partition(sign))
        if not (key and middle and value):
            return {}, f'"{line[:80]}": expected KEY {sign} VALUE, one to a line'
        found[key] = value
    return found, ""


async def _detail(request: web.Request) -> web.Response:
    number = job_number(request, "backtest")
    scope = request.query.get("scope", "")
    answer = await ask(request, "backtest", number=number, trades=TRADES, curves=False)
    figures = next((one for one in answer.figures if one.scope == scope), answer.figures[0] if answer.figures else None)
    desks = await ask_if(request, "desks") if offers(request, "experiment.start") else None
    known = [one.name for one in desks.desks] if desks else []
    more = {
        "figures": figures,
        "can_report": offers(request, "backtest.report"),
        "candidates": of_backtest(answer.backtest.arguments, known) if answer.backtest.state == "done" else [],
        **_can(request),
    }
    return await show(request, "backtest.html", {"answer": answer}, more=more)


async def _compare(request: web.Request) -> web.Response:
    numbers = [one for text in request.query.getall("ids", ()) for one in text.split(",") if one]
    answer, fault = None, ""
    if len(numbers) > 1:
        answer = await ask(request, "backtest.compare", numbers=numbers)
    else:
        fault = f"Choose 2 to {MOST_COMPARED} backtests that are done in the list, then compare them."
    known = await ask(request, "backtests", state="done", limit=ROWS)
    more = {"fault": fault, "known": known.backtests, "numbers": numbers, **_can(request)}
    return await show(request, "backtests_compared.html", {"compared": answer}, more=more)


async def _report(request: web.Request) -> web.Response:
    answer = await ask(
        request, "backtest.report", number=job_number(request, "backtest"), format=request.query.get("format", "html")
    )
    return download(answer)


PAGE = Page(
    path="/backtests",
    label="Backtests",
    icon="backtests",
    routes=(
        web.get("/backtests", _list),
        web.get("/backtests/part/list", _part),
        web.post("/backtests/start", _start),
        web.get("/backtests/compare", _compare),
        web.get("/backtests/{number}", _detail),
        web.get("/backtests/{number}/report", _report),
    ),
    needs=frozenset({"backtests", "backtest", "backtest.start", "backtest.compare"}),
)
