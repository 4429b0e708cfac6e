"""Drafts of experiments as they come into the files of a bot: registry and configuration in one go.

What must hold: what cannot be written, or is refused when it is taken up, leaves both as they were, so that it does not
stand in the way of whatever is wanted next; it is taken up as any change of a person is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from loligo.errors import LoligoError
from loligo.model.command import SwapResult
from loligo.registry.registry_file import RegistryEntry, editing
from loligo_bot.door.exchanging import Changing, Exchanged, because, exchanged
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked
from loligo_bot.door.tentacles import folder
from loligo_bot.experiments.draft import Draft
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe, differences
from loligo_bot.undo import undo_settings

TO_THE_END_S = 86_400.0  # of a swap, which may wait for a candle or until all is flat


async def written(inside: Inside, asked: Asked, given: Changing, what: str, draft: Draft) -> Exchanged:
    """Write a draft in one go, have it taken up, and say what came of it, or how far it is when that takes longer than
    the asker waits. What is refused, or taken back, leaves the files as they were, whether somebody waits or not."""
    before = await asyncio.to_thread(_write, inside, draft)
    work = _taken_up(inside, asked.actor.name, because(what, given), draft, before)
    end = inside.start(work, name="experiment")
    await asyncio.wait({end}, timeout=given.patience_s)
    if not end.done():
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
    entries: Mapping[str, RegistryEntry | None]  # of the registry, by slot


def _write(inside: Inside, draft: Draft) -> Before:
    """Write the registry, then the configuration that needs it; what cannot be written leaves both as they were."""
    before: dict[str, RegistryEntry | None] = {}
    if draft.pins or draft.moved:
        with editing(folder(inside).registry) as entries:
            for entry in (*draft.pins, *draft.moved):
                before[entry.slot] = entries.get(entry.slot)
                entries[entry.slot] = entry
    try:
        now = recipe_now(inside.home)
        undo_settings(inside.home, now, Recipe(draft.config, now.registry))
    except LoligoError:
        _restore(inside, before)
        raise
    return Before(now.config, before)


def _put_back(inside: Inside, draft: Draft, before: Before) -> bool:
    """Put back what a draft took the place of, unless somebody has changed the configuration since; say whether."""
    now = recipe_now(inside.home)
    if differences(now, Recipe(draft.config, now.registry)):
        return False
    undo_settings(inside.home, now, Recipe(dict(before.config), now.registry))
    _restore(inside, before.entries)
    return True


def _restore(inside: Inside, before: Mapping[str, RegistryEntry | None]) -> None:
    if not before:
        return
    with editing(folder(inside).registry) as entries:
        for slot, old in before.items():
            if old is None:
                entries.pop(slot, None)
            else:
                entries[slot] = old
