"""Scaffolds of every kind: typed, tested, judged well, and nothing written when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.host.verifier import TentacleVersion, Verifier
from loligo.registry.manifest import SETTINGS_FILE, read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import read_tree, tree_hash
from loligo_kit.scaffold import scaffold, template_kinds
from loligo_verifier.client import ProcessVerifier

ROOT = Path(__file__).resolve().parents[3]
KINDS = (
    *("evaluator", "strategy", "trading_mode", "risk_rule"),
    *("feed", "venue", "interface", "notifier", "automation"),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("bot")
    return {kind: scaffold(home, kind, f"my_{kind}", author="Ada")[0] for kind in KINDS}


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    found = ProcessVerifier()
    yield found
    found.close()


def run(*arguments: str | Path) -> None:
    """Run a module of Python away from this repository, and see it succeed."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "core")}
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_template_of_every_kind_that_the_bot_runs() -> None:
    assert template_kinds() == KINDS


def test_their_own_tests_pass(folders: dict[str, Path]) -> None:
    run("pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *folders.values())


def test_they_are_typed_strictly(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text("from loligo.api.chat import Responder\nfrom loligo.api.notify import Post\n")
    run("mypy", "--strict", f"--cache-dir={tmp_path}", *folders.values(), tmp_path / "more.py")


@pytest.mark.parametrize("kind", KINDS)
def test_the_verifier_lets_them_pass_with_the_schema_that_was_generated(
    kind: str, folders: dict[str, Path], verifier: Verifier
) -> None:
    folder = folders[kind]
    files = read_tree(folder)
    manifest = read_manifest(folder, files)
    entry = RegistryEntry.model_validate({"name": f"my_{kind}", "kind": kind, "version": "0.1.0", "path": "x"})
    version = TentacleVersion(entry=entry, manifest=manifest, tree_hash=tree_hash(files), folder=folder, files=files)
    found = verifier.verify(version).findings
    assert (found.hooks, found.not_made, found.permissions) == ([kind], "", [])
    assert found.settings_schema == files[SETTINGS_FILE].decode()
    assert manifest.author == "Ada"


def test_no_file_speaks_of_the_sample_any_more(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        assert not [path for path, content in read_tree(folder).items() if b"sample" in content.lower() + path.encode()]


@pytest.mark.parametrize(
    ("kind", "name", "author", "said"),
    [
        ("evaluater", "x", "A", r'"evaluater": expected one of evaluator, .*did you mean "evaluator"'),
        ("feed", "My-Feed", "A", 'name "My-Feed": expected small letters'),
        ("feed", "x", 'A "B" C', r"x/tentacle\.toml: not valid TOML"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    tmp_path: Path, kind: str, name: str, author: str, said: str
) -> None:
    with pytest.raises(TentacleError, match=said):
        scaffold(tmp_path, kind, name, author=author)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    with pytest.raises(TentacleError, match="is there already; choose another name"):
        scaffold(tmp_path, "feed", "x", folder=tmp_path / "feed")
    assert not list((tmp_path / "feed").iterdir())
