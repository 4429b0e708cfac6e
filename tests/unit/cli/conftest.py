"""Calls the command line in this process, as `loligo` does, and gives back exit code and output."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from loligo import log
from loligo_bot.cli.command_line import run


@dataclass(frozen=True, slots=True)
class Called:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Called]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    for name in ("LOLIGO_HOME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def do(*arguments: str | Path) -> Called:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Called(int(code), captured.out, captured.err)

    yield do
    log.configure(stream=io.StringIO())
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def bot(tmp_path: Path, call: Call) -> Path:
    """A new bot folder."""
    assert call("init", tmp_path / "bot").code == 0
    return tmp_path / "bot"
