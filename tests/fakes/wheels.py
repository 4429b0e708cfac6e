"""Distributions that bring tentacles: real wheels, built and installed by pip without a network.

Their top-level package raises when it is imported, so that whoever runs it is found out.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"

[project.entry-points."loligo.tentacles"]
{points}

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
_OFFLINE = ("--no-index", "--no-deps")
NOT_TO_BE_IMPORTED = 'raise RuntimeError("the package of a distribution was imported")\n'


def write_project(root: Path, name: str, version: str, points: Mapping[str, str]) -> Path:
    """Write a project whose package has the distribution's name; tentacles go below the package that is returned."""
    package = root / name.replace("-", "_")
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(NOT_TO_BE_IMPORTED)
    lines = "\n".join(f'{point} = "{value}"' for point, value in points.items())
    (root / "pyproject.toml").write_text(
        _PROJECT.format(name=name, version=version, points=lines, package=package.name)
    )
    return package


def build_wheel(root: Path) -> Path:
    """Return the wheel of a project."""
    _run(*_PIP, "wheel", *_OFFLINE, "--no-build-isolation", "--wheel-dir", str(root / "dist"), str(root))
    return max((root / "dist").glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)


def make_site(root: Path) -> Path:
    """Make an environment without anything in it and return where pip installs into it."""
    venv.create(root, with_pip=False)
    (site,) = root.glob("lib/python*/site-packages")
    return site


def pip_install(environment: Path, wheel: Path) -> None:
    """Install a wheel into an environment, instead of the version that is there."""
    _run(*_PIP, "--python", str(environment), "install", *_OFFLINE, "--upgrade", str(wheel))


def write_installed(
    site: Path, name: str, version: str, points: Mapping[str, str], *files: str, direct_url: str = "{}"
) -> None:
    """Write what an installer leaves of a distribution, with these files on record."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = "".join(f"{point} = {value}\n" for point, value in points.items())
    (folder / "entry_points.txt").write_text(f"[loligo.tentacles]\n{lines}")
    (folder / "direct_url.json").write_text(direct_url)
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
