"""The lint: each use is named with its line, and with the permission, package or other way that it needs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.manifest import read_manifest
from loligo_verifier.lint import NEEDS, NEVER, lint
from tests.fakes.tentacle_folder import manifest_text


def linted(code: str, *, path: str = "logic.py", **manifest: str) -> tuple[list[str], list[str]]:
    text = manifest_text("feed", "news", **manifest).encode()
    return lint({path: ast.parse(code)}, read_manifest(Path("news"), {"tentacle.toml": text, "__init__.py": b""}))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import socket", 'socket needs the permission "net:HOST"'),
        ("from urllib import request", 'urllib.request needs the permission "net:HOST"'),
        ("import urllib.request as ask", 'urllib.request needs the permission "net:HOST"'),
        (
            "import asyncio\nasync def f(): await asyncio.open_connection('a', 1)",
            "line 2: asyncio.open_connection needs",
        ),
        ("def f():\n    import subprocess", 'line 2: subprocess needs the permission "process"'),
        ("import os as o\no.environ.get('X')", 'line 2: os.environ needs the permission "environment"'),
        ("from os import getenv as g", 'os.getenv needs the permission "environment"'),
        ("import ctypes.util", 'ctypes needs the permission "native"'),
        ("from concurrent import futures\nfutures.ThreadPoolExecutor()", 'needs the permission "threads"'),
        ("open('x')", 'open needs the permission "files"'),
        ("import importlib", "importlib hides what it imports; import it by name"),
        ("import pkgutil\npkgutil.walk_packages()", "pkgutil.walk_packages hides what it imports; import it by name"),
        ("from pkgutil import get_loader", "pkgutil.get_loader reaches into the bot's imports"),
        ("__import__('socket')", "__import__ hides what it imports"),
        ("eval('1')", "eval runs code that nobody could read before"),
        ("import sys\nsys.modules['x']", "line 2: sys.modules reaches into the bot's imports"),
        ("from loligo.engine import engine", "loligo is not for tentacles; use loligo.api"),
        ("import loligo_store", "loligo_store is not for tentacles; use loligo.api"),
        ("from tentacles.evaluators import rsi", "tentacles is another tentacle"),
        ("from .. import other", "the import reaches outside of the tentacle's own folder"),
        ("from os import *", "imports os.*, which hides what is used; name it"),
        ("import scipy.stats", "imports scipy, which requires.python of tentacle.toml does not name"),
        ("import numpy", "imports numpy, which requires.python of tentacle.toml does not name"),
    ],
)
def test_a_use_that_the_manifest_does_not_cover_is_named_with_its_place(code: str, said: str) -> None:
    with pytest.raises(TentacleError) as refusal:
        linted(code)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("logic.py, line ")


@pytest.mark.parametrize(
    "code",
    [
        "import json, math, asyncio, urllib.parse, importlib.metadata",
        "import importlib.resources, pkgutil\nimportlib.resources.files(__name__)\npkgutil.get_data(__name__, 'x.txt')",
        "from loligo import api\nfrom loligo.api import Candle\nfrom pydantic import Field\nfrom .logic import x",
        "def f(candle):\n    open, high = candle.open, candle.high\n    return open < high",
        "from re import compile\ncompile('x')",
    ],
)
def test_what_every_tentacle_may_use_passes(code: str) -> None:
    assert linted(code)[1] == []


def test_what_the_manifest_names_passes_and_is_reported() -> None:
    code = "import socket, numpy\nfrom os import environ"
    found = linted(code, permissions='["net:example.org", "environment"]', requires='{ python = ["NumPy>=1"] }')
    assert found == (["numpy", "os", "socket"], ["environment", "net"])


def test_a_module_in_a_subfolder_may_import_from_above_it_but_not_from_above_the_tentacle() -> None:
    assert linted("from .. import logic", path="parts/deep.py") == ([], [])
    with pytest.raises(TentacleError, match=r"^parts/deep\.py, line 1: the import reaches outside"):
        linted("from ... import logic", path="parts/deep.py")


def test_many_faults_are_counted_and_each_is_said_once() -> None:
    code = "import os\n" + "\n".join(["os.environ.get('x')"] * 7)
    with pytest.raises(TentacleError) as refusal:
        linted(code)
    assert str(refusal.value).count("os.environ") == 5  # one for each of the first lines
    assert str(refusal.value).endswith("; and 2 more")


def test_no_name_is_both_a_matter_of_permission_and_never_allowed() -> None:
    assert NEEDS.keys() & NEVER.keys() == set()
