"""The API: every verb of the door under `/api/v1/`, its dots as slashes. Reads are GET, changes POST.

    GET  /api/v1/tentacle/list?kind=evaluator
    POST /api/v1/tentacle/switch    {"name": "rsi", "enabled": false}    Idempotency-Key: 7f3c...

Nothing here knows a single verb: paths, arguments and answers come from the catalogue, and so does `openapi.json`.
Verbs of the page itself (`own`) stand beside those of the door.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from loligo.api import Answer, BadArguments, Door, NotFound, Verb

from .access.gate import caller_of
from .openapi import openapi, takes_list
from .own import OWN, ask_own
from .problems import problem

DOOR = web.AppKey("door", Door)
PREFIX = "/api/v1/"
LONGEST_KEY = 200


def routes() -> list[web.RouteDef]:
    return [
        web.get(f"{PREFIX}openapi.json", _openapi),
        web.get(f"{PREFIX}{{path:.+}}", _read),
        web.post(f"{PREFIX}{{path:.+}}", _change),
    ]


async def _openapi(request: web.Request) -> web.Response:
    return web.json_response(openapi(verbs_of(request)))


def verbs_of(request: web.Request) -> Mapping[str, Verb]:
    """Return all that can be asked here: of the bot, and of its page."""
    return {**request.app[DOOR].verbs, **{name: one.verb for name, one in request.app[OWN].items()}}


async def _read(request: web.Request) -> web.StreamResponse:
    verb = _verb(request)
    if verb.changes:
        return problem(request, 405, f"{verb.name} changes something: POST it", allow="POST")
    answer = await _asked(request, verb, arguments_of(request.query, verb))
    picture = getattr(answer, "picture", None)
    if picture is not None and picture.media_type in request.headers.get(hdrs.ACCEPT, ""):
        return web.Response(body=b64decode(picture.base64), content_type=picture.media_type)
    return _told(answer)


async def _change(request: web.Request) -> web.StreamResponse:
    verb = _verb(request)
    if not verb.changes:
        return problem(request, 405, f"{verb.name} changes nothing: GET it", allow="GET")
    key = request.headers.get("Idempotency-Key", "")
    if not key or len(key) > LONGEST_KEY:
        told = f"Idempotency-Key: a name of your choice for this change, 1 to {LONGEST_KEY} characters, is needed"
        return problem(request, 400, f"{told}: the same key again gets the same answer, and nothing is done twice")
    return _told(await _asked(request, verb, await _body(request), key))


async def _asked(request: web.Request, verb: Verb, arguments: Mapping[str, Any], key: str = "") -> Answer:
    if verb.name in request.app[OWN]:
        answer: Answer = ask_own(request, verb.name, arguments, key=key)
        return answer
    return await request.app[DOOR].ask(caller_of(request).actor, verb.name, arguments, key=key)


def _told(answer: Answer) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store"}  # it is of this moment, and may hold a secret
    return web.Response(text=answer.model_dump_json(), content_type="application/json", headers=headers)


def _verb(request: web.Request) -> Verb:
    name = request.match_info["path"].replace("/", ".")
    verb = verbs_of(request).get(name)
    if verb is None or "." in request.match_info["path"]:
        raise NotFound(f'there is no verb "{name[:100]}"; {PREFIX}openapi.json lists all')
    return verb


def arguments_of(query: Any, verb: Verb) -> dict[str, Any]:
    """Return a query's arguments; what takes a list may be given several times, or with commas."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(query.keys()):
        values = query.getall(name)
        if takes_list(verb.arguments, name):
            found[name] = [one for value in values for one in value.split(",") if one]
        elif len(values) > 1:
            raise BadArguments(f"{name} was given {len(values)} times", {name: "expected once"})
        else:
            found[name] = values[0]
    return found


async def _body(request: web.Request) -> Mapping[str, Any]:
    if not request.can_read_body:
        return {}
    if request.content_type != "application/json":
        raise BadArguments(f"the body is {request.content_type}, expected application/json")
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as exc:
        raise BadArguments(f"the body is no JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise BadArguments("the body: expected a JSON object of arguments")
    return body
