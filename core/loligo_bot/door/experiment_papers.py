"""Verbs on experiments that are read before and after: experiment.plan and experiment.export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from pydantic import Field, model_validator

from loligo.errors import BadArguments, NotFound
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo.registry.faults import did_you_mean
from loligo_bot.door.experiment_assumptions import assumptions_of, setup_of
from loligo_bot.door.experiment_holding import held
from loligo_bot.door.experiment_parts import closed_trades, cross_check_of, split_by_arm
from loligo_bot.door.experimenting import NOT_BEGUN, Name, found
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Part, ReportFile
from loligo_bot.experiments.arms import names_of
from loligo_bot.experiments.document import Did, document_of
from loligo_bot.experiments.draft import PIN
from loligo_bot.experiments.planning import (
    USUAL_DIFFERENCE,
    Plans,
    plans_assumed,
    plans_expected,
    plans_of_desks,
    plans_of_numbers,
)
from loligo_bot.past import past_of
from loligo_lab.experiment import Mode
from loligo_lab.experiment_files import MEDIA_TYPES, file_name, written

RULES = "risk_rule/"
FORMATS_TOLD = (
    "html: one file, to read anywhere; json: all to compute it again; csv: the days; trades: csv of the closed trades"
)


class Supposed(Arguments):
    """Numbers that are supposed, or two desks that have traded."""

    correlation: float | None = Field(default=None, ge=-1, lt=1, description="of the daily returns of both arms")
    sharpe_difference: float | None = Field(
        default=None, ge=-20, le=20, description="that is to be found, in yearly Sharpe ratios"
    )
    control: str | None = Field(default=None, min_length=1, description="a desk, instead of the numbers")
    challenger: str | None = Field(default=None, min_length=1, description="a desk beside it")
    equal_risk: bool = Field(default=False, description="compare the desks as if they varied alike")
    unlike: bool = Field(
        default=False, description="arms that differ in strategy, mode or evaluators: a lower correlation is assumed"
    )
    challengers: int = Field(default=1, ge=1, le=19, description="that are compared with the control, all in all")
    mode: Literal["open_ended", "fixed_end"] = Field(default="open_ended", description="of `days`")
    days: int | None = Field(default=None, ge=21, le=3_650, description="planned: what they find is told, too")

    @model_validator(mode="after")
    def _is_enough(self) -> Supposed:
        has_desks = self.control is not None and self.challenger is not None
        is_half = (self.control is None) != (self.challenger is None)
        if is_half or (has_desks and self.correlation is not None):
            raise ValueError("expected control and challenger without a correlation, or neither")
        if not has_desks and self.sharpe_difference is None:
            raise ValueError("expected sharpe_difference, with or without a correlation, or control and challenger")
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
    challengers: int = Field(description="each has its share of the 5 %: with several it takes longer")
    days_planned: int | None
    finds: float | None = Field(
        description="yearly Sharpe ratios apart: of such differences 8 of 10 are found in the days planned"
    )
    outlooks: list[OutlookPart]

    def lines(self) -> Sequence[str]:
        told = [f"{one.mode.replace('_', ' ')}: {one.words}" for one in self.outlooks]
        return [*told, *self.aside()]

    def aside(self) -> Sequence[str]:
        """Return what the days planned find, and what all of it was computed from."""
        correlated = "" if self.correlation is None or not self.days else f", correlation {self.correlation:.2f}"
        many = f", {self.challengers} challengers" if self.challengers > 1 else ""
        found = []
        if self.finds is not None:
            found = [f"{self.days_planned:,} days find 8 of 10 differences of {self.finds:.2f} in the Sharpe ratio."]
        return [*found, f"From {self.basis}{correlated}{many}: information ratio {self.ratio:.2f} a year."]


def plan(inside: Inside, given: Supposed) -> PlanAnswer:
    wanted, many = given.sharpe_difference, given.challengers
    if given.control is not None and given.challenger is not None:
        names = (given.control, given.challenger)
        rows = [_days(inside, field, desk) for field, desk in zip(("control", "challenger"), names, strict=True)]
        if wanted is None:
            plans = plans_of_desks(*names, rows, is_scaled=given.equal_risk, challengers=many)
        else:
            known = inside.config.model_dump(mode="json")["desks"]
            desks = [known[name] for name in names if name in known]
            is_unlike = given.unlike or (len(desks) == len(names) and unlike_desks(*desks))
            plans = plans_expected(names, rows, wanted, is_unlike=is_unlike, challengers=many)
    elif given.correlation is not None:
        plans = plans_of_numbers(given.correlation, wanted or 0.0, challengers=many)
    else:
        plans = plans_assumed(wanted or 0.0, is_unlike=given.unlike, challengers=many)
    return plan_answer(plans, given.mode, given.days)


def _days(inside: Inside, field_name: str, desk: str) -> list[dict[str, Any]]:
    """Return the days of a desk. BadArguments where neither the journal nor the configuration knows it."""
    rows = inside.rows.rows("desk_days", desk=desk)
    known = list(inside.config.desks)
    if not rows and desk not in known:
        hint = did_you_mean(desk, known)
        told = f'{field_name}: the journal has no days of a desk "{desk}"{hint}; there are {", ".join(known)}'
        raise BadArguments(told, {field_name: told})
    return rows


def plan_of_arms(
    inside: Inside, desks: Mapping[str, Any], control: str, challengers: Sequence[str], *, mode: str, days: int
) -> PlanAnswer:
    """Return how long it takes to find a usual difference, of the challenger for which that is longest."""
    found = [
        plans_expected(
            (control, one),
            [inside.rows.rows("desk_days", desk=desk) for desk in (control, one)],
            USUAL_DIFFERENCE,
            is_unlike=unlike_desks(desks[control], desks[one]),
            challengers=len(challengers),
        )
        for one in challengers
    ]
    return plan_answer(min(found, key=lambda one: abs(one.ratio.value)), mode, days)


def unlike_desks(control: Mapping[str, Any], challenger: Mapping[str, Any]) -> bool:
    """Say whether desks differ in more than settings and versions."""
    first, second = (
        {name.partition(PIN)[0] for name in names_of(desk) if not name.startswith(RULES)}
        for desk in (control, challenger)
    )
    return first != second or control["timeframe"] != challenger["timeframe"]


def plan_answer(plans: Plans, mode: str = "open_ended", days: int | None = None) -> PlanAnswer:
    """Return plans as an answer; `days` are those planned in a mode."""
    kept = {one: getattr(plans, one) for one in ("basis", "correlation", "risk_scale", "days", "challengers")}
    outlooks = [msgspec.to_builtins(one) for one in plans.outlooks]
    shown = [OutlookPart(**{name: one[name] for name in OutlookPart.model_fields}) for one in outlooks]
    kept |= {"ratio": plans.ratio.value, "ratio_low": plans.ratio.low, "ratio_high": plans.ratio.high}
    finds = plans.finds(Mode(mode), days) if days else None
    return PlanAnswer(**kept, days_planned=days, finds=finds, outlooks=shown)


class ExportAsked(Arguments):
    """Of which experiment, and how."""

    name: str = Name
    format: Literal["html", "json", "csv", "trades"] = Field(default="html", description=FORMATS_TOLD)


def export(inside: Inside, given: ExportAsked) -> ReportFile:
    content = written(exported(inside, given.name), given.format)
    name = file_name(f"experiment-{given.name}", given.format)
    return ReportFile(name=name, media_type=MEDIA_TYPES[given.format], content=content)


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
    about: dict[str, Any] = {"cross_check": whole.model_dump(mode="json")} if whole else {}
    about |= {"assumptions": assumptions_of(setup_of(inside), standing.config, standing)}
    days = max(1, len(standing.days))
    beside = inside.experiments.made(standing, "holding all", partial(held, inside, points=days))
    return document_of(
        standing,
        began,
        inside.reconciler.running.loaded,
        Did(trades=closed_trades(inside, standing), holding=beside),
        kind="running",
        verdicts=verdicts,
        split=split_by_arm(standing),
        **about,
    )


OFFERS: tuple[Offer, ...] = (
    reading("experiment.plan", "how long an A/B test would take, before it starts", Supposed, PlanAnswer, plan),
    reading("experiment.export", "an A/B test as a file, to compute it again", ExportAsked, ReportFile, export),
)
