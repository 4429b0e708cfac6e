"""A settings form from a JSON schema: each property a field with its kind, bounds, default, text and fault.

What must hold: whatever a schema says that this does not know becomes a text area of JSON, never a gap; what comes back
is judged by the settings class behind the door, not here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNSET = object()
UNITS = {"ms": "milliseconds", "s": "seconds", "h": "hours"}  # as names of settings end


class Unreadable(ValueError):
    """A field's text cannot become a value; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `kind` is switch, choice, number, text, secret or json."""

    name: str
    label: str
    kind: str
    hint: str
    value: str
    default: str
    default_value: Any
    is_set: bool  # something else than the default
    is_optional: bool  # it may be empty: null
    choices: Sequence[str] = ()
    minimum: str = ""
    maximum: str = ""
    step: str = "any"
    fault: str = ""


def fields_of(schema: Mapping[str, Any], given: Mapping[str, Any], faults: Mapping[str, str]) -> list[Field]:
    """Return the fields of a settings schema, filled with what is given over the defaults."""
    definitions = schema.get("$defs", {})
    return [
        _field(name, one, definitions, given.get(name, UNSET), faults.get(name, ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _field(name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], given: Any, fault: str) -> Field:
    plain, is_optional = _resolved(schema, definitions)
    default = schema.get("default", plain.get("default"))
    value = default if given is UNSET else given
    kind = _kind(plain)
    return Field(
        name=name,
        label=_label(name, str(schema.get("title", ""))),
        kind="secret" if schema.get("writeOnly") or plain.get("format") == "password" else kind,
        hint=str(schema.get("description", "" if "properties" in plain else plain.get("description", ""))).rstrip("."),
        value=shown(value, kind),
        default=shown(default, kind),
        default_value=default,
        is_set=given is not UNSET and given != default,
        is_optional=is_optional,
        choices=[str(one) for one in plain.get("enum", ())],
        minimum=_bound(plain, "minimum", "exclusiveMinimum"),
        maximum=_bound(plain, "maximum", "exclusiveMaximum"),
        step="1" if plain.get("type") == "integer" else "any",
        fault=fault,
    )


def _label(name: str, title: str) -> str:
    """Return the title that somebody wrote for it, else its name in words, with its unit."""
    words, _, unit = name.rpartition("_")
    plain = name.replace("_", " ")
    if title and title != plain.title():
        return title
    return f"{words.replace('_', ' ').capitalize()} ({UNITS[unit]})" if words and unit in UNITS else plain.capitalize()


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return what a property is in the end, and whether it may be null."""
    if "$ref" in schema:
        return _resolved(definitions.get(str(schema["$ref"]).rpartition("/")[2], {}), definitions)
    ways = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if not ways:
        return schema, False
    is_optional = len(ways) < len(schema["anyOf"])
    number = next((one for one in ways if one.get("type") == "number"), None)  # decimals are numbers or text
    if len(ways) == 1 or number is not None:
        plain, _ = _resolved(number or ways[0], definitions)
        return plain, is_optional
    return {}, is_optional


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema and all(isinstance(one, str) for one in schema["enum"]):
        return "choice"
    kinds = {"boolean": "switch", "integer": "number", "number": "number", "string": "text"}
    return kinds.get(schema.get("type", ""), "json")


def _bound(schema: Mapping[str, Any], *names: str) -> str:
    return next((str(schema[name]) for name in names if name in schema), "")


def shown(value: Any, kind: str) -> str:
    """Return a value as its field shows it."""
    if value is None:
        return ""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings_from(fields: Sequence[Field], form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a form says that is not the default, and a sentence for each field that cannot be read."""
    found: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for field in fields:
        try:
            value = _read(field, form)
        except Unreadable as exc:
            faults[field.name] = str(exc)
            continue
        if value is not UNSET:
            found[field.name] = value
    return found, faults


def _read(field: Field, form: Mapping[str, str]) -> Any:
    """Return a field's value, UNSET for the default."""
    if field.kind == "switch":
        is_on = form.get(field.name) == "true"
        return UNSET if shown(is_on, "switch") == field.default else is_on
    text = form.get(field.name, field.default).strip()
    if text == field.default or (field.kind == "secret" and not text):
        return UNSET
    if not text and field.is_optional:
        return None
    if field.kind == "number":
        return _number(text, is_whole=field.step == "1")
    if field.kind == "json":
        try:
            return json.loads(text)
        except ValueError as exc:
            raise Unreadable(f"expected JSON: {exc}") from exc
    return text


def _number(text: str, *, is_whole: bool) -> Any:
    """Return a number; one with a point stays text, so that no digit of it is lost on the way."""
    try:
        float(text)
        return int(text) if is_whole or text.lstrip("+-").isdecimal() else text
    except ValueError as exc:
        raise Unreadable(f"{text[:40]!r}: expected a {'whole ' if is_whole else ''}number") from exc
