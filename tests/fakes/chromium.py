"""A real browser for tests: the system's Chromium, installed where that is possible; any that is there, else."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

INSTALL_TIMEOUT_S = 600.0
SHELL = "chromium-headless-shell"  # the same engine without a window to draw: a new page costs it a quarter
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class ChromiumMissing(Exception):
    """There is no browser, and none can be installed."""


@cache
def chromium() -> str:
    """Return the program's path. ChromiumMissing says what to do."""
    if (shell := shutil.which(SHELL)) is not None:
        return shell
    failed = _installed()
    found = _found()
    if found is None:
        raise ChromiumMissing(f"Chromium is not there: {failed or f'{SHELL} was installed and is not on the path'}")
    return found


def _installed() -> str:
    """Install what is wanted from the system's packages; return what speaks against it."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"run apt-get install {SHELL}, then the tests again"
    _apt("update")  # what it lacks, the next one says
    for package in (SHELL, "chromium"):  # not every distribution has the first
        failed = _apt("install", "-y", "--no-install-recommends", package, "fonts-dejavu-core")
        if _found() is not None:
            break
    return failed


def _apt(*arguments: str) -> str:
    """Return how it failed, "" when it did not."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", *arguments], env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
    )
    return f"apt-get {arguments[0]} failed: {done.stderr.strip()}" if done.returncode else ""


def _found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)
