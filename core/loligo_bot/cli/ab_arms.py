"""Arms of an A/B test as people type them on the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

_NAMED = re.compile(r"([a-z][a-z0-9_]{0,15}):\s*(?=\S)([^=]*=.*)", re.DOTALL)


def arms(home: Path, words: Sequence[str]) -> list[dict[str, Any]]:
    """Return arms as the verb experiment.start has them, from "[NAME:] KEY=VALUE KIND/NAME=HASH|DIR ..." each."""
    from loligo_lab.commands import pairs

    found = []
    for word in words:
        named = _NAMED.fullmatch(word.strip())
        name, rest = (named[1], named[2]) if named else ("", word)
        parts = shlex.split(rest)
        if not parts:
            raise typer.BadParameter(f'--arm "{word}": expected "[NAME:] KEY=VALUE ...", such as "fast: timeframe=4h"')
        pinned = [one for one in parts if "/" in one.partition("=")[0]]
        one: dict[str, Any] = {"name": name} if name else {}
        changes = pairs([part for part in parts if part not in pinned], "--arm")
        one |= {"changes": changes} if changes else {}
        one |= {"versions": versions(home, pinned, "--arm")} if pinned else {}
        found.append(one)
    return found


def versions(home: Path, words: Sequence[str], option: str = "--version") -> dict[str, str]:
    """Return hashes by kind/name; a folder is taken into the content store of the bot, where it runs from."""
    from loligo.registry.content import CONTENT_FOLDER, ContentStore
    from loligo.registry.tree import read_tree

    found: dict[str, str] = {}
    for word in words:
        name, sign, version = word.partition("=")
        if not (name and sign and version):
            raise typer.BadParameter(f'{option} "{word}": expected KIND/NAME=HASH, or a folder in place of the hash')
        if Path(version).is_dir():
            version = ContentStore(home / CONTENT_FOLDER).put(read_tree(Path(version)))
        found[name] = version
    return found
