"""Verbs that end and decide experiments: experiment.stop, experiment.promote; and what the bot does by itself when a
limit breaks, a winner is to take over, or a test has ended.

What must hold: all that is changed are the files a person could change, in one go, taken up as any change of them is;
promotion leaves the control's desk in place, so its positions, orders and account stay.
"""

from __future__ import annotations

import asyncio
import copy
from functools import partial

from pydantic import Field

from loligo.errors import BadArguments, InboxClosed, LoligoError, Undecided
from loligo.log import get_logger
from loligo.model.command import CommandKind, OperatorCommand, SwapResult
from loligo.ports.door import Actor, Role
from loligo_bot.door.exchanging import Changing, Exchanged
from loligo_bot.door.experiment_field import at_the_end
from loligo_bot.door.experiment_writing import written
from loligo_bot.door.experimenting import Name, found
from loligo_bot.door.inside import Inside, keyed_id
from loligo_bot.door.offer import Asked, Offer, changing
from loligo_bot.door.tentacles import found as found_tentacle
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import CODE, names_of
from loligo_bot.experiments.differing import MAY_DIFFER, STAYS
from loligo_bot.experiments.draft import PIN, Draft, entry_of, items_of
from loligo_bot.experiments.standing import BY, SECTION, Standing
from loligo_bot.history import newest_number
from loligo_bot.past import recipe_now
from loligo_bot.wish import SwapReport
from loligo_lab.experiment import Action, Judgement, Verdict, broken_stops

_log = get_logger("experiments")


class Ending(Changing):
    """Which one."""

    name: str = Name


async def stop(inside: Inside, asked: Asked, given: Ending) -> Exchanged:
    """End a test: its verdict stays as it is, its challengers take no new positions."""
    await inside.read(partial(_running, inside, given.name))
    before = (await inside.read(partial(recipe_now, inside.home))).config
    config = copy.deepcopy(before)
    config[SECTION][given.name]["ended"] = True
    done = await written(inside, asked, given, f"experiment {given.name} ends", Draft(config, before))
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
    one, challenger, has_won = await inside.read(partial(_candidate, inside, given))
    draft = await inside.read(partial(_promoted, inside, given.name, one, challenger))
    label = "" if has_won else " (an override: there was no such verdict)"
    label += _besides(draft, one, challenger)
    what = f"experiment {given.name}: {one.control} runs what {challenger} runs{label}"
    done = await written(inside, asked, given, what, draft)
    await _paused_if_over(inside, asked.actor.name, given.name, done)
    return done


def _candidate(inside: Inside, given: Promotion) -> tuple[ExperimentConfig, str, bool]:
    """Return the test, who takes over, and whether that one has won."""
    one = _running(inside, given.name)
    standing = inside.experiments.standings()[given.name]
    winner = (standing.judgement.winner if standing else None) or ""
    wanted = given.challenger or winner or (one.challengers[0] if given.override else "")
    if wanted and wanted not in one.challengers:
        told = f'challenger = "{wanted}": expected one of {", ".join(one.challengers)}'
        raise BadArguments(told, {"challenger": told})
    has_won = bool(winner) and wanted == winner
    if not has_won and not given.override:
        said = standing.judgement.headline if standing else "it has not begun"
        told = f"no challenger has won: {said}; an override (`--override`) lets one take over all the same"
        raise Undecided(told, {"override": told})
    return one, wanted, has_won


def _promoted(inside: Inside, name: str, one: ExperimentConfig, challenger: str) -> Draft:
    """Return files in which the control runs the challenger's parts; a version that it pins becomes the registry's."""
    before = recipe_now(inside.home).config
    config = copy.deepcopy(before)
    control, source = config["desks"][one.control], copy.deepcopy(config["desks"][challenger])
    draft = Draft(config, before)
    for kind in (*CODE.values(), "evaluator"):
        used = {item["tentacle"] for item in items_of(control, kind)}
        for item in items_of(source, kind):
            base, _, pinned = item["tentacle"].partition(PIN)
            if pinned and base in used:
                entry = found_tentacle(inside, f"{kind}/{item['tentacle']}")
                there = found_tentacle(inside, f"{kind}/{base}")
                draft.moved.append((there, entry_of(inside.home, there, entry.tree_hash or "")))
                item["tentacle"] = base
    control |= {key: source[key] for key in MAY_DIFFER}
    config[SECTION][name]["ended"] = True
    return draft


def _besides(draft: Draft, one: ExperimentConfig, challenger: str) -> str:
    """Say what the control keeps although the challenger has it otherwise, and which desks that are no arms use a
    tentacle of which the registry gets another version, too."""
    own, other = (draft.config["desks"][arm] for arm in (one.control, challenger))
    kept = [f"{key} stays {own[key] or 'unset'}" for key in STAYS if own[key] != other[key]]
    moved = {entry.slot.replace(" ", "/") for _, entry in draft.moved}
    desks = [
        name for name, desk in draft.config["desks"].items() if name not in one.arms and moved & set(names_of(desk))
    ]
    shared = [f"so do {', '.join(desks)}, which use {', '.join(sorted(moved))}, too"] if desks else []
    return "".join(f"; {said}" for said in (*kept, *shared))


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
    if standing.config.on_win == "promote" and judgement.winner:
        await _by_policy(inside, standing)


async def _by_policy(inside: Inside, standing: Standing) -> None:
    """Let the winner take over: tried once for each run of a test, which the history of swaps knows across restarts.
    What is refused is told as a swap, leaves the files as they were, and is left to a person."""
    once, by = (standing.name, standing.since_ns), f"{BY} {standing.name}"
    tried = partial(inside.rows.rows, "swaps", where={"by": by}, above={"ts": standing.since_ns - 1}, limit=1)
    if once in inside.experiments.taken_over or (await asyncio.to_thread(tried)) != []:
        return
    inside.experiments.taken_over.add(once)
    asked = Asked(Actor(name=by, role=Role.ADMIN), keyed_id(BY, "promote", f"{standing.name}/{standing.since_ns}"))
    given = Promotion(name=standing.name, why="it won, and the policy is promote")
    try:
        done = await promote(inside, asked, given)
        _log.info("promotion", experiment=standing.name, is_done=done.is_done, message=done.message)
    except InboxClosed:
        raise
    except LoligoError as exc:  # it never came to a swap that could tell of it
        refusal = await asyncio.to_thread(_refusal, inside, standing, given.why, str(exc))
        inside.thread.inbox.put_first(refusal.for_journal())


def _refusal(inside: Inside, standing: Standing, why: str, text: str) -> SwapReport:
    """Return what the history is to hold of a promotion that came to nothing."""
    attempt, winner = inside.reconciler.attempt, standing.judgement.winner
    number = max(newest_number(inside.rows), attempt.number if attempt is not None else 0) + 1
    return SwapReport(
        result=SwapResult.REFUSED,
        number=number,
        changed=(f"experiment/{standing.name}: {standing.config.control} runs what {winner} runs",),
        text=text,
        by=f"{BY} {standing.name}",
        why=why,
    )


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
            if broken_stops(limits, arm, drawdown=own.drawdown, worst_day=own.worst_loss):
                found.add(arm)
    return [arm for arm in standing.config.challengers if arm in found]


OFFERS: tuple[Offer, ...] = (
    changing(
        "experiment.stop", "end an A/B test; its challengers take no new positions", Role.ADMIN, Ending, Exchanged,
        stop, confirm="End this A/B test?",
    ),
    changing(
        "experiment.promote", "let the control run what a challenger runs, positions and all", Role.ADMIN, Promotion,
        Exchanged, promote, confirm="Let the challenger's strategy take over this desk?",
    ),
)  # fmt: skip
