"""The verb experiment.tidy: what was made for a test that has ended is taken out of the files in one act.

What must hold: nothing goes that holds a position or has an order in the market; the test and its verdict stay; the bot
runs on as it is, since desks and accounts go with a start alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pydantic import Field

from loligo.errors import BadArguments
from loligo.ports.door import Answer, Role
from loligo.registry.registry_file import editing
from loligo_bot.door.exchanging import Changing, because
from loligo_bot.door.experimenting import Name, found
from loligo_bot.door.inside import Inside
from loligo_bot.door.money import OfDesk, positions
from loligo_bot.door.offer import Asked, Offer, changing
from loligo_bot.door.tentacles import folder
from loligo_bot.door.trading import OrdersAsked, orders
from loligo_bot.experiments.leftovers import Leftovers, leftovers_of, without
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe
from loligo_bot.undo import undo_settings

WITH_THE_START = "it goes with the next start: stop the bot, then run it again; until then it takes up no other change"


class Tidying(Changing):
    """After which test."""

    name: str = Name


class Tidied(Answer):
    """What went out of the files."""

    is_done: bool
    message: str
    removed: list[str] = Field(description="desks, accounts, and versions that only they ran")

    def lines(self) -> Sequence[str]:
        return [self.message]


async def tidy(inside: Inside, asked: Asked, given: Tidying) -> Tidied:
    """Take them out, and let the history say who wanted it."""
    gone = await inside.read(partial(_leftovers, inside, given.name))
    what = f"experiment {given.name} is tidied up"
    write = partial(_write, inside, gone)
    await inside.swap_of_files(write, by=asked.actor.name, why=because(what, given), patience_s=given.patience_s)
    removed = gone.told()
    return Tidied(is_done=True, message=f"out of the files: {', '.join(removed)}; {WITH_THE_START}", removed=removed)


def _leftovers(inside: Inside, name: str) -> Leftovers:
    one = found(inside, name)
    if not one.ended:
        _refuse(name, "goes on; stop it or promote an arm first")
    gone = leftovers_of(name, one, recipe_now(inside.home).config)
    if not gone.desks:
        _refuse(name, "has left no desk in the files that was made for it")
    for desk in gone.desks:
        held = [one.instrument for one in positions(inside, OfDesk(desk=desk)).positions]
        open_orders = orders(inside, OrdersAsked(desk=desk, is_open=True)).orders
        if held or open_orders:
            still = [f"a position in {', '.join(held)}"] if held else []
            still += [f"{len(open_orders)} open order{'s' * (len(open_orders) > 1)}"] if open_orders else []
            _refuse(name, f"cannot go yet: {desk} has {' and '.join(still)}; close it, then tidy up")
    return gone


def _refuse(name: str, why: str) -> None:
    raise BadArguments(f"experiment {name} {why}", {"name": why})


def _write(inside: Inside, gone: Leftovers) -> None:
    """Write the configuration, then the registry that it needed."""
    now = recipe_now(inside.home)
    undo_settings(inside.home, now, Recipe(without(now.config, gone), now.registry))
    if gone.versions:
        with editing(folder(inside).registry) as entries:
            for version in gone.versions:
                kind, _, name = version.partition("/")
                entries.pop(f"{kind} {name}", None)


OFFERS: tuple[Offer, ...] = (
    changing(
        "experiment.tidy", "take what was made for an ended A/B test out of the files", Role.ADMIN, Tidying, Tidied,
        tidy, confirm="Take the desks that were made for this test out of the files?",
    ),
)  # fmt: skip
