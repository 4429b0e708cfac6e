"""Safe mode: after some crashed starts in a row the bot starts without the code of strangers, and says so.

A start has crashed when its process ended before data were processed for `started_after_s`, and nobody stopped it. It
is counted when it begins, and taken back when it turns out well, so that `kill -9` and a power cut count too. Off is
what did not come with Loligo, but venues: they hold the stops of open positions. Where a risk rule is off, entries of
its desks are denied (`loligo_bot.plan`); protection stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loligo.errors import AlreadyRunning, ConfigError, JournalError
from loligo.host import Host
from loligo.registry.registry_file import Registry, RegistryEntry
from loligo_bot.control_socket import running_pid
from loligo_bot.health import store
from loligo_bot.health.config import HealthConfig

KEPT = frozenset({"venue"})  # kinds that stay on in safe mode


class Start:
    """One start of a bot, counted as crashed until it is told otherwise."""

    def __init__(self, home: Path, config: HealthConfig, *, is_safe: bool | None = None) -> None:
        self._home = home
        before = store.load(home)
        self._crashed_before = before.crashed_starts
        by_itself = before.crashed_starts >= config.crashed_starts
        self.is_safe = by_itself if is_safe is None else is_safe
        self.reason = ""
        if self.is_safe:
            self.reason = "it was asked for" if is_safe else f"the last {before.crashed_starts} starts crashed"
        self._write(before.crashed_starts + 1)

    def succeeded(self) -> None:
        """The bot works, or ended as it should: the row is broken."""
        self._write(0)

    def did_not_begin(self) -> None:
        """The start was refused with a reason, as by a mistake in the configuration: that is no crash."""
        self._write(self._crashed_before)

    def _write(self, crashed_starts: int) -> None:
        remembered = store.load(self._home)
        remembered.crashed_starts = crashed_starts
        store.save(self._home, remembered)


@contextmanager
def counted(home: Path, config: HealthConfig, *, is_safe: bool | None = None) -> Iterator[Start]:
    """Count a start for as long as the block is at work. AlreadyRunning when another process runs the bot."""
    if (pid := running_pid(home)) is not None:
        raise AlreadyRunning(f"{home}: already running, pid {pid}; stop it first with `loligo stop`")
    start = Start(home, config, is_safe=is_safe)
    try:
        yield start
    except (ConfigError, JournalError, AlreadyRunning, KeyboardInterrupt):  # told to a person, who can act on it
        start.did_not_begin()
        raise
    start.succeeded()


def community(registry: Registry, shipped: frozenset[tuple[str, str]]) -> tuple[RegistryEntry, ...]:
    """Return the entries that are on and did not come with Loligo; `shipped` holds slot and tree hash of what did."""
    return tuple(
        entry
        for entry in registry.tentacles
        if entry.enabled and (entry.source != "bundled" or (entry.slot, entry.tree_hash) not in shipped)
    )


def left_out(registry: Registry, host: Host, reason: str) -> dict[str, str]:
    """Return what safe mode leaves off, by slot, with the sentence that says so."""
    strangers = community(registry, host.sources(keeps=False).shipped)
    said = f"safe mode: {reason}; `loligo run --no-safe` starts with it"
    return {entry.slot: said for entry in strangers if entry.kind not in KEPT}


def without(registry: Registry, off: Mapping[str, str]) -> Registry:
    """Return the registry with these slots switched off."""
    entries = [e.model_copy(update={"enabled": False}) if e.slot in off else e for e in registry.tentacles]
    return registry.model_copy(update={"tentacles": entries})
