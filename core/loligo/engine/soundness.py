"""Soundness: whether a value that a tentacle made holds what its types say, with finite numbers (reasons may hold any).

msgspec checks no constructor, so a float quantity or a NaN would otherwise surface far from its cause: at the venue, in
the ledger or in the journal. Found here it is the failure of the tentacle that made it.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, get_args, get_origin

import msgspec

from loligo.errors import DataError


def check_sound(value: Any, *kinds: type) -> None:
    """DataError unless `value` is exactly of one of the struct `kinds` and every field is what it is declared as."""
    kind = type(value)
    if kind not in kinds:
        raise DataError(f"{value!r} is not {' or '.join(kind.__name__ for kind in kinds)}")
    fields = _fields(kind)  # type: ignore[arg-type]  # mypy takes the metaclass of structs for unhashable
    for (name, allowed), given in zip(fields, msgspec.structs.astuple(value), strict=True):
        if type(given) is tuple:
            is_sound = all(type(item) in allowed for item in given)
        else:
            is_sound = type(given) in allowed and _is_finite(given)
        if not is_sound:
            expected = " or ".join(kind.__name__ for kind in allowed)
            raise DataError(f"{kind.__name__}.{name} is {given!r}, expected finite {expected}")


@cache
def _fields(kind: Any) -> tuple[tuple[str, tuple[type, ...]], ...]:
    return tuple((field.name, _allowed(field.type)) for field in msgspec.structs.fields(kind))


def _allowed(hint: Any) -> tuple[type, ...]:
    """Return the classes of a plain type, a union or a tuple of one kind; an int may stand for a float."""
    kinds = get_args(hint)[:1] if get_origin(hint) is tuple else get_args(hint) or (hint,)
    return (*kinds, int) if float in kinds else kinds


def _is_finite(item: Any) -> bool:
    kind = type(item)
    return isfinite(item) if kind is float else kind is not Decimal or item.is_finite()
