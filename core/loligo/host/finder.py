"""Imports tentacles from bytes in memory, each version as a package of its own: `_tentacles.KIND_NAME__HASH12`.

One finder on `sys.meta_path` serves all of them, relative imports of submodules included. What runs is what was hashed:
nothing is read from disk again, no compiled file is read or written, two versions of a tentacle never meet. `__file__`
names the file the bytes came from, so that a tentacle finds the data it brings, by `importlib.resources` or
`pkgutil.get_data` too. Code objects made elsewhere (compiling holds the interpreter's lock) are run as they are; tests
that a tentacle brings are no modules of it.
"""

from __future__ import annotations

import importlib
import linecache
import logging
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import FileLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType

NAMESPACE = "_tentacles"
Code = Mapping[str, CodeType] | None  # by path
Names = Mapping[str, typing.Any] | None


@dataclass(frozen=True)
class TreeLoader(FileLoader):
    """Runs one module: its code object if there is one, else its source. Data beside `path` is read from there."""

    name: str
    path: str
    source: bytes
    code: CodeType | None = None
    names: Names = None  # that it finds there, such as builtins with an `__import__` of its own

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's body. Whatever it raises passes through."""
        module.__dict__.update(self.names or {})
        exec(self.code or compile_module(self.source, self.path), module.__dict__)

    def get_source(self, fullname: str) -> str:
        """Return the module's text, for the lines of a traceback."""
        return decode_source(self.source)


def compile_module(source: bytes, file: str) -> CodeType:
    """Return the code object of a module, free of this module's own `__future__` imports."""
    return compile(source, file, "exec", dont_inherit=True)


def modules_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the modules among a tentacle's files: all Python but its tests, which nobody can import."""
    return {path: source for path, source in files.items() if path.endswith(".py") and not _is_test(path.split("/"))}


def _is_test(parts: Sequence[str]) -> bool:
    return "tests" in parts[:-1] or parts[-1].startswith("test_") or parts[-1] == "conftest.py"


class TentacleFinder(MetaPathFinder):
    """Knows the modules of every loaded version."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec] = {}

    def add(
        self, package: str, files: Mapping[str, bytes], folder: Path, code: Code = None, names: Names = None
    ) -> None:
        """Offer `files` (by path in `folder`) as the package of this full name, with the `code` made of them; its
        modules begin with `names`."""
        for path, source in modules_of(files).items():
            name = ".".join((package, *Path(path).with_suffix("").parts)).removesuffix(".__init__")
            loader = TreeLoader(name, str(folder / path), source, (code or {}).get(path), names)
            self._specs[name] = ModuleSpec(name, loader, origin=loader.path, is_package=path.endswith("__init__.py"))
            self._specs[name].has_location = True  # with the origin it sets __file__

    def forget(self, package: str) -> None:
        """Take the package out of the import system and whatever else of Python holds on to its names and classes.

        Objects made from it live on until nobody has them.
        """
        names = [name for name in self._specs if name == package or name.startswith(package + ".")]
        if not names:
            return
        for name in names:
            linecache.cache.pop(self._specs.pop(name).origin or "", None)
        loggers = logging.Logger.manager.loggerDict
        for known in (sys.modules, loggers):
            for name in [name for name in list(known) if name == package or name.startswith(package + ".")]:
                del known[name]
        vars(sys.modules[NAMESPACE]).pop(package.rpartition(".")[2], None)
        for clear in typing._cleanups:  # type: ignore[attr-defined]  # caches of List[X] and the like, which hold X
            clear()

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
    logging.getLogger(NAMESPACE)  # a parent that is there: else a placeholder would hold every child's logger
    return finder


def import_tree(
    package: str, files: Mapping[str, bytes], folder: Path, code: Code = None, names: Names = None
) -> ModuleType:
    """Import a tentacle's package from memory; a version that is loaded already is returned as it is.

    Whatever the import raises passes through, and nothing of the package stays behind.
    """
    finder, loaded = installed_finder(), sys.modules.get(package)
    if loaded is not None and loaded.__file__ == str(folder / "__init__.py"):
        return loaded
    finder.forget(package)  # the same content elsewhere: __file__ must name the place that is in use
    finder.add(package, files, folder, code, names)
    try:
        return importlib.import_module(package)
    except BaseException:
        finder.forget(package)
        raise
