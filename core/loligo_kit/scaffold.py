"""Makes the folder of a new tentacle from a template: typed code that works, a manifest, a README and a test.

A template is a tentacle itself, called `sample`, checked as all our code is; only names are put in. The settings'
schema is generated from its class.
"""

from __future__ import annotations

import re
import shutil
from importlib import import_module
from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.faults import did_you_mean
from loligo.registry.manifest import KIND_FOLDERS, MANIFEST_FILE, SETTINGS_FILE, read_manifest, settings_text

_TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def template_kinds() -> tuple[str, ...]:
    """Return the kinds that there is a template of."""
    return tuple(kind for kind in KIND_FOLDERS if (_TEMPLATES / kind).is_dir())


def scaffold(
    home: Path, kind: str, name: str, *, folder: Path | None = None, author: str = "You"
) -> tuple[Path, list[str]]:
    """Write a new tentacle into `folder`, or into its place in the bot folder; return the folder and its files.

    TentacleError when there is no template of the kind, the name is none, or the folder is there already.
    """
    kinds = template_kinds()
    if kind not in kinds:
        expected = f"expected one of {', '.join(kinds)}{did_you_mean(kind, kinds)}"
        raise TentacleError(f'there is no template of the kind "{kind}": {expected}')
    if not _NAME.fullmatch(name):
        raise TentacleError(f'name "{name}": expected small letters, digits and _, a letter first, at most 64')
    target = folder or home / "tentacles" / KIND_FOLDERS[kind] / name  # type: ignore[index]
    if target.exists():
        raise TentacleError(f"{target} is there already; choose another name, or another --folder")
    files = _files(kind, name, author)
    read_manifest(target, files)  # an author such as 'A "B" C' would spoil it: nothing is written then
    target.mkdir(parents=True)
    try:
        for path, content in files.items():
            (target / path).write_bytes(content)
    except OSError:  # such as a full disk: half a tentacle would only be in the way
        shutil.rmtree(target)
        raise
    return target, sorted(files)


def _files(kind: str, name: str, author: str) -> dict[str, bytes]:
    own = {path.name: path.read_text() for path in sorted((_TEMPLATES / kind).iterdir()) if path.is_file()}
    camel = "".join(part.capitalize() for part in name.split("_"))
    files = {}
    for path, text in own.items():
        said = text.replace("AUTHOR", author) if path == MANIFEST_FILE else text
        files[path.replace("sample", name)] = said.replace("sample", name).replace("Sample", camel).encode()
    settings = import_module(f"loligo_kit.templates.{kind}.logic").Settings
    return files | {SETTINGS_FILE: settings_text(settings)}
