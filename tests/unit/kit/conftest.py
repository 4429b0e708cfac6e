"""Edges that sources are tried against: a web server and a git repository on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.package_server import PackageServer, package_server


@pytest.fixture
def server() -> Iterator[PackageServer]:
    with package_server() as running:
        yield running


class Repository:
    """A git repository with one branch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main", ".")

    def git(self, *arguments: str, given: str = "") -> str:
        """Return what git prints."""
        who = {
            f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"], **who}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=alone, input=given, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, bytes]) -> str:
        """Write and commit files; return the commit."""
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)
        self.git("add", "--all")
        return self.commit_index()

    def commit_index(self) -> str:
        """Commit what is staged; return the commit."""
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD")

    def source(self, commit: str, folder: str = "") -> str:
        """Return how a person names a commit of this repository."""
        return f"git+file://{self.folder}@{commit}" + (f"#subdirectory={folder}" if folder else "")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    return Repository(tmp_path / "repository")
