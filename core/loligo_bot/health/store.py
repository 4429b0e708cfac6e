"""`state/health.json`: what health must not forget between two runs; quarantines, crashed starts, versions refused.

A read model of status, never what a person wants. It is written by replace, so a crash leaves the old or the new one; a
file that cannot be read is put aside and begun anew, because a bot must not stay down for want of it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from loligo.log import get_logger
from loligo_bot.health.quarantine import Case

HEALTH_FILE = Path("state/health.json")

_log = get_logger("health")


class Fault(msgspec.Struct, kw_only=True):
    """What came of the newest version of a tentacle that was not taken."""

    result: str  # refused or rolled_back
    text: str
    tree_hash: str  # of the version; "" where it is not known


class Remembered(msgspec.Struct, kw_only=True):
    """The whole file."""

    crashed_starts: int = 0  # in a row; the start that is under way counts
    quarantine: dict[str, Case] = {}
    faults: dict[str, Fault] = {}


def load(home: Path) -> Remembered:
    """Return what was kept; nothing of a file that is not there or cannot be read."""
    path = home / HEALTH_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Remembered)
    except FileNotFoundError:
        return Remembered()
    except msgspec.DecodeError as exc:
        aside = path.with_suffix(".unreadable.json")
        path.replace(aside)
        _log.warning("health is begun anew, its file cannot be read", file=str(aside), error=str(exc))
        return Remembered()


def save(home: Path, remembered: Remembered) -> None:
    """Write it: at any moment the file is the old or the new one, whole."""
    path = home / HEALTH_FILE
    content = msgspec.json.format(msgspec.json.encode(remembered, order="sorted"))
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
