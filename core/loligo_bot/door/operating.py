"""Verbs of a person at the controls: pause, resume, panic, cancel, close, flatten, stop.

All but `stop`, which is a note, are operator commands in the journal: who, what, and what came of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from loligo.model.command import CommandKind, OperatorCommand
from loligo.ports.door import Answer, Role
from loligo_bot.door.audit import STOPPED, note, taken
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.trail import current

PANIC_LEVELS = {"no-entries": 1, "cancel-orders": 2, "flatten": 3}


class Done(Answer):
    """What came of an order to the bot."""

    is_done: bool
    message: str
    seq: int = Field(default=0, description="of the event that says so; `why` tells what followed")

    def lines(self) -> Sequence[str]:
        return [self.message]


class Target(Arguments):
    """What an order is for."""

    target: str = Field(default="*", description='a desk, an account as "account:NAME", or "*" for everything')


class Panic(Arguments):
    """How far the kill switch goes."""

    level: Literal["no-entries", "cancel-orders", "flatten"] = Field(
        default="cancel-orders",
        description="no-entries, cancel-orders (also what would open positions), flatten (also close everything)",
    )


class Cancel(Arguments):
    """Which order."""

    order: str = Field(min_length=1, description="its id; see `orders`")


class Close(Arguments):
    """Which position."""

    desk: str = Field(min_length=1, description="the desk that holds it")
    instrument: str = Field(default="", description='such as "coinbase:BTC/USD"; without one all of the desk')


async def command_of(inside: Inside, asked: Asked, kind: CommandKind, target: str = "*", **terms: Any) -> Done:
    """Give the engine a command; one with a key has the id that the key makes, in this run and the next."""
    ident = asked.id or f"{os.getpid()}-{inside.engine.next_seq}-{next(inside.numbers)}"
    command = OperatorCommand(ident, 0, kind, target, by=asked.actor.name, **terms)
    handled = await inside.command(command, is_keyed=bool(asked.id))
    return Done(is_done=handled.is_done, message=handled.message, seq=handled.seq)


async def pause(inside: Inside, asked: Asked, given: Target) -> Done:
    return await command_of(inside, asked, CommandKind.PAUSE, given.target)


async def resume(inside: Inside, asked: Asked, given: Target) -> Done:
    return await command_of(inside, asked, CommandKind.RESUME, given.target)


async def panic(inside: Inside, asked: Asked, given: Panic) -> Done:
    return await command_of(inside, asked, CommandKind.PANIC, level=PANIC_LEVELS[given.level])


async def cancel(inside: Inside, asked: Asked, given: Cancel) -> Done:
    return await command_of(inside, asked, CommandKind.CANCEL, given.order)


async def close(inside: Inside, asked: Asked, given: Close) -> Done:
    return await command_of(inside, asked, CommandKind.CLOSE, given.desk, instrument=given.instrument)


async def flatten(inside: Inside, asked: Asked, given: Target) -> Done:
    return await command_of(inside, asked, CommandKind.CLOSE, given.target)


async def stop(inside: Inside, asked: Asked, _given: Arguments) -> Done:
    note(inside, STOPPED, asked.actor, "bot", f"{asked.actor.name} stops the bot")
    current().is_told = True
    await taken(inside)
    inside.tasks.stop("operator")
    return Done(is_done=True, message="stopping")


OFFERS: tuple[Offer, ...] = (
    changing(
        "pause", "let no new entries through; exits, stops and targets stay at work", Role.TRADE, Target, Done, pause
    ),
    changing("resume", 'let entries through again; with "*" the kill switch too', Role.TRADE, Target, Done, resume),
    changing(
        "panic",
        "pull the kill switch: no entries, also cancel orders, also close everything",
        Role.TRADE,
        Panic,
        Done,
        panic,
        confirm="Pull the kill switch? At level flatten all positions are closed at the market.",
    ),
    changing("cancel", "cancel an open order", Role.TRADE, Cancel, Done, cancel),
    changing(
        "close",
        "close a position at the market",
        Role.TRADE,
        Close,
        Done,
        close,
        confirm="Close this position at the market?",
    ),
    changing(
        "flatten",
        "close every position of a desk, an account or everything, at the market",
        Role.TRADE,
        Target,
        Done,
        flatten,
        confirm="Close all these positions at the market?",
    ),
    changing(
        "stop",
        "end the bot; open orders and positions stay",
        Role.ADMIN,
        Arguments,
        Done,
        stop,
        confirm="End the bot? Open orders and positions stay where they are.",
    ),
)
