""" "A tentacle in ten minutes" of tentacles/README.md, word by word: its blocks, in their order, in one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from loligo.model.events import Evaluated
from loligo_bot.cli.control_client import ask
from tests.scenario.bots import BotFolder, ended

ROOT = Path(__file__).resolve().parents[2]
SECTION, NEXT = "## A tentacle in ten minutes", "## Bronze, silver, gold"  # a README in it has headings, too
SHIM = '#!/bin/sh\nexec "{python}" -c "from loligo_bot.cli import main; main()" "$@"\n'
LIMIT_S = 240
QUICK = {"LOLIGO__SWAP__SHADOW_INPUTS": "5", "LOLIGO__SWAP__PROBATION_INPUTS": "5"}


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
    paths = {
        "PATH": os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "core"),
    }
    environment = clean | paths | QUICK
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


def test_what_the_readme_made_lives_in_another_running_bot_until_it_is_removed(
    followed: tuple[Path, str], template: BotFolder, tmp_path: Path
) -> None:
    author, bot = BotFolder(followed[0]), template.copy(tmp_path / "second", **QUICK)
    desk = {"tentacle": "balance_of_power"}
    tentacle(bot, "install", str(author.home / "balance_of_power-0.1.0.zip"))
    bot.edit(lambda config: config["desks"]["trend"]["evaluators"].append(desk))
    with bot.running("run", "--headless", "--speed", "36000") as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        assert runs(bot) == "0.1.0"
        swapped(tentacle(bot, "off", "balance_of_power", "--force"))
        assert runs(bot) == ""
        swapped(tentacle(bot, "on", "balance_of_power"))
        swapped(tentacle(bot, "update", "balance_of_power", str(second_version(author))))
        assert runs(bot) == "0.2.0"
        swapped(tentacle(bot, "rollback", "balance_of_power"))
        assert runs(bot) == "0.1.0"
        bot.edit(lambda config: config["desks"]["trend"]["evaluators"].remove(desk))
        swapped({"running_bot": tentacle(bot, "apply")})
        swapped(tentacle(bot, "remove", "balance_of_power"))
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    assert not [row for row in listed(bot) if row["name"] == "balance_of_power"]
    events = [event for record in bot.records() for event in record.events if isinstance(event, Evaluated)]
    said = [event.evaluation.code for event in events if event.evaluator.startswith("balance_of_power")]
    assert [code for place, code in enumerate(said) if said[place - 1 : place] != [code]] == [
        "balance",
        "power",
        "balance",
    ]


def tentacle(bot: BotFolder, *arguments: str) -> dict[str, Any]:
    done = bot.call("tentacle", *arguments)
    assert done.code == 0, done.out + done.err
    return done.data


def swapped(answer: dict[str, Any]) -> None:
    """See that the running bot took it up without a restart."""
    assert answer["running_bot"]["swap"]["result"] == "good", answer


def listed(bot: BotFolder) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tentacle(bot, "list", "--kind", "evaluator")["tentacles"]
    return rows


def runs(bot: BotFolder) -> str:
    """Return the version that is on, once the running bot has it; "" for none."""
    row = next(row for row in listed(bot) if row["name"] == "balance_of_power")
    assert row["runs"] == (row["hash12"] if row["state"] == "loaded" else ""), row
    return str(row["version"]) if row["state"] == "loaded" else ""


def second_version(author: BotFolder) -> Path:
    """Return the package of a version that says another word."""
    folder = author.home / "tentacles" / "evaluators" / "balance_of_power"
    for file, old, new in (("tentacle.toml", '"0.1.0"', '"0.2.0"'), ("logic.py", '"balance", (', '"power", (')):
        content = (folder / file).read_text()
        assert old in content
        (folder / file).write_text(content.replace(old, new))
    tentacle(author, "pack", str(folder), "--output", str(author.home / "second.zip"))
    return author.home / "second.zip"
