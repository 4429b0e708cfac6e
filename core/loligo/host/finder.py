"""Imports tentacles from bytes in memory, each version as a package of its own: `_tentacles.KIND_NAME__HASH12`.

One finder on `sys.meta_path` serves all of them, relative imports of submodules included. What runs is what was hashed:
nothing is read from disk again, no compiled file is read or written, two versions of a tentacle never meet. `__file__`
names the file the bytes came from, so that a tentacle finds the data it brings.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

NAMESPACE = "_tentacles"


@dataclass(frozen=True)
class TreeLoader(Loader):
    """Runs one module's source."""

    source: bytes
    file: str

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's body. Whatever it raises passes through."""
        exec(compile(self.source, self.file, "exec", dont_inherit=True), module.__dict__)


class TentacleFinder(MetaPathFinder):
    """Knows the modules of every loaded version."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec] = {}

    def add(self, package: str, files: Mapping[str, bytes], folder: Path) -> None:
        """Offer `files` (by path in `folder`) as the package of this full name."""
        for path, source in files.items():
            if path.endswith(".py"):
                name = ".".join((package, *Path(path).with_suffix("").parts)).removesuffix(".__init__")
                file = str(folder / path)
                is_package = path.endswith("__init__.py")
                spec = ModuleSpec(name, TreeLoader(source, file), origin=file, is_package=is_package)
                spec.has_location = True  # with the origin it sets __file__
                self._specs[name] = spec

    def forget(self, package: str) -> None:
        """Take the package and its modules out of the import system; objects made from it live on."""
        for known in (self._specs, sys.modules):
            for name in [name for name in known if name == package or name.startswith(package + ".")]:
                del known[name]
        vars(sys.modules[NAMESPACE]).pop(package.rpartition(".")[2], None)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of a known tentacle, None for everything else."""
        return self._specs.get(fullname)


@cache
def installed_finder() -> TentacleFinder:
    """Return the process's one finder, put on `sys.meta_path` at the first call."""
    finder = TentacleFinder()
    sys.meta_path.append(finder)
    sys.modules[NAMESPACE] = namespace = ModuleType(NAMESPACE, "Parent of every loaded tentacle version.")
    namespace.__path__ = []
    return finder


def import_tree(package: str, files: Mapping[str, bytes], folder: Path) -> ModuleType:
    """Import a tentacle's package from memory; a version that is loaded already is returned as it is.

    Whatever the import raises passes through, and nothing of the package stays behind.
    """
    finder, loaded = installed_finder(), sys.modules.get(package)
    if loaded is not None and loaded.__file__ == str(folder / "__init__.py"):
        return loaded
    finder.forget(package)  # the same content elsewhere: __file__ must name the place that is in use
    finder.add(package, files, folder)
    try:
        return importlib.import_module(package)
    except BaseException:
        finder.forget(package)
        raise
