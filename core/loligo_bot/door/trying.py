"""Verbs that try an A/B test over recorded data, as jobs beside the trading: the same arms, engine and rule of
decision, in seconds.

What did better on data that were known tells little about data to come; a test of the running bot decides that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec
from pydantic import Field, model_validator

from loligo.ports.door import Role
from loligo_bot.backtest_request import Instant, pinned
from loligo_bot.door.experiment_judging import judge_arms
from loligo_bot.door.experiment_papers import FORMATS_TOLD
from loligo_bot.door.experiment_starting import Competing, scales_of
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked, Offer, changing, looking
from loligo_bot.door.pages import ReportFile
from loligo_bot.door.rechecking import NAMES, OfRecheck, Rechecked, Rechecking, found, recheck_of
from loligo_bot.experiments.draft import Wanted, drafted
from loligo_bot.historic_request import HISTORIC, Contest, contest_of
from loligo_bot.historic_request import Asked as Try
from loligo_bot.jobs.job import Job, State
from loligo_bot.past import recipe_now
from loligo_lab.experiment_files import MEDIA_TYPES, file_name, written


class HistoricAsked(Competing):
    """Who competes over which data: an experiment of the configuration, or arms as of `experiment.start`."""

    experiment: str = Field(
        default="", max_length=32, description="of the configuration, with its arms and its rule; or `control` and more"
    )
    control: str = Field(default="", description="a desk that is there, called A")
    since: Instant | None = Field(default=None, description="from this time of the data, ISO 8601 such as 2019-07-01")
    until: Instant | None = Field(default=None, description="up to this time of the data, ISO 8601")
    data: Literal["configured", "bundled"] = Field(
        default="configured", description="configured: the bot's own historical feeds; bundled: what came with Loligo"
    )
    capital: Decimal | None = Field(default=None, gt=0, description="of each arm, in its account's currency")

    @model_validator(mode="after")
    def _has_arms(self) -> HistoricAsked:
        own = self.model_fields_set & set(Competing.model_fields)
        if bool(self.experiment) == bool(self.control):
            raise ValueError("expected an experiment of the configuration, or a control")
        if self.experiment and own:
            raise ValueError(f"{self.experiment} has its arms and its rule already: leave out {', '.join(sorted(own))}")
        return self


class OfHistoric(OfRecheck):
    """Which one, and how."""

    format: Literal["html", "json", "csv", "trades"] = Field(default="html", description=FORMATS_TOLD)


async def start(inside: Inside, asked: Asked, given: HistoricAsked) -> Rechecking:
    """Judge what is asked as a start of it would be, freeze it, and let it wait for its turn."""
    contest = await inside.read(partial(_contest, inside, given))
    one = contest.experiment
    span = f", {given.since or 'the beginning'} to {given.until or 'the end'}" if given.since or given.until else ""
    title = f"{one.control} against {', '.join(one.challengers)}{span}"
    what = await asyncio.to_thread(contest.frozen)
    arguments = given.model_dump(mode="json", exclude_defaults=True)
    job = await inside.jobs.add(HISTORIC, title, arguments, what, by=asked.actor.name, asked=asked.id)
    return Rechecking(number=job.number, message=f"{NAMES[HISTORIC]} {job.number} of {title} is {job.state}")


def _contest(inside: Inside, given: HistoricAsked) -> Contest:
    wanted = Wanted(name=given.experiment, control="")
    if given.control:
        wanted = given.wanted(HISTORIC, scales_of(inside, given))
        judge_arms(inside, drafted(inside.home, recipe_now(inside.home).config, wanted), given.control)
    about: dict[str, Any] = {name: getattr(given, name) for name in ("since", "until", "data", "capital")}
    contest = contest_of(inside.home, Try(wanted=wanted, is_named=bool(given.experiment), **about))
    held = pinned(contest.prepared, inside.reconciler.running.code(), inside.home)
    return Contest(contest.name, contest.experiment, held)


async def historic(inside: Inside, _asked: Asked, given: OfRecheck) -> Rechecked:
    job = found(inside, HISTORIC, given.number)
    if job.state is not State.DONE:
        return recheck_of(job)
    result = await _result(inside, job)
    return recheck_of(job, summary=result["lines"], result=result["told"])


async def export(inside: Inside, _asked: Asked, given: OfHistoric) -> ReportFile:
    job = found(inside, HISTORIC, given.number)
    document = (await _result(inside, job))["document"]
    content = await asyncio.to_thread(written, document, given.format)
    name = file_name(f"ab-over-history-{job.number}", given.format)
    return ReportFile(name=name, media_type=MEDIA_TYPES[given.format], content=content)


async def _result(inside: Inside, job: Job) -> dict[str, Any]:
    result: dict[str, Any] = msgspec.json.decode(await inside.jobs.result(job.number))
    return result


OFFERS: Sequence[Offer] = (
    changing(
        "historic.start", "try an A/B test over recorded data, beside the trading", Role.TRADE, HistoricAsked,
        Rechecking, start,
    ),
    looking("historic", "an A/B test over recorded data: what came of it", OfRecheck, Rechecked, historic),
    looking("historic.export", "an A/B test over recorded data as a file", OfHistoric, ReportFile, export),
)  # fmt: skip
