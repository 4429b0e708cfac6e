"""A real browser for tests: the system's Chromium, installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

INSTALL_TIMEOUT_S = 600.0
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class ChromiumMissing(Exception):
    """There is no browser, and none can be installed."""


@cache
def chromium() -> str:
    """Return the program's path. ChromiumMissing says what to do."""
    found = _found()
    if found:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ChromiumMissing("Chromium is not installed: run apt-get install chromium, then the tests again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ("chromium", "fonts-dejavu-core")
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", *arguments], env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
        if done.returncode != 0:
            raise ChromiumMissing(f"Chromium is not installed, apt-get {arguments[0]} failed: {done.stderr.strip()}")
    return _found() or _lost()


def _found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _lost() -> str:
    raise ChromiumMissing(f"Chromium was installed, but none of {', '.join(NAMES)} is on the path")
