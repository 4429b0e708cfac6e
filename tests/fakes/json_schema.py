"""Whether a plain value is what a JSON schema of pydantic's says: the words that pydantic uses, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
_KNOWN = {"$ref", "$defs", "type", "properties", "required", "items", "anyOf", "allOf", "enum", "const"}
_KNOWN |= {"additionalProperties", "title", "description", "default", "pattern", "minimum", "maximum", "prefixItems"}
_KNOWN |= {"minItems", "maxItems"}


def breaches(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, at: str = "$"
) -> Iterator[str]:
    """Yield a line for everything that the schema does not allow, and for every word in it that is not known here."""
    root = root or schema
    if "$ref" in schema:
        yield from breaches(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
        return
    yield from (f"{at}: unknown word {word}" for word in schema.keys() - _KNOWN)
    if "anyOf" in schema and all(any(breaches(value, one, root, at)) for one in schema["anyOf"]):
        yield f"{at}: {value!r} is none of {schema['anyOf']}"
    for one in schema.get("allOf", ()):
        yield from breaches(value, one, root, at)
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{at}: {value!r} is no {kind}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{at}: {value!r} is not allowed"
    if isinstance(value, list) and not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at}: {len(value)} items"
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from breaches(item, schema["items"], root, f"{at}[{number}]")
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, at)


def _of_object(value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        if name in known:
            yield from breaches(inner, known[name], root, f"{at}.{name}")
        elif isinstance(others, Mapping):
            yield from breaches(inner, others, root, f"{at}.{name}")
        elif not others or known:
            yield f"{at}.{name} is not in the schema"
