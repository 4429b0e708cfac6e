""" "A tentacle in ten minutes" of tentacles/README.md, word by word: its blocks, in their order, in one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTION, NEXT = "## A tentacle in ten minutes", "## Bronze, silver, gold"  # a README in it has headings, too
SHIM = '#!/bin/sh\nexec "{python}" -c "from loligo_bot.cli import main; main()" "$@"\n'
LIMIT_S = 240


def script() -> str:
    """Return the section's blocks as one script: commands as they are, files written where their first line says."""
    text = (ROOT / "tentacles" / "README.md").read_text()
    section = text[text.index(SECTION) : text.index(NEXT)]
    lines = ["set -e"]
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        if language == "python":
            name, _, code = body.removeprefix("# ").partition("\n")
            body = f"cat > {name} <<'END_OF_FILE'\n{code}END_OF_FILE\n"
        lines.append(body)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The bot folder after all of it, and what was printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    commands = folder / "bin"
    commands.mkdir()
    (commands / "loligo").write_text(SHIM.format(python=sys.executable))
    (commands / "loligo").chmod(0o755)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LOLIGO")}
    quick = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "5"}
    paths = {
        "PATH": os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "core"),
    }
    environment = clean | paths | {f"LOLIGO__SWAP__{name}": value for name, value in quick.items()}
    with (folder / "said").open("w") as said:
        done = subprocess.run(
            ["bash", "-c", script()],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
        )
    printed = (folder / "said").read_text()
    assert done.returncode == 0, printed
    return folder / "my-bot", printed


def test_every_command_succeeds_and_the_tentacle_is_gold(followed: tuple[Path, str]) -> None:
    _, said = followed
    assert "\ngold: " in said
    assert "3 passed" in said


def test_the_saved_edit_runs_in_the_bot_and_the_switches_are_in_its_history(followed: tuple[Path, str]) -> None:
    _, said = followed
    assert re.search(r"^verified  in \d+ ms$", said, re.MULTILINE)
    assert re.search(r"^live      generation \d+, shadow, flip and probation in \d+ ms$", said, re.MULTILINE), said
    assert "evaluator/balance_of_power was saved" in said


def test_what_is_packed_is_the_tentacle_as_it_was_left(followed: tuple[Path, str]) -> None:
    home, _ = followed
    with zipfile.ZipFile(home / "balance_of_power-0.1.0.zip") as package:
        assert b'"balance", (power, span)' in package.read("logic.py")
