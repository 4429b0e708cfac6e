"""Verbs that begin, end and decide experiments: experiment.start, experiment.stop, experiment.promote; and what the bot
does by itself when a limit breaks, a winner is to take over, or a test has ended.

What must hold: all that is changed are the files a person could change, in one go, taken up as any change of them is;
promotion leaves the control's desk in place, so its positions, orders and account stay.
"""

from __future__ import annotations

import asyncio
import copy
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from pydantic import Field

from loligo.config.schema import Name as NamePattern
from loligo.errors import BadArguments, LoligoError
from loligo.log import get_logger
from loligo.model.command import CommandKind, OperatorCommand, SwapResult
from loligo.ports.door import Actor, Role
from loligo.registry.registry_file import RegistryEntry, editing
from loligo_bot.door.exchanging import Changing, Exchanged, because, exchanged
from loligo_bot.door.experiment_field import at_the_end
from loligo_bot.door.experiment_judging import judge_arms, judge_capital
from loligo_bot.door.experimenting import Name, found
from loligo_bot.door.inside import Inside, keyed_id
from loligo_bot.door.offer import Asked, Offer, changing
from loligo_bot.door.tentacles import folder
from loligo_bot.door.tentacles import found as found_tentacle
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import CODE
from loligo_bot.experiments.draft import MAY_DIFFER, PIN, Draft, Variant, Wanted, drafted, entry_of, items_of
from loligo_bot.experiments.standing import SECTION, Standing
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe
from loligo_bot.undo import undo_settings
from loligo_lab.experiment import Action, Judgement, Verdict, broken_stops

_log = get_logger("experiments")


class NewExperiment(Changing):
    """Who competes, and by which rule."""

    name: NamePattern = Field(description="of the experiment")
    control: str = Field(min_length=1, description="a desk that is there; it stays as it is")
    challengers: list[str] = Field(default=[], max_length=19, description="desks that are there, or none: one is made")
    changes: dict[str, Any] = Field(
        default={},
        max_length=50,
        description="in which the desk that is made differs, such as strategy.settings.entry_threshold: 0.75",
    )
    versions: dict[str, str] = Field(
        default={}, max_length=10, description="versions it runs instead, by hash: strategy/weighted_vote: 3f2a9c..."
    )
    account: Literal["own", "shared"] = Field(
        default="own",
        description="of the desk that is made: its own, or the control's, with capital out of what is free",
    )
    mode: Literal["open_ended", "fixed_end"] = Field(
        default="open_ended", description="fixed_end is sooner sure, and is never extended"
    )
    days: int = Field(default=180, ge=21, le=3_650, description="planned")
    limits: dict[str, float | None] = Field(default={}, description="guardrails other than usual")
    on_win: Literal["tell", "promote"] = Field(default="tell", description="promote: a winner takes over by itself")


async def start(inside: Inside, asked: Asked, given: NewExperiment) -> Exchanged:
    """Judge what is asked, write it, and have it taken up."""
    draft = await inside.read(partial(_drafted, inside, given))
    what = f"experiment {given.name} begins"
    return await _written(inside, asked, given, what, draft)


def _drafted(inside: Inside, given: NewExperiment) -> Draft:
    variants = [Variant(changes=given.changes, versions=given.versions)] if given.changes or given.versions else []
    rule = {"mode": given.mode, "days": given.days, "limits": given.limits, "on_win": given.on_win}
    wanted = Wanted(
        name=given.name,
        control=given.control,
        challengers=given.challengers,
        variants=variants,
        is_shared=given.account == "shared",
        rule=rule,
    )
    draft = drafted(inside.home, recipe_now(inside.home).config, wanted, partial(_capital, inside))
    judge_arms(inside, draft)
    judge_capital(inside, draft)
    return draft


def _capital(inside: Inside, control: str, configured: Decimal) -> Decimal:
    """Return what the control is worth now, which the other side begins with."""
    book = inside.engine.portfolio.books.get(control)
    worth = book.equity if book is not None else float("nan")
    return configured if worth != worth or worth <= 0 else Decimal(f"{worth:.2f}")


# End


class Ending(Changing):
    """Which one."""

    name: str = Name


async def stop(inside: Inside, asked: Asked, given: Ending) -> Exchanged:
    """End a test: its verdict stays as it is, its challengers take no new positions."""
    await inside.read(partial(_running, inside, given.name))
    config = copy.deepcopy((await inside.read(partial(recipe_now, inside.home))).config)
    config[SECTION][given.name]["ended"] = True
    done = await _written(inside, asked, given, f"experiment {given.name} ends", Draft(config))
    await _paused_if_over(inside, asked.actor.name, given.name, done)
    return done


def _running(inside: Inside, name: str) -> ExperimentConfig:
    one = found(inside, name)
    if one.ended:
        raise BadArguments(f"experiment {name} has ended already", {"name": "has ended"})
    return one


async def _paused_if_over(inside: Inside, by: str, name: str, done: Exchanged) -> None:
    """Pause at once what has ended at once; where that takes longer, it is done when the end has come (`follow`): an
    arm that is paused before the end would make the test invalid."""
    if done.result == SwapResult.GOOD:
        standing = (await inside.read(inside.experiments.standings))[name]
        if standing is not None:
            await _paused(inside, by, standing)


async def _paused(inside: Inside, by: str, standing: Standing) -> None:
    """Keep the challengers of a test that has ended from new positions: once, so that a person may resume them."""
    at_rest, which = inside.experiments.at_rest, (standing.name, standing.since_ns)
    if which in at_rest:
        return
    for desk in standing.config.challengers:
        ident = keyed_id("experiment", "end", f"{standing.name}/{standing.since_ns}/{desk}")
        await inside.command(OperatorCommand(ident, 0, CommandKind.PAUSE, desk, by=by), is_keyed=True)
    at_rest.add(which)


class Promotion(Changing):
    """Who is to take over."""

    name: str = Name
    challenger: str | None = Field(default=None, description="by default the winner")
    override: bool = Field(default=False, description="although there is no winner yet; it stays in the history")


async def promote(inside: Inside, asked: Asked, given: Promotion) -> Exchanged:
    """Let the control's desk run what a challenger runs, by a hot swap, and end the test."""
    one, winner = await inside.read(partial(_candidate, inside, given))
    draft = await inside.read(partial(_promoted, inside, given.name, one, winner))
    label = " (an override: there was no such verdict)" if given.override else ""
    what = f"experiment {given.name}: {one.control} runs what {winner} runs{label}"
    done = await _written(inside, asked, given, what, draft)
    await _paused_if_over(inside, asked.actor.name, given.name, done)
    return done


def _candidate(inside: Inside, given: Promotion) -> tuple[ExperimentConfig, str]:
    one = _running(inside, given.name)
    standing = inside.experiments.standings()[given.name]
    winner = (standing.judgement.winner if standing else None) or ""
    wanted = given.challenger or winner or (one.challengers[0] if given.override else "")
    if wanted and wanted not in one.challengers:
        told = f'challenger = "{wanted}": expected one of {", ".join(one.challengers)}'
        raise BadArguments(told, {"challenger": told})
    if (wanted != winner or not winner) and not given.override:
        said = standing.judgement.headline if standing else "it has not begun"
        told = f"no challenger has won: {said}; with override: true one takes over all the same"
        raise BadArguments(told, {"override": told})
    return one, wanted


def _promoted(inside: Inside, name: str, one: ExperimentConfig, winner: str) -> Draft:
    """Return files in which the control runs the winner's parts; a version that it pins becomes the registry's."""
    config = copy.deepcopy(recipe_now(inside.home).config)
    control, source = config["desks"][one.control], copy.deepcopy(config["desks"][winner])
    draft = Draft(config)
    for kind in (*CODE.values(), "evaluator"):
        used = {item["tentacle"] for item in items_of(control, kind)}
        for item in items_of(source, kind):
            base, _, pinned = item["tentacle"].partition(PIN)
            if pinned and base in used:
                entry = found_tentacle(inside, f"{kind}/{item['tentacle']}")
                draft.moved.append(
                    entry_of(inside.home, found_tentacle(inside, f"{kind}/{base}"), entry.tree_hash or "")
                )
                item["tentacle"] = base
    control |= {key: source[key] for key in MAY_DIFFER}
    config[SECTION][name]["ended"] = True
    return draft


# Writing


async def _written(inside: Inside, asked: Asked, given: Changing, what: str, draft: Draft) -> Exchanged:
    write = partial(_write, inside, draft)
    _, swap = await inside.swap_of_files(
        write, by=asked.actor.name, why=because(what, given), patience_s=given.patience_s
    )
    return exchanged(swap, before=what)


def _write(inside: Inside, draft: Draft) -> None:
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
        with editing(folder(inside).registry) as entries:
            for slot, old in before.items():
                if old is None:
                    entries.pop(slot, None)
                else:
                    entries[slot] = old
        raise


# By itself


async def follow(inside: Inside, standing: Standing, judgement: Judgement) -> None:
    """Keep a challenger from new positions that broke a limit, or whose test has ended; let a winner take over where
    that is the policy."""
    if standing.until_ns:
        newest = await asyncio.to_thread(partial(inside.rows.rows, "generations", limit=1))
        if newest[-1]["phase"] != "probation":  # else the end may yet be taken back
            await _paused(inside, f"experiment {standing.name}", standing)
            await at_the_end(inside, standing)
        return
    for arm in _broken(standing, judgement):
        ident = keyed_id("experiment", "limit", f"{standing.name}/{standing.since_ns}/{arm}")
        command = OperatorCommand(ident, 0, CommandKind.PAUSE, arm, by=f"experiment {standing.name}")
        await inside.command(command, is_keyed=True)
    once = standing.name, standing.since_ns
    if standing.config.on_win == "promote" and judgement.winner and once not in inside.experiments.taken_over:
        inside.experiments.taken_over.add(once)  # one that is refused is told as a swap, and left to a person
        itself = Actor(name=f"experiment {standing.name}", role=Role.ADMIN)
        asked = Asked(itself, keyed_id("experiment", "promote", f"{standing.name}/{standing.since_ns}"))
        done = await promote(inside, asked, Promotion(name=standing.name, why="it won, and the policy is promote"))
        _log.info("promotion", experiment=standing.name, is_done=done.is_done, message=done.message)


def _broken(standing: Standing, judgement: Judgement) -> list[str]:
    """Return the challengers that broke a limit which stops: on closed days, or on the day that goes on."""
    limits = standing.plan.limits
    found = {
        rail.arm
        for pair in judgement.pairs
        if pair.verdict is Verdict.STOPPED
        for rail in pair.rails
        if rail.is_broken and rail.action is Action.STOP
    }
    for place, arm in enumerate(standing.config.arms):
        if standing.today is not None:
            own = standing.today.arms[place]
            if broken_stops(limits, arm, drawdown=own.drawdown, worst_day=-own.daily_return):
                found.add(arm)
    return [arm for arm in standing.config.challengers if arm in found]


OFFERS: tuple[Offer, ...] = (
    changing(
        "experiment.start", "begin an A/B test: a desk against others, or against itself with changes", Role.ADMIN,
        NewExperiment, Exchanged, start,
    ),
    changing(
        "experiment.stop", "end an A/B test; its challengers take no new positions", Role.ADMIN, Ending, Exchanged,
        stop, confirm="End this A/B test?",
    ),
    changing(
        "experiment.promote", "let the control run what a challenger runs, positions and all", Role.ADMIN, Promotion,
        Exchanged, promote, confirm="Let the challenger's strategy take over this desk?",
    ),
)  # fmt: skip
