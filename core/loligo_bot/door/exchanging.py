"""Verbs that exchange tentacles: all end in the journal as `SwapEnded`, with who wanted it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from pydantic import Field

from loligo.ports.door import Answer, Role
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.operating import Done
from loligo_bot.door.tentacles import OfTentacle, folder, found
from loligo_bot.judgement import judge
from loligo_bot.settings_check import used_at
from loligo_bot.wish import NOT_WATCHED, SwapReport, When, how_far
from loligo_kit.installer import Change, Installer, kinds
from loligo_kit.plans import plan_rollback

PATIENCE_S = 60.0


class Undo(Answer):
    """What takes a change back: a verb and its arguments."""

    verb: str
    arguments: dict[str, Any]


class Exchanged(Answer):
    """What came of a change: how the swap ended, or how far it is if it takes longer than one waits."""

    is_done: bool
    message: str
    result: str = Field(
        default="", description="good, unchanged, refused, rolled_back, shadowed, ...; empty: not ended"
    )
    number: int = 0
    changed: list[str] = Field(default=[], description="a line for each tentacle or setting")
    steps: list[str] = Field(default=[], description="what happened on the way")
    took_s: float = 0.0
    at_work: dict[str, Any] = Field(default={}, description="the swap that goes on by itself")
    undo: Undo | None = None

    def lines(self) -> Sequence[str]:
        took = f" in {self.took_s:.1f} s" if self.took_s else ""
        return [f"{self.result.replace('_', ' ')}{took}: {self.message}" if self.result else self.message]


def exchanged(
    swap: SwapReport | dict[str, Any] | None, *, undo: Undo | None = None, before: str = "", name: str = ""
) -> Exchanged:
    """Return the answer for a report, or for a swap that is not at its end.

    `before` was done to the files; nothing is done while the tentacle `name`, which was asked for, stays off.
    """
    if isinstance(swap, SwapReport):
        off = f"{name} stays off: {swap.off[name]}" if name in swap.off else ""
        said = "; ".join(filter(None, (before, swap.text, off if off not in swap.text else "")))
        told = {key: value for key, value in asdict(swap).items() if key in ("result", "number", "changed", "steps")}
        is_done = swap.is_done and not off
        return Exchanged(is_done=is_done, message=said, took_s=swap.duration_ms / 1000, undo=undo, **told)
    said = "; ".join(filter(None, (before, NOT_WATCHED if swap is None else how_far(swap))))
    return Exchanged(is_done=True, message=said, at_work=swap or {}, undo=undo)


class Changing(Arguments):
    """Base of a change of tentacles."""

    why: str = Field(default="", max_length=1_000, description="your reason; it stays in the history")
    patience_s: float = Field(
        default=PATIENCE_S, ge=0, le=600, description="seconds to wait for the end; it goes on without you"
    )


class Switch(Changing):
    """Which tentacle, and how."""

    name: str = Field(min_length=1, description="NAME, or KIND/NAME where two kinds share it")
    on: bool = Field(description="true: on, false: off")
    force: bool = Field(default=False, description="even when others need it, or it lacks others")


async def switch(inside: Inside, asked: Asked, given: Switch) -> Exchanged:
    """Switch a tentacle on or off in the registry and have that taken up."""
    entry = await inside.read(lambda: found(inside, given.name))
    name, word = f"{entry.kind}/{entry.name}", "on" if given.on else "off"
    used = partial(used_at, inside.config)
    turn = partial(installer_of(inside).switch, name, used, is_on=given.on, is_forced=given.force)
    undo = Undo(verb="tentacle.switch", arguments={"name": name, "on": not given.on})
    return await change_files(inside, asked, turn, f"tentacle {word} {entry.slot}", given, undo)


async def change_files(
    inside: Inside,
    asked: Asked,
    turn: Callable[[], Change],
    what: str,
    given: Changing,
    undo: Undo | None,
    *,
    when: When | None = None,
) -> Exchanged:
    """Change the registry by a function that blocks and have it taken up, in the name of who asks."""
    done, swap = await inside.swap_of_files(
        turn, by=asked.actor.name, why=because(what, given), patience_s=given.patience_s, when=when
    )
    if done.waiting:
        said = f"{done.slot} waits: it wants {kinds(done.waiting)}; `loligo tentacle agree` shows and grants it"
        return Exchanged(is_done=False, message=said)
    return exchanged(swap, undo=undo if done.before != done.after else None, name=done.to_run)


def because(what: str, given: Changing) -> str:
    return f"{what}: {given.why}" if given.why else what


def installer_of(inside: Inside) -> Installer:
    return Installer(folder(inside), judge)


class Rollback(Changing):
    """Which tentacle, and to which version."""

    name: str = Field(min_length=1, description="NAME, or KIND/NAME where two kinds share it")
    to: str | None = Field(default=None, description="hash or version; by default the one before")


async def rollback(inside: Inside, asked: Asked, given: Rollback) -> Exchanged:
    """Go back to an earlier version of a tentacle."""
    entry = await inside.read(lambda: found(inside, given.name))
    name, installer = f"{entry.kind}/{entry.name}", installer_of(inside)

    def turn() -> Change:
        return installer.carry_out(plan_rollback(installer.bot, name, given.to))

    undo = Undo(verb="tentacle.rollback", arguments={"name": name, "to": entry.tree_hash}) if entry.tree_hash else None
    return await change_files(inside, asked, turn, f"tentacle rollback {entry.slot}", given, undo)


async def retry(inside: Inside, asked: Asked, given: OfTentacle) -> Done:
    """End a quarantine; health takes the tentacle in again, and the history says who wanted it."""
    return Done(is_done=True, message=inside.health.release(given.name, by=asked.actor.name))


OFFERS: tuple[Offer, ...] = (
    changing(
        "tentacle.switch", "switch a tentacle on or off, while the bot runs", Role.ADMIN, Switch, Exchanged, switch
    ),
    changing(
        "tentacle.rollback",
        "go back to the version before, or to the one named",
        Role.ADMIN,
        Rollback,
        Exchanged,
        rollback,
        confirm="Go back to the earlier version?",
    ),
    changing("tentacle.retry", "end a tentacle's quarantine at once", Role.ADMIN, OfTentacle, Done, retry),
)
