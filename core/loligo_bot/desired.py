"""What registry and configuration want now, loaded and verified; and word when their files change.

What must hold: nothing is read while somebody writes, unless who wants it says that the file is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from loligo.errors import LoligoError, TentacleError
from loligo.host.verifier import shared_verifier
from loligo.registry.registry_file import REGISTRY_FILE
from loligo_bot.attempt import Attempt
from loligo_bot.folder_config import read_config
from loligo_bot.generation import Generation, Unfit, failures, make_generation
from loligo_bot.health.monitor import Monitor
from loligo_bot.settings_check import check_tentacle_settings
from loligo_bot.undo import CONFIG_FILE
from loligo_bot.vault import VAULT_FILE
from loligo_bot.wish import file_hash
from loligo_kit.watcher import Watched, Watcher

WARM_AFTER_S = 30.0  # a bot that runs for longer has a verifier ready: starting one takes longer than most verdicts
REST_LIMIT_S = 10.0  # for files to come to rest before they are read


class Desired:
    """The wishes that lie in one bot's folder; `attempt` is the swap for which they are read."""

    def __init__(self, home: Path, health: Monitor, attempt: Callable[[], Attempt | None]) -> None:
        self._home = home
        self._health = health
        self._attempt = attempt
        self._watcher: Watcher | None = None

    def generation(self) -> Generation:
        """Return what registry and configuration want now; loads and verifies, so it belongs into a thread.

        TentacleError when the writing does not end.
        """
        while self._watcher is not None:
            moves, wanted = self._calm(self._watcher), self._loaded()
            if self._calm(self._watcher) == moves:
                return _returned(wanted)
        return self._load()

    def _calm(self, watcher: Watcher) -> int:
        try:
            return watcher.calm(REST_LIMIT_S, self._known_whole())
        except TimeoutError as exc:
            raise TentacleError(f"{exc}: still being written; it is taken up when it has come to rest") from None

    def _loaded(self) -> Generation | LoligoError:
        """Return what is wanted, or what is wrong with it: what somebody wrote meanwhile is no fault of theirs."""
        try:
            return self._load()
        except LoligoError as exc:
            return exc

    def _known_whole(self) -> frozenset[Path]:
        """Return the files that need not come to rest: who wants this has replaced them, and says what they hold."""
        attempt, file = self._attempt(), self._home / REGISTRY_FILE
        is_whole = attempt is not None and attempt.wish.registry and attempt.wish.registry == file_hash(file)
        return frozenset([file] if is_whole else [])

    def _load(self) -> Generation:
        attempt = self._attempt()
        by = attempt.wish.by if attempt is not None else ""
        config, host = self._health.load(partial(read_config, self._home), by=by)
        try:
            check_tentacle_settings(self._home, config, host)
            return make_generation(config, host, keeps=True)
        except LoligoError as exc:
            failed = failures(host)
            host.let_go()
            raise Unfit(exc, failed) from exc

    @contextmanager
    def watched(self, known: Mapping[Path, str], on_change: Callable[[], object]) -> Iterator[None]:
        """Call `on_change` on the event loop when files have changed; `known` are the tree hashes of folders."""
        home, loop = self._home, asyncio.get_running_loop()
        files = [home / file for file in (REGISTRY_FILE, CONFIG_FILE, VAULT_FILE)]
        watched = Watched(trees=[home / "tentacles"], files=files)
        warm = loop.call_later(WARM_AFTER_S, lambda: loop.run_in_executor(None, shared_verifier().warm))
        with Watcher(watched, lambda _: loop.call_soon_threadsafe(on_change), known=known) as self._watcher:
            yield
        self._watcher = None
        warm.cancel()


def _returned(wanted: Generation | LoligoError) -> Generation:
    if isinstance(wanted, LoligoError):
        raise wanted
    return wanted
