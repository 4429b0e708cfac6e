"""Verbs on experiments that are read before and after: experiment.plan and experiment.export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from pydantic import Field, model_validator

from loligo.errors import BadArguments, NotFound
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo.registry.faults import did_you_mean
from loligo_bot.door.experiment_parts import cross_check_of, split_by_arm
from loligo_bot.door.experimenting import NOT_BEGUN, Name, found
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Part, ReportFile
from loligo_bot.experiments.document import document_of
from loligo_bot.experiments.planning import Plans, plans_of_desks, plans_of_numbers
from loligo_bot.past import past_of
from loligo_lab.experiment_files import MEDIA_TYPES, written


class Supposed(Arguments):
    """Numbers that are supposed, or two desks that have traded."""

    correlation: float | None = Field(default=None, ge=-1, lt=1, description="of the daily returns of both arms")
    sharpe_difference: float | None = Field(
        default=None, ge=-20, le=20, description="that is to be found, in yearly Sharpe ratios"
    )
    control: str | None = Field(default=None, min_length=1, description="a desk, instead of the numbers")
    challenger: str | None = Field(default=None, min_length=1, description="a desk beside it")
    equal_risk: bool = Field(default=False, description="compare the desks as if they varied alike")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Supposed:
        given = [one is not None for one in (self.correlation, self.sharpe_difference, self.control, self.challenger)]
        if given not in ([True, True, False, False], [False, False, True, True]):
            raise ValueError("expected correlation and sharpe_difference, or control and challenger")
        return self


class OutlookPart(Part):
    """How long it takes in one mode."""

    mode: Literal["open_ended", "fixed_end"]
    days: int | None = Field(description="to plan, for 8 of 10 such differences to be found; null: over a century")
    half_found_by: int | None = Field(description="day by which half of those that are found have been found")
    days_at_best: int | None
    days_at_worst: int | None = Field(description="null: it may take for ever")
    words: str


class PlanAnswer(Answer):
    """How long an experiment would take."""

    basis: str
    ratio: float = Field(description="of the differences: mean over spread, per year")
    ratio_low: float | None
    ratio_high: float | None
    correlation: float | None
    risk_scale: float | None = Field(description="for risk_scale of the experiment: equal risk")
    days: int = Field(description="of the desks that were looked at")
    outlooks: list[OutlookPart]

    def lines(self) -> Sequence[str]:
        told = [f"{one.mode.replace('_', ' ')}: {one.words}" for one in self.outlooks]
        correlated = "" if self.correlation is None or not self.days else f", correlation {self.correlation:.2f}"
        return [*told, f"From {self.basis}{correlated}: information ratio {self.ratio:.2f} a year."]


def plan(inside: Inside, given: Supposed) -> PlanAnswer:
    if given.control is None or given.challenger is None:
        return plan_answer(plans_of_numbers(float(given.correlation or 0.0), float(given.sharpe_difference or 0.0)))
    desks = (given.control, given.challenger)
    days = [inside.rows.rows("desk_days", desk=desk) for desk in desks]
    for field_name, desk, rows in zip(("control", "challenger"), desks, days, strict=True):
        if not rows:
            known = list(inside.config.desks)
            hint = did_you_mean(desk, known)
            told = f'{field_name}: the journal has no days of a desk "{desk}"{hint}; there are {", ".join(known)}'
            raise BadArguments(told, {field_name: told})
    return plan_answer(plans_of_desks(*desks, days, is_scaled=given.equal_risk))


def plan_answer(plans: Plans) -> PlanAnswer:
    """Return plans as an answer."""
    kept = {one: getattr(plans, one) for one in ("basis", "correlation", "risk_scale", "days")}
    outlooks = [msgspec.to_builtins(one) for one in plans.outlooks]
    shown = [OutlookPart(**{name: one[name] for name in OutlookPart.model_fields}) for one in outlooks]
    ratio = plans.ratio
    return PlanAnswer(**kept, ratio=ratio.value, ratio_low=ratio.low, ratio_high=ratio.high, outlooks=shown)


class ExportAsked(Arguments):
    """Of which experiment, and how."""

    name: str = Name
    format: Literal["html", "json", "csv"] = Field(
        default="html", description="html: one file, to read anywhere; json: all to compute it again; csv: the days"
    )


def export(inside: Inside, given: ExportAsked) -> ReportFile:
    content = written(exported(inside, given.name), given.format)
    return ReportFile(
        name=f"experiment-{given.name}.{given.format}", media_type=MEDIA_TYPES[given.format], content=content
    )


def exported(inside: Inside, name: str) -> dict[str, Any]:
    """Return the document of an experiment. NotFound while it has not begun."""
    found(inside, name)
    standing = inside.experiments.standings()[name]
    if standing is None:
        raise NotFound(f"experiment {name}: {NOT_BEGUN[0].lower()}{NOT_BEGUN[1:]} Until then there is nothing of it")
    began = past_of(inside.home, inside.rows).recipe(standing.runs[standing.config.control].number)
    verdicts = [
        {"time": iso(row["ts"]), "seq": row["seq"], **row["facts"]} for row in inside.experiments.verdicts(name)
    ]
    whole = cross_check_of(inside, standing)
    about = {"cross_check": whole.model_dump(mode="json")} if whole else {}
    return document_of(standing, began, kind="running", verdicts=verdicts, split=split_by_arm(standing), **about)


OFFERS: tuple[Offer, ...] = (
    reading("experiment.plan", "how long an A/B test would take, before it starts", Supposed, PlanAnswer, plan),
    reading("experiment.export", "an A/B test as a file, to compute it again", ExportAsked, ReportFile, export),
)
