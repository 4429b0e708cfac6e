"""A real browser for tests: the system's Chromium, installed where that is possible; any that is there, else."""

from __future__ import annotations

import shutil
from functools import cache

from tests.fakes.system_packages import CHROMIUM, install

SHELL = CHROMIUM[0]
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
    for packages in (CHROMIUM, ("chromium", "fonts-dejavu-core")):  # not every distribution has the first
        failed = install(*packages)
        if _found() is not None:
            break
    return failed


def _found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)
