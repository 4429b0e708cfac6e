"""How tentacles stand, for verbs: from the journal of the folder's bot, whether it runs or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loligo_bot.cli.outcome import NothingToDo
from loligo_bot.cli.output import Shell

if TYPE_CHECKING:
    from loligo.host import TentacleStatus


def standings_in(shell: Shell, listed: Sequence[TentacleStatus]) -> dict[str, dict[str, Any]]:
    """Return `loligo_bot.history.standings` of what a host lists; nothing where there is no journal yet."""
    from loligo.errors import ConfigError
    from loligo.host import LoadState
    from loligo_bot.cli.journal_verbs import caught_up, open_journal
    from loligo_bot.history import standings
    from loligo_store.projector import Projector

    slots = {f"{row.kind}/{row.name}": row for row in listed}
    wanted = {slot: row.hash12 for slot, row in slots.items() if row.state is LoadState.LOADED}
    failed = {slot: row.reason for slot, row in slots.items() if row.state is LoadState.FAILED}
    try:
        with open_journal(shell.home) as engine:
            return standings(caught_up(Projector(engine)), wanted, failed)
    except NothingToDo:
        return {}
    except ConfigError as exc:
        shell.note(f"what the journal says is left out: {exc}")
        return {}
