"""Drafts of experiments as they come into the files of a bot: registry and configuration in one go.

What must hold: what cannot be written, or is refused when it is taken up, leaves both as they were, so that it does not
stand in the way of whatever is wanted next; it is taken up as any change of a person is. What somebody else changed
since the draft was made is not written over: it is refused then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from loligo.errors import BadArguments, LoligoError
from loligo.model.command import SwapResult
from loligo.registry.registry_file import RegistryEntry, editing
from loligo_bot.door.exchanging import Changing, Exchanged, because, exchanged
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked
from loligo_bot.door.tentacles import folder
from loligo_bot.door.trail import current
from loligo_bot.experiments.draft import Draft
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe, differences
from loligo_bot.undo import CONFIG_FILE, undo_settings

MOST_NAMED = 5  # settings that somebody else changed, in one sentence
TO_THE_END_S = 86_400.0  # of a swap, which may wait for a candle or until all is flat


async def written(inside: Inside, asked: Asked, given: Changing, what: str, draft: Draft) -> Exchanged:
    """Write a draft in one go, have it taken up, and say what came of it, or how far it is when that takes longer than
    the asker waits. What is refused, or taken back, leaves the files as they were, whether somebody waits or not."""
    before = await asyncio.to_thread(_write, inside, draft)
    work = _taken_up(inside, asked.actor.name, because(what, given), draft, before)
    end = inside.start(work, name="experiment")
    await asyncio.wait({end}, timeout=given.patience_s)
    if not end.done():
        current().is_told = True  # by the exchange, which may not have begun
        attempt = inside.reconciler.attempt
        return exchanged(attempt.status() if attempt else {}, before=what)
    outcome = end.result()
    if isinstance(outcome, LoligoError):
        raise outcome
    swap, is_put_back = outcome
    done = exchanged(swap, before=what)
    return done.model_copy(update={"message": f"{done.message}; the files are as they were"}) if is_put_back else done


async def _taken_up(inside: Inside, by: str, why: str, draft: Draft, before: Before) -> tuple[Any, bool] | LoligoError:
    """Return how the swap ended, and whether the files were put back. Errors are returned: whoever waits raises."""
    try:
        _, swap = await inside.swap_of_files(lambda: None, by=by, why=why, patience_s=TO_THE_END_S)
        is_refused = exchanged(swap).result in (SwapResult.REFUSED, SwapResult.ROLLED_BACK)
        return swap, is_refused and await asyncio.to_thread(partial(_put_back, inside, draft, before))
    except LoligoError as exc:
        return exc


@dataclass(frozen=True, slots=True)
class Before:
    """What a draft took the place of."""

    config: Mapping[str, Any]
    entries: Mapping[str, tuple[RegistryEntry | None, RegistryEntry]]  # of the registry, by slot: before, and of it


def _write(inside: Inside, draft: Draft) -> Before:
    """Write the registry, then the configuration that needs it; what cannot be written leaves both as they were."""
    now = recipe_now(inside.home)
    since = differences(Recipe(draft.before, now.registry), now)
    _refuse_changed([f"{CONFIG_FILE} ({', '.join('.'.join(one.way) for one in since[:MOST_NAMED])})"] if since else [])
    before: dict[str, tuple[RegistryEntry | None, RegistryEntry]] = {}
    if draft.pins or draft.moved:
        with editing(folder(inside).registry) as entries:
            _refuse_changed([old.slot for old, _ in draft.moved if entries.get(old.slot) != old])
            for entry in (*draft.pins, *(new for _, new in draft.moved)):
                before[entry.slot] = entries.get(entry.slot), entry
                entries[entry.slot] = entry
    try:
        undo_settings(inside.home, now, Recipe(draft.config, now.registry))
    except LoligoError:
        _restore(inside, before)
        raise
    return Before(now.config, before)


def _refuse_changed(what: Sequence[str]) -> None:
    if what:
        raise BadArguments(f"{', '.join(what)} was changed meanwhile by somebody else; look at it and try again")


def _put_back(inside: Inside, draft: Draft, before: Before) -> bool:
    """Put back what a draft took the place of, unless somebody has changed the configuration since; say whether."""
    now = recipe_now(inside.home)
    if differences(now, Recipe(draft.config, now.registry)):
        return False
    undo_settings(inside.home, now, Recipe(dict(before.config), now.registry))
    _restore(inside, before.entries)
    return True


def _restore(inside: Inside, before: Mapping[str, tuple[RegistryEntry | None, RegistryEntry]]) -> None:
    """Put back what a draft wrote into the registry; an entry that somebody has changed since is theirs."""
    if not before:
        return
    with editing(folder(inside).registry) as entries:
        for slot, (old, new) in before.items():
            if entries.get(slot) != new:
                continue
            if old is None:
                entries.pop(slot, None)
            else:
                entries[slot] = old
