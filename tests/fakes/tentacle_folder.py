"""Writes small tentacles and their registry into a folder, for tests of what finds and loads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loligo.registry.manifest import KIND_FOLDERS
from loligo_kit.discovery import refresh

HOOK = """
from loligo.api import Factory, Stateless, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    period: int = 14

class Made(tuple, Stateless):
    tier = "position"
    on_external = decide = on_signal = check = submit = cancel = run = notify = on_record = lambda self: None

@hookimpl
def {kind}() -> Factory:
    return Factory(settings=Settings, create=lambda settings, context: Made(("{name}", settings.period)))
"""


def manifest_text(kind: str, name: str, /, **changes: str) -> str:
    """Return a valid tentacle.toml; `changes` are values as TOML text, "" leaves a key out."""
    values = {
        "name": f'"{name}"',
        "kind": f'"{kind}"',
        "version": '"1.0.0"',
        "api": '">=1.0,<2"',
        "summary": '"A test."',
        "author": '"Test"',
        "licence": '"Apache-2.0"',
    } | changes
    return "".join(f"{key} = {value}\n" for key, value in values.items() if value)


def write_tentacle(
    root: Path,
    kind: str,
    name: str,
    *,
    body: str = "",
    code: str | None = None,
    files: Mapping[str, str] | None = None,
    manifest: Mapping[str, str] | None = None,
) -> Path:
    """Write a tentacle that works and return its folder; `body` follows its code, `code` replaces it.

    `manifest` are changes of its manifest, as in `manifest_text`.
    """
    folder = root / "tentacles" / KIND_FOLDERS[kind] / name  # type: ignore[index]
    folder.mkdir(parents=True)
    (folder / "tentacle.toml").write_text(manifest_text(kind, name, **(manifest or {})))
    (folder / "__init__.py").write_text((HOOK.format(kind=kind, name=name) if code is None else code) + body)
    for path, content in (files or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def write_registry(root: Path) -> Path:
    """List every tentacle below `root` in its registry file and return the file."""
    path = root / "tentacle_registry.json"
    found = refresh(path)
    assert not found.faults, found.faults
    return path
