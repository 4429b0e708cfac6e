"""A/B tests over recorded data: begun by the form of all A/B tests, each with a page that says what came of it.

What must hold: whoever reads a verdict here reads beside it how little the past proves.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from loligo.api import BadArguments, LoligoError

from ..experiment_form import fields_in, form_of, past_arguments
from ..experiment_look import caution_of, figures_of, numbers_of, rails_of
from ..rest import DOOR
from .acting import act
from .experiments import chosen_of, faults_of, listed
from .page import Page, ask, download, job_number, offers, show

HISTORIC = "historic"  # name of a test over the past, and the kind of its job


async def _start(request: web.Request) -> web.StreamResponse:
    """Begin one, and lead to its page; or show the form again with what is wrong, field by field."""
    form = form_of(fields_in(await request.post()))
    faults: dict[str, str] = {}
    arguments = past_arguments(form, faults)
    if not faults:
        try:
            done = await act(request, request.app[DOOR].verbs["historic.start"], arguments, form.values)
            return web.Response(status=303, headers={"Location": f"/experiments/past/{done.number}#historic"})
        except BadArguments as exc:
            faults = faults_of(exc, HISTORIC)
        except LoligoError as exc:
            faults = {"": str(exc)}
    return await listed(request, form.with_faults(faults), status=422)


async def _one(request: web.Request) -> web.Response:
    answer = await ask(request, "historic", number=job_number(request))
    more = _told(request, answer) if answer.result else {"told": None, "can_change": offers(request, "job.retry")}
    return await show(request, "historic.html", {"one": answer}, more=more)


def _told(request: web.Request, answer: Any) -> dict[str, Any]:
    """Return what is shown of one that is done."""
    told = json.loads(json.dumps(answer.result), object_hook=lambda found: SimpleNamespace(**found))
    pairs = {pair["challenger"]: pair for pair in answer.result["pairs"]}
    chosen = chosen_of(request, list(pairs), list(pairs.values()), told.sentence)
    place = 1 + list(pairs).index(chosen)
    control = told.arms[0].name
    test = SimpleNamespace(
        arms=told.arms,
        day=told.day,
        control=control,
        holding=getattr(told, "holding", None),  # of a test that an earlier version tried there is none
        is_ended=True,
        assumptions=told.assumptions,
    )
    return {
        "told": told,
        "test": test,
        "chosen": chosen,
        "place": place,
        "mark": told.arms[place].letter,
        "pair": pairs[chosen],
        "rails": rails_of(pairs[chosen], (control, chosen)),
        "scale": told.arms[place].risk_scale,
        "source": f"/api/v1/historic?{urlencode({'number': answer.number})}",
        "caution": caution_of(pairs[chosen]),
        "numbers": numbers_of(test, pairs[chosen]),
        "figures": figures_of(told),
    }


async def _export(request: web.Request) -> web.Response:
    kind = request.query.get("format", "html")
    return download(await ask(request, "historic.export", number=job_number(request), format=kind))


PAGE = Page(
    path="/experiments/past",
    label="",
    icon="",
    routes=(
        web.post("/experiments/past", _start),
        web.get("/experiments/past/{number:[0-9]+}", _one),
        web.get("/experiments/past/{number:[0-9]+}/export", _export),
    ),
    needs=frozenset({"historic", "historic.start", "historic.export", "jobs"}),
)
