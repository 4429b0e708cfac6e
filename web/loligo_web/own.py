"""Verbs of the page itself: what it keeps beside the bot (access, webhooks, shared views), asked as those of the door.

    role ─► arguments ─► was it asked before ─► the verb

What must hold: what has a key is done once in a day, also when the page or the bot was exchanged or started anew
meanwhile; a secret is in the first answer alone and in no store; an error is no answer, so the next one tries again.
The forms of the page ask the same verbs, without a key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from loligo.api import Answer, BadArguments, Role, Verb

from .access.gate import KEEPER, need_role
from .access.passwords import hash_secret

KEPT_S = 86_400.0
OTHER_ARGUMENTS = "key: it was used for the same verb with other arguments before; use another key"
M = TypeVar("M", bound=BaseModel)


class Asked(BaseModel):
    """Base of arguments; alone, those of a verb that takes none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Made(Answer):
    """An answer that tells a secret. `secrets` names its fields that whoever asks again finds empty."""

    secrets: ClassVar[frozenset[str]]


class Done(Answer):
    message: str


@dataclass(frozen=True, slots=True)
class OwnVerb:
    """One verb with what serves it; that must not wait: nothing comes between the look at a key and the answer."""

    verb: Verb
    serve: Callable[[web.Request, Any], Answer]


OWN = web.AppKey("own", Mapping[str, OwnVerb])


def own(
    name: str,
    summary: str,
    role: Role,
    arguments: type[Asked],
    answer: type[Answer],
    serve: Callable[[web.Request, Any], Answer],
    *,
    changes: bool = False,
) -> OwnVerb:
    verb = Verb(name=name, summary=summary, role=role, arguments=arguments, answer=answer, changes=changes)
    return OwnVerb(verb, serve)


def ask_own(request: web.Request, name: str, arguments: Mapping[str, Any], *, key: str = "") -> Any:
    """Return the answer of a verb of the page. Denied, BadArguments, NotFound."""
    found = request.app[OWN][name]
    caller = need_role(request, found.verb.role)
    given = checked(found.verb.arguments, arguments, name)
    if not found.verb.changes or not key:
        return found.serve(request, given)
    store, now_s = request.app[KEEPER].store, request.app[KEEPER].now_s
    ident = hash_secret(json.dumps([caller.actor.name, name, key]))
    # With the key in it nobody who reads the store can try what a secret among the arguments may have been.
    asked = hash_secret(json.dumps([key, given.model_dump(mode="json")]))
    before = store.answer(ident, now_s - KEPT_S)
    if before is not None:
        if before[0] != asked:
            raise BadArguments(OTHER_ARGUMENTS, {"key": OTHER_ARGUMENTS})
        return found.verb.answer.model_validate_json(before[1])
    answer = found.serve(request, given)
    store.keep_answer(ident, asked, _without_secrets(answer).model_dump_json(), now_s, now_s - KEPT_S)
    return answer


def _without_secrets(answer: Answer) -> Answer:
    return answer.model_copy(update=dict.fromkeys(answer.secrets)) if isinstance(answer, Made) else answer


def checked(model: type[M], given: Mapping[str, Any], verb: str) -> M:
    """Return what is given as a model. BadArguments has a sentence for each argument that is wrong; no value is in it,
    for it may be a secret."""
    try:
        json.dumps(dict(given), ensure_ascii=False, default=str).encode()
        return model.model_validate(dict(given))
    except ValidationError as exc:
        problems = {
            ".".join(map(str, one["loc"])) or "arguments": one["msg"].replace("Input should be ", "expected ")
            for one in exc.errors(include_url=False)
        }
        told = "; ".join(f"{path}: {text}" for path, text in problems.items())
        raise BadArguments(f"{verb}: {told}", problems) from exc
    except UnicodeEncodeError as exc:
        said = f"no text that can be written: {exc.reason}"
        raise BadArguments(f"{verb}: {said}", {"arguments": said}) from exc
