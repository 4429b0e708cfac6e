"""Which installed tentacles their sources have in a newer version. Asked for, never by itself; blocks; nothing of what
is fetched is kept or run.

A git source names a commit, so it has nothing newer by itself; what was sent as a file, what lies in a folder of its
own and what pip brought have no source to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loligo.errors import TentacleError
from loligo.registry.registry_file import RegistryEntry
from loligo_kit.bot_folder import BotFolder
from loligo_kit.distributions import PREFIX
from loligo_kit.plans import NothingNew, plan_update
from loligo_kit.sources import UPLOADED


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What the source of an installed tentacle has. `available` is "" where that is what is here."""

    kind: str
    name: str
    version: str
    source: str
    available: str = ""
    problem: str = ""  # why it could not be asked


def outdated(bot: BotFolder, may_ask: Callable[[str], bool] = lambda source: True) -> list[SourceState]:
    """Return how every installed tentacle stands to its source; `may_ask` says which sources are asked at all."""
    found = []
    for entry in bot.entries().values():
        source = _source(bot, entry)
        if source and may_ask(source):
            found.append(_asked(bot, entry, source))
    return found


def _source(bot: BotFolder, entry: RegistryEntry) -> str:
    """Return where a tentacle came from, "" where nobody can be asked."""
    locked = bot.locked(entry).find(entry.tree_hash)
    if locked is None or locked.path is not None or locked.source == UPLOADED or locked.source.startswith(PREFIX):
        return ""
    return locked.source


def _asked(bot: BotFolder, entry: RegistryEntry, source: str) -> SourceState:
    state = {"kind": entry.kind, "name": entry.name, "version": entry.version, "source": source}
    if entry.pin:
        return SourceState(**state, problem="it is pinned: nothing newer is wanted")
    try:
        return SourceState(**state, available=plan_update(bot, f"{entry.kind}/{entry.name}").manifest.version)
    except NothingNew:
        return SourceState(**state)
    except TentacleError as exc:
        return SourceState(**state, problem=str(exc))
