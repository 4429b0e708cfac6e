"""Global options, exit codes, and what must not be loaded for --help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loligo import __version__
from loligo.errors import AlreadyRunning, ConfigError, JournalCorrupt, LoligoError, NotRunning, VenueError
from loligo_bot.cli.command_line import hoisted
from loligo_bot.cli.outcome import ExitCode, NothingToDo, RiskInForce, exit_code_of

from .conftest import Call

HEAVY = ("numpy", "sqlalchemy", "pyarrow", "pydantic", "structlog", "ruamel.yaml", "asyncio")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LoligoError("x"), 1),
        (AlreadyRunning("x"), 1),
        (JournalCorrupt("x"), 1),
        (ConfigError("x"), 3),
        (NotRunning("x"), 4),
        (NothingToDo("x"), 4),
        (VenueError("x"), 5),
        (TimeoutError("x"), 5),
        (PermissionError("x"), 6),
        (RiskInForce("x"), 7),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code_of(error) == code


def test_fault_of_the_program_has_no_exit_code_and_is_raised() -> None:
    assert exit_code_of(ZeroDivisionError()) is None


def test_global_options_may_stand_anywhere_before_two_dashes() -> None:
    given = ["tentacle", "list", "--json", "--home", "bot", "-q", "--", "--json"]
    assert hoisted(given) == ["--json", "--home", "bot", "-q", "tentacle", "list", "--", "--json"]


def test_help_is_answered_without_loading_anything_heavy() -> None:
    program = (
        "import sys\n"
        "from loligo_bot.cli.command_line import run\n"
        "code = run(['--help'])\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded else code)\n"
    )
    path = ":".join(entry for entry in sys.path if entry)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": path}
    )
    assert ended.returncode == 0, ended.stderr
    for verb in ("init", "run", "backtest", "why", "journal", "status", "stop", "panic", "tentacle", "config"):
        assert f" {verb} " in ended.stdout


def test_unknown_verb_is_a_usage_error(call: Call) -> None:
    called = call("strat")
    assert called.code == ExitCode.USAGE
    assert "No such command" in called.err


def test_usage_error_with_json_is_one_object_too(call: Call) -> None:
    called = call("panic", "--level", "x", "--json")
    assert called.code == ExitCode.USAGE
    assert called.json["error"]["exit_code"] == 2
    assert "no-entries, cancel-orders, flatten" in called.json["error"]["message"]


def test_version_is_printed(call: Call) -> None:
    assert call("--version").out == f"loligo {__version__}\n"


def test_home_comes_from_the_environment_where_no_option_says_otherwise(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOLIGO_HOME", str(tmp_path / "one"))
    assert f"{tmp_path / 'one'}:" in call("status").err
    assert f"{tmp_path / 'two'}:" in call("status", "--home", tmp_path / "two").err
