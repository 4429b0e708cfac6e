"""What tests need of the system, from its package manager where root runs them. Run as a module it brings all ahead."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = (
    "chromium-headless-shell",
    "fonts-dejavu-core",
)  # the browser without a window: a new page costs it a quarter
POSTGRESQL = ("postgresql",)
LIMIT_S = 600.0


def install(*packages: str) -> str:
    """Install packages; return what speaks against it, "" when nothing does. Processes take turns."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"run apt-get install {' '.join(packages)}, then the tests again"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Path(tempfile.gettempdir(), "loligo-packages").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            command = ["apt-get", "-o", f"DPkg::Lock::Timeout={LIMIT_S:.0f}", *arguments]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    return f"apt-get {arguments[0]} failed: {done.stderr.strip()}" if done.returncode else ""


if __name__ == "__main__":
    for packages in (CHROMIUM, POSTGRESQL):
        print(install(*packages))  # whoever lacks it tries again, and fails
