"""Importing from memory: private names, submodules, two versions at once, nothing left behind."""

from __future__ import annotations

import gc
import importlib
import linecache
import logging
import sys
import traceback
import weakref
from pathlib import Path

import pytest

from loligo.host.finder import NAMESPACE, TentacleFinder, import_tree, installed_finder, modules_of

FOLDER = Path("nowhere/rsi")


def test_relative_imports_of_submodules_and_subpackages_work() -> None:
    files = {
        "__init__.py": b"from .logic import VALUE\nfrom .parts import deep",
        "logic.py": b"from .parts.deep import BASE\nVALUE = BASE + 1",
        "parts/__init__.py": b"",
        "parts/deep.py": b"BASE = 41",
    }
    module = import_tree(f"{NAMESPACE}.evaluator_sub__1", files, FOLDER)
    assert module.VALUE == 42
    assert module.deep.__name__ == f"{NAMESPACE}.evaluator_sub__1.parts.deep"


def test_file_names_the_place_the_bytes_came_from() -> None:
    files = {"__init__.py": b"from . import logic", "logic.py": b""}
    module = import_tree(f"{NAMESPACE}.evaluator_place__1", files, FOLDER)
    assert Path(module.__file__ or "") == FOLDER / "__init__.py"
    assert Path(module.logic.__file__) == FOLDER / "logic.py"


def test_two_versions_live_side_by_side() -> None:
    old = import_tree(f"{NAMESPACE}.evaluator_two__1", {"__init__.py": b"class A:\n    version = 1"}, FOLDER)
    new = import_tree(f"{NAMESPACE}.evaluator_two__2", {"__init__.py": b"class A:\n    version = 2"}, FOLDER)
    assert (old.A.version, new.A.version) == (1, 2)
    assert old.A is not new.A


def test_the_same_version_is_imported_once_and_anew_from_another_folder() -> None:
    name, files = f"{NAMESPACE}.evaluator_once__1", {"__init__.py": b""}
    first = import_tree(name, files, FOLDER)
    assert import_tree(name, files, FOLDER) is first
    moved = import_tree(name, files, Path("elsewhere/rsi"))
    assert Path(moved.__file__ or "") == Path("elsewhere/rsi/__init__.py")


def test_a_failing_import_leaves_no_module_behind() -> None:
    files = {"__init__.py": b"from . import fine\nraise RuntimeError('broken')", "fine.py": b""}
    with pytest.raises(RuntimeError, match="broken"):
        import_tree(f"{NAMESPACE}.evaluator_broken__1", files, FOLDER)
    assert [name for name in sys.modules if "evaluator_broken" in name] == []


def test_forgotten_packages_cannot_be_imported_and_unknown_modules_are_not_found() -> None:
    name = f"{NAMESPACE}.evaluator_gone__1"
    import_tree(name, {"__init__.py": b""}, FOLDER)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name + ".missing")
    installed_finder().forget(name)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)
    assert not hasattr(sys.modules[NAMESPACE], "evaluator_gone__1")


def test_there_is_one_finder_and_it_leaves_other_imports_alone() -> None:
    assert installed_finder() is installed_finder()
    assert sum(isinstance(finder, TentacleFinder) for finder in sys.meta_path) == 1
    assert installed_finder().find_spec("json", None) is None


def test_a_code_object_is_run_instead_of_the_source() -> None:
    code = {"__init__.py": compile("VALUE = 2", "made elsewhere", "exec")}
    assert import_tree(f"{NAMESPACE}.evaluator_code__1", {"__init__.py": b"VALUE = 1"}, FOLDER, code).VALUE == 2


def test_tests_that_a_tentacle_brings_are_no_modules_of_it() -> None:
    names = ("__init__.py", "logic.py", "contest.py", "test_logic.py", "tests/__init__.py", "tests/a.py", "conftest.py")
    assert sorted(modules_of(dict.fromkeys(names, b""))) == ["__init__.py", "contest.py", "logic.py"]


def test_a_traceback_shows_the_lines_of_a_tentacle_that_lies_nowhere() -> None:
    files = {"__init__.py": b"from .logic import fail", "logic.py": "def fail():\n    1 / 0  # \u00fc".encode()}
    module = import_tree(f"{NAMESPACE}.evaluator_lines__1", files, FOLDER)
    with pytest.raises(ZeroDivisionError) as failure:
        module.fail()
    shown = "".join(traceback.format_exception(failure.value))
    assert f'File "{FOLDER / "logic.py"}", line 2, in fail\n    1 / 0  # \u00fc' in shown
    installed_finder().forget(module.__name__)
    assert str(FOLDER / "logic.py") not in linecache.cache


HOLDS_ON = b"""
import dataclasses, logging, typing
from pydantic import BaseModel
import msgspec

log = logging.getLogger(__name__)
deep = logging.getLogger(__name__ + ".deep.down")

class Made: ...
class Settings(BaseModel):
    own: typing.Optional[list[int]] = None
class Message(msgspec.Struct):
    own: typing.List[int]
@dataclasses.dataclass
class Row:
    own: int = 0
ALIAS = typing.List[Made]
UNION = typing.Union[Made, Row, None]
"""


def test_nothing_keeps_the_classes_of_a_forgotten_version_alive() -> None:
    name = f"{NAMESPACE}.evaluator_holds__1"
    module = import_tree(name, {"__init__.py": HOLDS_ON}, FOLDER)
    classes = [weakref.ref(getattr(module, each)) for each in ("Made", "Settings", "Message", "Row")]
    assert name in logging.Logger.manager.loggerDict
    del module
    installed_finder().forget(name)
    gc.collect()
    assert [ref() for ref in classes] == [None] * 4
    assert [known for known in logging.Logger.manager.loggerDict if "evaluator_holds" in known] == []
    assert isinstance(logging.Logger.manager.loggerDict[NAMESPACE], logging.Logger)


def test_data_beside_a_module_is_read_as_python_has_it(tmp_path: Path) -> None:
    source = b"import importlib.resources, pkgutil\n"
    source += b"SAID = importlib.resources.files(__name__).joinpath('words', 'salt.txt').read_text()\n"
    source += b"AGAIN = pkgutil.get_data(__name__, 'words/salt.txt')\n"
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "salt.txt").write_text("salt")
    module = import_tree(f"{NAMESPACE}.evaluator_data__1", {"__init__.py": source}, tmp_path)
    assert (module.SAID, module.AGAIN) == ("salt", b"salt")
