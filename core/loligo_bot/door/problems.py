"""What is wrong with arguments or settings, by path, in words that name the value and what was expected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from loligo.errors import BadArguments
from loligo.log import MASK, is_secret_name
from loligo.registry.faults import did_you_mean

LONGEST_VALUE = 60
M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], given: Mapping[str, Any], verb: str) -> M:
    """Return what is given as a model. BadArguments has a sentence for each argument that is wrong."""
    try:
        json.dumps(dict(given), ensure_ascii=False, default=str).encode()
        return model.model_validate(dict(given))
    except ValidationError as exc:
        problems = problems_of(exc, model)
        raise BadArguments(f"{verb}: {'; '.join(problems.values())}", problems) from exc
    except UnicodeEncodeError as exc:  # half a character, deep in a value that may be anything
        said = f"arguments: no text that can be written: {exc}"
        raise BadArguments(f"{verb}: {said}", {"arguments": said}) from exc


def problems_of(error: ValidationError, model: type[BaseModel], prefix: str = "", ignore: str = "") -> dict[str, str]:
    """Return a sentence for each fault of a failed validation of `model` but those of pydantic's type `ignore`, by the
    path of what is wrong."""
    found = {}
    for fault in (one for one in error.errors(include_url=False) if one["type"] != ignore):
        path = ".".join([*([prefix] if prefix else []), *map(str, fault["loc"])]) or "arguments"
        found[path] = f"{path}{_said(fault, model)}"
    return found


def _said(fault: ErrorDetails, model: type[BaseModel]) -> str:
    if fault["type"] == "missing":
        return " is missing"
    name = str(fault["loc"][-1]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        known = list(model.model_fields)
        return " is not known" + (did_you_mean(name, known) or f"; expected {', '.join(known) or 'no arguments'}")
    value = MASK if is_secret_name(name) else repr(fault["input"])
    text = str(fault["msg"]).removeprefix("Value error, ").replace("Input should be ", "expected ")
    return f" = {value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + '…'}: {text}"
