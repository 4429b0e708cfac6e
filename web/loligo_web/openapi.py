"""The description of the API (OpenAPI 3.1), made of the door's catalogue: what is described is what is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from loligo.api import API_VERSION, Verb

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what went wrong and what to do, for a person"},
        "problems": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "a sentence for each bad argument, by its path",
        },
    },
}
_ERRORS = {
    "400": "an Idempotency-Key is missing",
    "401": "nobody is signed in",
    "403": "the role does not suffice",
    "404": "there is no such thing",
    "409": "the bot did not do it",
    "413": "the body is too large",
    "422": "an argument is wrong",
    "503": "the bot is starting or stopping",
}


def openapi(verbs: Mapping[str, Verb]) -> dict[str, Any]:
    ordered = sorted(verbs.values(), key=lambda verb: verb.name)
    wanted = [
        (model, mode)
        for verb in ordered
        for model, mode in ((verb.arguments, "validation"), (verb.answer, "serialization"))
    ]
    references, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)  # type: ignore[arg-type]
    schemas = {**definitions.get("$defs", {}), "ProblemDetails": _PROBLEM}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Loligo", "version": API_VERSION, "description": "Everything that may be asked of the bot."},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"session": []}],
        "paths": {f"/{verb.name.replace('.', '/')}": _path(verb, references, schemas) for verb in ordered},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "loligo_session"},
            },
        },
    }


def _path(verb: Verb, references: Mapping[Any, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": verb.name.replace(".", "_"),
        "summary": verb.summary,
        "tags": [verb.name.partition(".")[0]],
        "x-role": verb.role.name.lower(),
        "responses": {
            "200": {"description": "the answer", "content": _content(verb, references)},
            **{status: _problem(text) for status, text in _ERRORS.items()},
        },
    }
    arguments = references[verb.arguments, "validation"]
    if verb.changes:
        told["parameters"] = [_KEY]
        told["requestBody"] = {"required": False, "content": {"application/json": {"schema": arguments}}}
        if verb.confirm:
            told["x-confirm"] = verb.confirm
        return {"post": told}
    schema = schemas[arguments["$ref"].rpartition("/")[2]]
    told["parameters"] = [_parameter(name, one, schema) for name, one in schema.get("properties", {}).items()]
    return {"get": told}


def _content(verb: Verb, references: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what an answer may be; one that holds a picture is that picture where it is accepted."""
    content: dict[str, Any] = {"application/json": {"schema": references[verb.answer, "serialization"]}}
    if "picture" in verb.answer.model_fields:
        content["image/png"] = {"schema": {"type": "string", "contentMediaType": "image/png"}}
    return content


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "a name of your choice for this change: asked again with it, the bot answers as before",
}


def _parameter(name: str, schema: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": name in owner.get("required", ()),
        "description": schema.get("description", ""),
        "schema": schema,
    }


def _problem(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }


def takes_list(model: type[BaseModel], name: str) -> bool:
    """Say whether an argument is a list."""
    schema = model.model_json_schema().get("properties", {}).get(name, {})
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", ())))
