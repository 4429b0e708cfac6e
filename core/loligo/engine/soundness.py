"""Soundness: whether a value that a tentacle made holds what its types say, with finite numbers (reasons may hold any).

msgspec checks no constructor, so a float quantity or a NaN would otherwise surface far from its cause: at the venue, in
the ledger or in the journal. Found here it is the failure of the tentacle that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, get_args, get_origin

import msgspec

from loligo.errors import DataError

# Of values that were sound: which fields are still to be checked, and how.
_SHAPES: dict[tuple[type, ...], tuple[tuple[int, Callable[[Any], bool]], ...]] = {}

_IS_FINITE: dict[type, Callable[[Any], bool]] = {float: isfinite, Decimal: Decimal.is_finite}


def check_sound(value: Any, *kinds: type) -> None:
    """DataError unless `value` is exactly of one of the struct `kinds` and every field is what it is declared as."""
    kind = type(value)
    if kind not in kinds:
        raise DataError(f"{value!r} is not {' or '.join(kind.__name__ for kind in kinds)}")
    given = msgspec.structs.astuple(value)
    shape = (kind, *map(type, given))
    places = _SHAPES.get(shape)
    if places is None:
        places = _SHAPES[shape] = _places(kind, given)
    for place, is_sound in places:
        if not is_sound(given[place]):
            name, allowed = _fields(kind)[place]  # type: ignore[arg-type]  # mypy: structs are hashable all the same
            raise _unsound(kind, name, given[place], allowed)


def is_plain_reason(code: Any, numbers: Any) -> bool:
    """Return whether a reason is text and floats, as nearly all are: what is made of it needs no `check_sound`."""
    if type(code) is not str or type(numbers) is not tuple:
        return False
    for number in numbers:  # noqa: SIM110  # a generator costs more than all else here
        if type(number) is not float:
            return False
    return True


def _places(kind: type, given: tuple[Any, ...]) -> tuple[tuple[int, Callable[[Any], bool]], ...]:
    """Return which fields of values of this shape are to be checked each time, and how; DataError for a wrong type."""
    places: list[tuple[int, Callable[[Any], bool]]] = []
    for place, ((name, allowed), item) in enumerate(zip(_fields(kind), given, strict=True)):
        if type(item) is tuple:
            places.append((place, _made_of(allowed)))
        elif type(item) not in allowed:
            raise _unsound(kind, name, item, allowed)
        elif type(item) in _IS_FINITE:
            places.append((place, _IS_FINITE[type(item)]))
    return tuple(places)


def _made_of(kinds: frozenset[type]) -> Callable[[Any], bool]:
    return lambda items: kinds.issuperset(map(type, items))


def _unsound(kind: type, name: str, given: Any, allowed: Iterable[type]) -> DataError:
    expected = " or ".join(sorted(kind.__name__ for kind in allowed))
    return DataError(f"{kind.__name__}.{name} is {given!r}, expected finite {expected}")


@cache
def _fields(kind: Any) -> tuple[tuple[str, frozenset[type]], ...]:
    return tuple((field.name, _allowed(field.type)) for field in msgspec.structs.fields(kind))


def _allowed(hint: Any) -> frozenset[type]:
    """Return the classes of a plain type, a union or a tuple of one kind; an int may stand for a float."""
    kinds = get_args(hint)[:1] if get_origin(hint) is tuple else get_args(hint) or (hint,)
    return frozenset((*kinds, int) if float in kinds else kinds)
