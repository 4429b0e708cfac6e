"""The catalogue: every verb that a running bot offers, in the order in which people are told of them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from loligo.ports.door import Answer, Verb
from loligo_bot.door import (
    applying,
    audit,
    automation_acts,
    automations,
    backtests,
    backups,
    changing_limits,
    changing_settings,
    chart,
    consenting,
    decisions,
    exchanging,
    experiment_acts,
    experiment_differences,
    experiment_field,
    experiment_papers,
    experiment_starting,
    experiment_tidying,
    experimenting,
    exporting,
    failures,
    granting,
    installing,
    job_list,
    limit_hits,
    limits,
    logs,
    market,
    markets,
    metrics,
    money,
    notifications,
    operating,
    outdated,
    picture,
    previewing,
    profiles,
    rechecking,
    reports,
    scanning,
    settings,
    signals,
    source,
    state,
    tentacles,
    track_record,
    trading,
    trying,
    views,
    why,
)
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import Part


class VerbRow(Part):
    """One verb."""

    name: str
    summary: str
    role: str
    arguments: list[str]
    changes: bool
    confirm: str


class Help(Answer):
    """What the one who asks may ask."""

    verbs: list[VerbRow]

    def lines(self) -> Sequence[str]:
        return [
            " ".join([one.name, *(f"[{name}]" for name in one.arguments)]) + f": {one.summary}" for one in self.verbs
        ]


class HelpAsked(Arguments):
    """Of what."""

    verb: str | None = Field(default=None, description="only those whose name begins so")


async def help_(_inside: Inside, asked: Asked, given: HelpAsked) -> Help:
    known = [offer.verb for offer in OFFERS if offer.verb.role <= asked.actor.role]
    return Help(verbs=[_told(verb) for verb in known if verb.name.startswith(given.verb or "")])


def _told(verb: Verb) -> VerbRow:
    return VerbRow(
        name=verb.name,
        summary=verb.summary,
        role=verb.role.name.lower(),
        arguments=list(verb.arguments.model_fields),
        changes=verb.changes,
        confirm=verb.confirm,
    )


OFFERS: tuple[Offer, ...] = (
    looking("help", "what can be asked", HelpAsked, Help, help_),
    *state.OFFERS,
    *money.OFFERS,
    *trading.OFFERS,
    *exporting.OFFERS,
    *track_record.OFFERS,
    *limits.OFFERS,
    *limit_hits.OFFERS,
    *changing_limits.OFFERS,
    *decisions.OFFERS,
    *why.OFFERS,
    *markets.OFFERS,
    *market.OFFERS,
    *chart.OFFERS,
    *picture.OFFERS,
    *operating.OFFERS,
    *consenting.OFFERS,
    *signals.OFFERS,
    *tentacles.OFFERS,
    *source.OFFERS,
    *views.OFFERS,
    *exchanging.OFFERS,
    *applying.OFFERS,
    *installing.OFFERS,
    *granting.OFFERS,
    *outdated.OFFERS,
    *settings.OFFERS,
    *changing_settings.OFFERS,
    *previewing.OFFERS,
    *profiles.OFFERS,
    *backtests.OFFERS,
    *job_list.OFFERS,
    *scanning.OFFERS,
    *rechecking.OFFERS,
    *experimenting.OFFERS,
    *experiment_differences.OFFERS,
    *experiment_starting.OFFERS,
    *experiment_acts.OFFERS,
    *experiment_field.OFFERS,
    *experiment_papers.OFFERS,
    *experiment_tidying.OFFERS,
    *trying.OFFERS,
    *automations.OFFERS,
    *automation_acts.OFFERS,
    *reports.OFFERS,
    *backups.OFFERS,
    *notifications.OFFERS,
    *audit.OFFERS,
    *logs.OFFERS,
    *failures.OFFERS,
    *metrics.OFFERS,
)
