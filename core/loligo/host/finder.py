"""Imports tentacles from bytes in memory, each version as a package of its own: `_tentacles.KIND_NAME__HASH12`.

One finder on `sys.meta_path` serves all of them, relative imports of submodules included. What runs is what was hashed:
nothing is read from disk again, no compiled file is read or written, two versions of a tentacle never meet. `__file__`
names the file the bytes came from, so that a tentacle finds the data it brings.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

NAMESPACE = "_tentacles"


class TreeLoader(Loader):
    """Runs one module's compiled source."""

    def __init__(self, source: bytes, file: Path) -> None:
        self._source = source
        self._file = file

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's body. Whatever it raises passes through."""
        exec(compile(self._source, str(self._file), "exec", dont_inherit=True), module.__dict__)


class TentacleFinder(MetaPathFinder):
    """Knows the files of every loaded version."""

    def __init__(self) -> None:
        self._trees: dict[str, tuple[Mapping[str, bytes], Path]] = {}

    def add(self, package: str, files: Mapping[str, bytes], folder: Path) -> None:
        """Offer `files` (by path in `folder`) as the package of this full name."""
        self._trees[package] = (files, folder)

    def folder(self, package: str) -> Path | None:
        """Return where the files of a known package came from, None for an unknown one."""
        return self._trees[package][1] if package in self._trees else None

    def forget(self, package: str) -> None:
        """Take the package and its modules out of the import system; objects made from it live on."""
        self._trees.pop(package, None)
        for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
            del sys.modules[name]
        vars(sys.modules[NAMESPACE]).pop(package.rpartition(".")[2], None)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of a known tentacle, None for everything else."""
        if not fullname.startswith(NAMESPACE + "."):
            return None
        _, package, *inner = fullname.split(".")
        files, folder = self._trees.get(f"{NAMESPACE}.{package}", ({}, Path()))
        base = "/".join(inner)
        for file, is_package in ((f"{base}/__init__.py".lstrip("/"), True), (f"{base}.py", False)):
            if file in files:
                spec = ModuleSpec(fullname, TreeLoader(files[file], folder / file), is_package=is_package)
                spec.origin, spec.has_location = str(folder / file), True  # together they set __file__
                return spec
        return None


def installed_finder() -> TentacleFinder:
    """Return the process's one finder, put on `sys.meta_path` at the first call."""
    for finder in sys.meta_path:
        if isinstance(finder, TentacleFinder):
            return finder
    finder = TentacleFinder()
    sys.meta_path.append(finder)
    namespace = ModuleType(NAMESPACE, "Parent of every loaded tentacle version.")
    namespace.__path__ = []
    sys.modules[NAMESPACE] = namespace
    return finder


def import_tree(package: str, files: Mapping[str, bytes], folder: Path) -> ModuleType:
    """Import a tentacle's package from memory; a version that is loaded already is returned as it is.

    Whatever the import raises passes through, and nothing of the package stays behind.
    """
    finder = installed_finder()
    if finder.folder(package) != folder:  # the same content elsewhere: __file__ must name the place that is in use
        finder.forget(package)
    finder.add(package, files, folder)
    try:
        return importlib.import_module(package)
    except BaseException:
        finder.forget(package)
        raise
