"""Packages of tentacles as their authors publish them: an evaluator in versions, as files, a zip or a git commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from loligo_kit.pack import pack_files
from tests.fakes.tentacle_folder import manifest_text
from tests.fakes.tentacle_version import EVALUATOR


def package(version: str = "1.0.0", *, name: str = "drift", code: str = "", **manifest: str) -> dict[str, bytes]:
    """Return the files of a version; `code` follows that of the tentacle, `manifest` as in `manifest_text`."""
    text = manifest_text("evaluator", name, version=f'"{version}"', **manifest)
    return {"__init__.py": (EVALUATOR + code).encode(), "tentacle.toml": text.encode()}


def archive(version: str = "1.0.0", *, name: str = "drift", code: str = "", **manifest: str) -> bytes:
    """Return the same as a zip."""
    return pack_files(package(version, name=name, code=code, **manifest))


def commit(repository: Path, files: dict[str, bytes]) -> str:
    """Commit files to a repository, made if it is not there, and return the hash."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    who = {f"GIT_{role}_{part}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository), *arguments]
        done = subprocess.run(command, env={**clean, **who}, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    repository.mkdir(exist_ok=True)
    if not (repository / ".git").exists():
        git("init", "--quiet")
        git("config", "uploadpack.allowAnySHA1InWant", "true")
    for path, content in files.items():
        (repository / path).write_bytes(content)
    git("add", ".")
    git("commit", "--quiet", "-m", "a version")
    return git("rev-parse", "HEAD")
