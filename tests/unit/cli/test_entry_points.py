"""Verbs of other packages: loaded when used, and one that is broken breaks nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import typer

def greet(context: typer.Context, name: str) -> int:
    \"\"\"Greet somebody.\"\"\"
    context.obj.result({"ok": True, "hello": name}, lambda console: console.print(f"hello {name}"))
    return 4

group = typer.Typer(help="Verbs of a stranger.")

@group.command()
def one() -> None:
    print("one")

@group.command()
def two() -> None:
    print("two")
"""
POINTS = """
[loligo.commands]
stranger = stranger:group
tentacle.greet = stranger:greet
broken = no_such_module:verb
tentacle.broken = stranger:no_such_verb
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed package that adds verbs."""
    (tmp_path / "stranger.py").write_text(CODE)
    metadata = tmp_path / "stranger-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    return tmp_path


def loligo(site: Path, *arguments: str, report: str = "pass") -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; from loligo_bot.cli.command_line import run; code = run(sys.argv[1:]); {report}; sys.exit(code)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{site}:{ROOT / 'core'}"}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, cwd=site, capture_output=True, text=True, timeout=60)


def test_a_verb_joins_a_group_of_ours_and_its_exit_code_counts(site: Path) -> None:
    done = loligo(site, "tentacle", "greet", "Ada", "--json")
    assert (done.returncode, done.stdout) == (4, '{"ok": true, "hello": "Ada"}\n')


def test_a_group_of_verbs_stands_beside_ours(site: Path) -> None:
    assert loligo(site, "stranger", "two").stdout == "two\n"


@pytest.mark.parametrize("verb", [("broken",), ("tentacle", "broken")])
def test_a_broken_one_says_so_when_it_is_used(site: Path, verb: tuple[str, ...]) -> None:
    done = loligo(site, *verb)
    assert done.returncode == 1
    assert f"loligo: {'.'.join(verb)} (" in done.stderr and "install stranger again" in done.stderr


def test_help_lists_all_and_marks_the_broken_ones(site: Path) -> None:
    done = loligo(site, "tentacle", "--help")
    assert done.returncode == 0
    assert "Greet somebody." in done.stdout and "Broken: tentacle.broken" in done.stdout


def test_what_is_not_used_is_not_loaded(site: Path) -> None:
    report = "print([name for name in ('stranger', 'loligo_kit', 'loligo_lab') if name in sys.modules])"
    assert loligo(site, "status", report=report).stdout == "[]\n"
