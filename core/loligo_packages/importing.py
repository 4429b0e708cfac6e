"""How a tentacle's code comes to import from the packages that it brings.

    import foo.bar ─► `__import__` of the tentacle's own builtins ─► _tentacles.packages__HASH.foo.bar, from memory

A set is one package of private modules, named by its hash like every version of a tentacle: tentacles whose sets differ
never meet, those with the same set share it, and it leaves with the last of them. Only code that was loaded with a set
sees it; for everybody else `import foo` is what it always was. `importlib.metadata` knows the packages that are loaded,
behind those that are installed: many ask for their own version. Names that are written down as text, as for
`importlib.resources`, are the affair of `written_names`.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType
from typing import Any

from packaging.utils import canonicalize_name

from loligo_packages.package_set import PackageSet
from loligo_packages.written_names import standing_in

NAMESPACE = "_tentacles"  # of `loligo.host.finder`, which is built on this
_OF_ALL = DistributionFinder.Context()
ImportTree = Callable[[str, Mapping[str, bytes], Path, Mapping[str, CodeType], Mapping[str, Any]], ModuleType]


def offer(packages: PackageSet, code: Mapping[str, CodeType], import_tree: ImportTree) -> Mapping[str, Any]:
    """Load a set and return the names under which modules that import from it must run: none for the empty set.

    `code` has what was compiled of it under `code_path`; nothing of a package runs before somebody imports it.
    """
    if not packages.files:
        return {}
    own = f"{NAMESPACE}.{packages.private_name}"
    names = {"__builtins__": {**vars(builtins), "__import__": _importing(own, packages.tops)}}
    start = code_path(packages, "")
    compiled = {path.removeprefix(start): each for path, each in code.items() if path.startswith(start)}
    import_tree(own, modules_of_set(packages), packages.folder, compiled, names)
    _known().sets[own] = packages
    return names


def code_path(packages: PackageSet, path: str) -> str:
    """Return under what the compiled code of a set's file stands beside that of the tentacle."""
    return f"{packages.private_name}/{path}"


def modules_of_set(packages: PackageSet) -> dict[str, bytes]:
    """Return the modules of a set by path, with an empty `__init__.py` where a folder has none, at its top, too: those
    of data alone are packages as well, as Python has it."""
    modules = {path: source for path, source in packages.files.items() if path.endswith(".py")}
    folders = {folder for path in packages.files for folder in PurePosixPath(path).parents}
    named = (folder.parts for folder in folders if all(map(str.isidentifier, folder.parts)))
    return {"/".join((*parts, "__init__.py")): b"" for parts in named} | modules


def _importing(own: str, tops: frozenset[str]) -> Callable[..., Any]:
    """Return an `__import__` that finds these names in the package `own`, and all others where Python does."""
    stand_ins = standing_in(own, tops)

    def import_(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        if level or top not in tops:
            found = builtins.__import__(name, globals, locals, fromlist or (), level)
            return found if level else stand_ins.get(name if fromlist else top, found)
        # With names to come from it, Python returns the innermost module; "__name__" is in all of them.
        found = builtins.__import__(f"{own}.{name}", globals, locals, fromlist or ("__name__",))
        return found if fromlist else sys.modules[f"{own}.{top}"]

    return import_


class _Brought(Distribution):
    """A package of a set, as `importlib.metadata` tells of it."""

    def __init__(self, packages: PackageSet, folder: str) -> None:
        self._packages, self._folder = packages, folder

    def read_text(self, filename: str) -> str | None:
        content = self._packages.files.get(f"{self._folder}/{filename}")
        return None if content is None else content.decode(errors="replace")

    def locate_file(self, path: Any) -> Any:
        return self._packages.folder / path


class _Known(DistributionFinder):
    """The sets that are loaded, by the full name of their package."""

    def __init__(self) -> None:
        self.sets: dict[str, PackageSet] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return None  # modules are found by the finder of all tentacles

    def find_distributions(self, context: DistributionFinder.Context = _OF_ALL) -> Iterable[Distribution]:
        """Yield what has this name, of the newest set first; a list of all is a list of what is installed."""
        self.sets = {own: packages for own, packages in self.sets.items() if own in sys.modules}
        if context.name is None:
            return
        for own, packages in reversed(self.sets.items()):
            found = packages.distributions.get(_distribution_of(context.name, own, packages))
            if found is not None:
                yield _Brought(packages, found.folder)


def _distribution_of(name: str, own: str, packages: PackageSet) -> str:
    """Return the canonical name of the package that is meant, also where a module asks by its own `__name__`."""
    if not name.startswith(f"{own}."):
        return canonicalize_name(name)
    top = name.removeprefix(f"{own}.").partition(".")[0]
    paths = (path for path in packages.owners if path.partition("/")[0].removesuffix(".py") == top)
    return next((packages.owners[path].name for path in paths), "")


@cache
def _known() -> _Known:
    """Return the process's one finder of brought metadata, put behind Python's own at the first call."""
    finder = _Known()
    sys.meta_path.append(finder)
    return finder
