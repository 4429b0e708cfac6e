"""`loligo init`: a new bot folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loligo_bot.cli.output import Shell

FOLDERS = {"state": 0o700, "data": 0o755, "logs": 0o700, "reports": 0o755}
GITIGNORE = """\
/state/
/data/
/logs/
/reports/
/backups/
/.env
/vault.json
__pycache__/
.*.previous
.*.lock
"""
ENV_EXAMPLE = """\
# Copy this file to .env (mode 0600; git ignores it). It stands above config/loligo.yaml and below the environment.
# Any setting can be given here as LOLIGO__SECTION__KEY; a secret better as ..._FILE with the path of a file,
# or in the vault: loligo vault set interfaces.telegram.token
#LOLIGO__LOG__LEVEL=debug
#LOLIGO__DESKS__TREND__CAPITAL=20000
#LOLIGO__JOURNAL__URL_FILE=/run/secrets/journal_url
"""


def init(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="The folder to make or to complete.")],
    force: Annotated[bool, typer.Option("--force", help="Also in a folder with other things in it.")] = False,
) -> None:
    """Make a bot folder with configuration, profiles and registry. Files that are there already stay as they are."""
    from loligo.errors import ConfigError
    from loligo.host import bundled_root

    shell: Shell = context.obj
    is_bot = (directory / "config" / "loligo.yaml").exists()
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"{directory}: expected a folder, this is a file")
    if directory.is_dir() and any(directory.iterdir()) and not is_bot and not force:
        raise ConfigError(f"{directory}: not empty and not a bot folder; choose another, or use --force")
    written, kept = fill(directory, bundled_root())
    data = {"ok": True, "home": str(directory.resolve()), "written": written, "kept": kept}
    shell.result(data, lambda console: console.print(_next_steps(directory, written, kept), markup=False))


def fill(directory: Path, bundled: Path) -> tuple[list[str], list[str]]:
    """Write what a bot folder needs and return the names of files written, and of those that were there already."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, mode in FOLDERS.items():
        (directory / name).mkdir(mode=mode, exist_ok=True)
    sources = [path for path in sorted((bundled / "config").rglob("*")) if path.suffix in (".yaml", ".yml", ".json")]
    files = {path.relative_to(bundled).as_posix(): path.read_bytes() for path in sources}
    registry = bundled / "tentacle_registry.json"
    if registry.exists():
        files[registry.name] = registry.read_bytes()
    files |= {".gitignore": GITIGNORE.encode(), ".env.example": ENV_EXAMPLE.encode()}
    written, kept = [], []
    for name, content in files.items():
        path = directory / name
        if path.exists():
            kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(name)
    return written, kept


def _next_steps(directory: Path, written: list[str], kept: list[str]) -> str:
    lines = [f"{directory}: {len(written)} files written" + (f", {len(kept)} kept as they were" if kept else "")]
    lines += [
        "",
        "What to do next:",
        f"  loligo run --home {directory}             two paper desks over bundled real candles",
        f"  loligo config check --home {directory}    after each change of {directory}/config/loligo.yaml",
        f"  loligo tentacle list --home {directory}   what there is to trade with",
    ]
    return "\n".join(lines)


VERBS = (init,)
