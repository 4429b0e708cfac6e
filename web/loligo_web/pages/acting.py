"""What the buttons of every page do: a form's fields are the arguments of a verb.

    POST /do/panic    level=flatten, typed=stop, key=...

What must hold: a verb that asks for confirmation is not done without it, and those that end trading want a word typed.
The answer is a toast with its undo, or without JavaScript the page that one came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from loligo.api import BadArguments, NotFound, Verb

from ..access.gate import CSRF_FIELD, caller_of
from ..look import render
from ..openapi import takes_list
from ..rest import DOOR

OWN_FIELDS = frozenset({CSRF_FIELD, "key", "typed", "confirmed", "arguments", "then"})
TYPED = {"panic": "stop", "flatten": "stop", "stop": "stop"}  # what a person types, by verb
THEN = {"/tentacles": "/tentacles"}  # where a form may lead on to, when the page that it stood on is gone
PATIENCE_S = 0.1  # for an exchange of tentacles: it goes on by itself, and the page hears of it


def routes() -> list[web.RouteDef]:
    return [web.post("/do/{verb}", _do)]


async def _do(request: web.Request) -> web.StreamResponse:
    verb = request.app[DOOR].verbs.get(request.match_info["verb"])
    if verb is None or not verb.changes:
        raise NotFound(f'there is nothing to do called "{request.match_info["verb"][:60]}"')
    form = await request.post()
    fields = {name: str(form.getall(name)[-1]) for name in form}
    check_confirmed(verb, fields)
    given = {name: form.getall(name) if takes_list(verb.arguments, name) else value for name, value in fields.items()}
    whole = _whole(fields.get("arguments", "{}"))
    answer = await act(
        request, verb, whole | {name: one for name, one in given.items() if name not in OWN_FIELDS}, fields
    )
    if request.headers.get("HX-Request"):
        return toast(request, answer)
    return web.Response(status=303, headers={"Location": THEN.get(fields.get("then", ""), "") or _back(request)})


def _whole(text: str) -> dict[str, Any]:
    """Return arguments that came as JSON in one field, as those of an undo do: they hold lists and more."""
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise BadArguments(f"arguments: no JSON: {exc}", {"arguments": "expected JSON"}) from exc
    if not isinstance(found, dict):
        raise BadArguments("arguments: expected a JSON object", {"arguments": "expected a JSON object"})
    return found


async def act(request: web.Request, verb: Verb, arguments: Mapping[str, Any], fields: Mapping[str, str]) -> Any:
    """Do it once per key of the form."""
    if "patience_s" in verb.arguments.model_fields:
        arguments = {"patience_s": PATIENCE_S, **arguments}
    return await request.app[DOOR].ask(caller_of(request).actor, verb.name, arguments, key=fields.get("key", ""))


def check_confirmed(verb: Verb, fields: Mapping[str, str]) -> None:
    """BadArguments when a person was not asked, or did not type the word."""
    word = TYPED.get(verb.name)
    if word and fields.get("typed", "").strip().lower() != word:
        raise BadArguments(f'type "{word}" to confirm', {"typed": f'expected "{word}"'})
    if verb.confirm and not word and fields.get("confirmed") != "yes":
        raise BadArguments(f"{verb.confirm} It was not confirmed", {"confirmed": 'expected "yes"'})


def toast(request: web.Request, answer: Any, **more: Any) -> web.Response:
    """Return what came of a change, as a toast."""
    said = answer.lines()[0] if answer.lines() else "done"
    is_done = getattr(answer, "is_done", True)
    data = {
        "text": said,
        "tone": "good" if is_done else "bad",
        "undo": getattr(answer, "undo", None) if is_done else None,
    }
    return render(request, "part/toast.html", {**data, **more})


def _back(request: web.Request) -> str:
    """Return the page of ours that the form stood on."""
    return urlsplit(request.headers.get("Referer", "")).path or "/"
