"""How packages that a tentacle brings are found where code writes their names down as text.

    importlib.resources.files("foo") ─► importlib.resources.files("_tentacles.packages__HASH.foo")

Code that was loaded with a set gets modules of its own in place of `importlib`, its `resources` and `util`, and of
`pkgutil`: in these the functions that take the name of a package look for it in the set first. All else in them is
Python's, and nobody else meets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

_NAMES: Mapping[str, int] = {"import_module": 2, "find_spec": 2}  # how many arguments are names; of all others, one
_KEYWORDS = ("name", "package", "anchor")
_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "importlib.resources": (
        *("files", "contents", "is_resource", "path"),
        *("open_binary", "open_text", "read_binary", "read_text"),
    ),
    "importlib.util": ("find_spec",),
    "importlib": ("import_module",),
    "pkgutil": ("get_data",),
}


class _Stand(ModuleType):
    """One of Python's modules, but for some of its functions."""

    def __init__(self, real: ModuleType, instead: Mapping[str, Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({**vars(real), **instead})
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)  # such as a submodule that somebody imported since


def standing_in(own: str, tops: frozenset[str]) -> dict[str, ModuleType]:
    """Return modules by the name of that which they replace, for code whose packages have the names `tops` in `own`."""

    def at_home(name: Any) -> Any:
        is_ours = isinstance(name, str) and name.partition(".")[0] in tops
        return f"{own}.{name}" if is_ours else name

    made: dict[str, ModuleType] = {}
    for place, functions in _FUNCTIONS.items():
        real = import_module(place)
        instead: dict[str, Any] = {
            name: _wrapped(getattr(real, name), at_home) for name in functions if hasattr(real, name)
        }
        instead |= {each.rpartition(".")[2]: module for each, module in made.items() if each.startswith(f"{place}.")}
        made[place] = _Stand(real, instead)
    return made


def _wrapped(function: Callable[..., Any], at_home: Callable[[Any], Any]) -> Callable[..., Any]:
    count = _NAMES.get(function.__name__, 1)

    @wraps(function)
    def wrapper(*given: Any, **named: Any) -> Any:  # `files()` asks who called it, and looks past what is called so
        given = (*map(at_home, given[:count]), *given[count:])
        return function(*given, **{key: at_home(each) if key in _KEYWORDS else each for key, each in named.items()})

    return wrapper
