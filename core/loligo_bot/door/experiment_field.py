"""The whole field of an A/B test: the cross-check of more than two arms, made once at its end as a job of its own; and
how money would be split among the arms now.

What must hold: neither touches a verdict. A test that goes on is not cross-checked: looked at every day, such a test
finds what is not there.
"""

from __future__ import annotations

from functools import partial

import msgspec

from loligo.errors import BadArguments
from loligo.model.timeframe import iso
from loligo.ports.door import Role
from loligo_bot.cross_check_job import Asked as Given
from loligo_bot.door.experiment_parts import CROSS_CHECK, cross_checks
from loligo_bot.door.experimenting import Name, found
from loligo_bot.door.inside import Inside, keyed_id
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.rechecking import Rechecking
from loligo_bot.experiments.standing import Standing
from loligo_bot.jobs.job import Job

TWO_ARMS = "has two arms: their verdict is all there is to say; a cross-check is for three and more"
GOES_ON = "has not ended: the cross-check is made once, at the end, when it is not looked at every day"


class OfExperiment(Arguments):
    """Which one."""

    name: str = Name


async def cross_check(inside: Inside, asked: Asked, given: OfExperiment) -> Rechecking:
    """Let a cross-check wait for its turn. BadArguments for a test that has not ended or has two arms."""
    standing = await inside.read(partial(_ended, inside, given.name))
    job = await _begin(inside, standing, by=asked.actor.name, ident=asked.id)
    return Rechecking(number=job.number, message=f"cross-check {job.number} of {given.name} is {job.state}")


def _ended(inside: Inside, name: str) -> Standing:
    one = found(inside, name)
    standing = inside.experiments.standings()[name]
    is_over = standing is not None and standing.until_ns
    why = TWO_ARMS if len(one.arms) < 3 else "" if is_over else GOES_ON
    if why or standing is None:
        raise BadArguments(f"experiment {name} {why}", {"name": why})
    return standing


async def at_the_end(inside: Inside, standing: Standing) -> None:
    """Begin the cross-check of a test that has ended, once, also across restarts."""
    if len(standing.config.arms) > 2 and standing.until_ns and not cross_checks(inside, standing):
        ident = keyed_id("experiment", CROSS_CHECK, f"{standing.name}/{standing.since_ns}")
        await _begin(inside, standing, by=f"experiment {standing.name}", ident=ident)


async def _begin(inside: Inside, standing: Standing, *, by: str, ident: str) -> Job:
    what = msgspec.json.encode(Given(plan=standing.plan, days=list(standing.days)))
    arguments = {"name": standing.name, "since": iso(standing.since_ns)}
    return await inside.jobs.add(CROSS_CHECK, standing.name, arguments, what, by=by, asked=ident)


OFFERS: tuple[Offer, ...] = (
    changing(
        "experiment.cross_check", "compare all arms of a test that has ended, once more", Role.TRADE, OfExperiment,
        Rechecking, cross_check,
    ),
)  # fmt: skip
