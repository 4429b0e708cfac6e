"""Says what pydantic found wrong in words that a person can act on: key, value, what was expected, did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def describe_faults(error: ValidationError, model: type[BaseModel], *, ignore: str = "") -> str:
    """Return every fault of a failed validation of `model` but those of pydantic's type `ignore`, joined by "; "."""
    return "; ".join(_said(fault, model) for fault in error.errors(include_url=False) if fault["type"] != ignore)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that starts with a space when one of `known` looks like `word`, else ""."""
    close = get_close_matches(word, list(known), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def _said(fault: ErrorDetails, model: type[BaseModel]) -> str:
    key, value = ".".join(map(str, fault["loc"])) or "all", fault["input"]
    if fault["type"] == "extra_forbidden":
        return f"{key} = {value!r}: unknown key{did_you_mean(str(fault['loc'][-1]), model.model_fields)}"
    if fault["type"] == "missing":
        return f"{key} is missing"
    text = fault["msg"].removeprefix("Value error, ")
    return text if isinstance(value, dict) and fault["type"] == "value_error" else f"{key} = {value!r}: {text}"
