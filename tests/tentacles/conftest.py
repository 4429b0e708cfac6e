"""Loads a tentacle from its folder, under a private module name, as the host will: no host needed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TENTACLES = Path(__file__).resolve().parents[2] / "tentacles"


def load_tentacle(path: str) -> ModuleType:
    """Return the package of a bundled tentacle, such as "evaluators/rsi"; the same module on every call.

    Its logic module is an attribute of it: `load_tentacle("evaluators/rsi").logic`. FileNotFoundError when there is
    no such tentacle.
    """
    folder = TENTACLES / path
    name = "_tentacle_under_test_" + path.replace("/", "_").replace("-", "_")
    if name in sys.modules:
        return sys.modules[name]
    if not (folder / "__init__.py").is_file():
        raise FileNotFoundError(f"{folder}: no __init__.py; expected the folder of a tentacle")
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@pytest.fixture(name="load_tentacle", scope="session")
def load_tentacle_fixture() -> Callable[[str], ModuleType]:
    return load_tentacle
