"""Verbs on experiments, reading: experiments, experiment, experiment.differences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from pydantic import Field

from loligo.errors import NotFound
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo.registry.faults import did_you_mean
from loligo_bot.door.experiment_assumptions import assumptions_of, setup_of
from loligo_bot.door.experiment_holding import holding
from loligo_bot.door.experiment_parts import (
    CrossCheckPart,
    FigurePart,
    HoldingPart,
    UnlikePart,
    cross_check_of,
    figures_by_arm,
    settings_apart,
    split_by_arm,
)
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Part
from loligo_bot.experiment_config import ExperimentConfig, experiments_of
from loligo_bot.experiments.document import rule_of
from loligo_bot.experiments.leftovers import leftovers_of
from loligo_bot.experiments.standing import Standing
from loligo_lab.experiment import growth_curve

NOT_BEGUN = "It begins with the next midnight UTC."
SHOWN_ONLY = "Ranges hold in 19 of 20 cases; these figures are shown and never decide."
Name = Field(min_length=1, max_length=32, description="of the experiment; see `experiments`")


class ExperimentRow(Part):
    """One experiment and its verdict in words."""

    name: str
    control: str = Field(description="the desk called A")
    challengers: list[str]
    mode: str
    since: str = Field(description='"": it has not begun')
    until: str = Field(description='"": it goes on')
    day: int = Field(description="closed days so far")
    days_planned: int
    verdict: str
    headline: str
    sentence: str
    winner: str = Field(description='a challenger to promote, or ""')
    percent_per_month: float | None = Field(description="how far the challenger is ahead that the sentence is about")
    control_counts: float = Field(
        default=1.0, description="how many times the control's returns count in that; not 1 at equal risk"
    )
    is_final: bool = Field(description="more days do not change the verdict")
    is_ended: bool

    def told(self) -> str:
        return f"{self.name}: {self.headline} (day {self.day} of {self.days_planned}). {self.sentence}"


class Experiments(Answer):
    """Every experiment, those that ended, too."""

    experiments: list[ExperimentRow]

    def lines(self) -> Sequence[str]:
        return [one.told() for one in self.experiments] or ["no experiments; `experiment.start` begins one"]


def row_of(name: str, one: ExperimentConfig, standing: Standing | None) -> ExperimentRow:
    """Return the row of an experiment that has begun or not."""
    told: dict[str, Any] = {
        "name": name,
        "control": one.control,
        "challengers": list(one.challengers),
        "mode": one.mode,
        "days_planned": one.days,
        "is_ended": one.ended,
    }
    if standing is None:
        empty: dict[str, Any] = dict.fromkeys(("since", "until", "winner"), "")
        words: dict[str, Any] = {"verdict": "too_early", "headline": "Too early", "sentence": NOT_BEGUN}
        return ExperimentRow(**told, **empty, **words, day=0, percent_per_month=None, is_final=False)
    judgement = standing.judgement
    effect = judgement.telling.effect
    return ExperimentRow(
        **told,
        since=iso(standing.since_ns),
        until=iso(standing.until_ns) if standing.until_ns else "",
        day=len(standing.days),
        verdict=judgement.verdict.value,
        headline=judgement.headline,
        sentence=judgement.sentence,
        winner=judgement.winner or "",
        percent_per_month=effect.percent_per_month if effect else None,
        control_counts=judgement.telling.risk_scale,
        is_final=judgement.is_final,
    )


def experiments(inside: Inside, _given: Arguments) -> Experiments:
    known = experiments_of(inside.config)
    standings = inside.experiments.standings()
    return Experiments(experiments=[row_of(name, one, standings.get(name)) for name, one in known.items()])


class OfExperiment(Arguments):
    """Which one."""

    name: str = Name


class ExperimentAsked(OfExperiment):
    """Which one, and what beside its judgement."""

    holding: int = Field(default=0, ge=0, le=200, description="points of what holding had come to; 0: none are read")


class ArmPart(Part):
    """What one arm did since the start. Shares are fractions."""

    name: str
    letter: str = Field(description="A for the control")
    growth: float | None
    drawdown: float | None = Field(description="the deepest")
    trades: int
    fees: float
    turnover: float
    orders: int
    rejected: int
    exposure: float | None = Field(description="the highest share of equity at work")
    worst_day: float | None = Field(description="the lowest return of a day")
    split: float | None = Field(
        description="share of money it would get now, by its chance to be the best; it never touches the verdict"
    )
    figures: list[FigurePart] = Field(
        description="of days and trades, with 95 % intervals: Sharpe, Sortino, Calmar, share won and others"
    )
    events: int = Field(description="how often its strategy was asked")
    generation: int = Field(description="with which it began")
    code: dict[str, str] = Field(description="tree hash by kind/name, pinned at the start")
    curve: list[tuple[int, float]] = Field(description="ms since 1970 UTC at the close of each day, growth since then")


class VerdictPart(Part):
    """A verdict as it was noted in the journal."""

    time: str
    seq: int
    verdict: str
    headline: str
    sentence: str
    day: str


class ExperimentDetail(ExperimentRow, Answer):
    """All about one experiment."""

    rule: str = Field(description="by which it is decided, fixed before the start")
    pairs: list[dict[str, Any]] = Field(description="each challenger against the control: verdict, gates, rails, band")
    arms: list[ArmPart]
    unlike: list[str] = Field(description="in which settings and versions the arms differ")
    settings: list[UnlikePart] = Field(description="the same, one by one")
    cross_check: CrossCheckPart | None = Field(description="of all arms, at the end; null: two arms need none")
    holding: HoldingPart | None = Field(description="null: not asked for, or no day is closed yet")
    leftovers: list[str] = Field(description="made for it, and still there after its end; see `experiment.tidy`")
    on_win: str = Field(description="tell, or promote: a winner takes over by itself")
    risk_scale: dict[str, float] = Field(
        description="by challenger: the control's returns count so many times; 1 where there is none"
    )
    verdicts: list[VerdictPart] = Field(description="as they were told, oldest first")
    assumptions: list[str] = Field(description="what the verdict takes for granted, in sentences")

    def lines(self) -> Sequence[str]:
        arms = [
            f"{one.letter} {one.name}: {_percent(one.growth)}, drawdown {_percent(one.drawdown)}, {one.trades} trades"
            for one in self.arms
        ]
        whole = [self.cross_check.words] if self.cross_check else []
        held = [self.holding.words] if self.holding else []
        beside = [*held, *whole, *_figure_words(self.arms), *_split_words(self.arms)]
        return [self.told(), self.rule, *arms, *beside, *self.unlike[:8]]


def _figure_words(arms: Sequence[ArmPart]) -> list[str]:
    """Return the figures of each arm that are known, with their intervals."""
    known = [(one, [figure.words for figure in one.figures if figure.value is not None]) for one in arms]
    lines = [f"{one.letter} {one.name}: {', '.join(words)}" for one, words in known if words]
    return [*lines, SHOWN_ONLY] if lines else []


def _split_words(arms: Sequence[ArmPart]) -> list[str]:
    """Return in a sentence how money would be split among the arms; nothing where that is not known."""
    known = ", ".join(f"{one.name} {one.split:.0%}" for one in arms if one.split is not None)
    return [f"Split by the chance to be the best, money would go: {known}. That is no verdict."] if known else []


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:+.2%}"


def experiment(inside: Inside, given: ExperimentAsked) -> ExperimentDetail:
    one = found(inside, given.name)
    standing = inside.experiments.standings()[given.name]
    noted = [
        VerdictPart(time=iso(row["ts"]), seq=row["seq"], **{key: row["facts"][key] for key in _NOTED})
        for row in inside.experiments.verdicts(given.name)
    ]
    row, kept = row_of(given.name, one, standing), inside.experiments.made
    settings = settings_apart(inside, one)
    held = f"holding {given.holding}"
    return ExperimentDetail(
        **row.model_dump(),
        rule=rule_of(one),
        pairs=kept(standing, "pairs", _pairs) if standing else [],
        arms=kept(standing, "arms", partial(_arms, inside)) if standing else [],
        unlike=[f"{each.arm}: {each.key} is {each.challenger}, with {one.control} {each.control}" for each in settings],
        settings=settings,
        cross_check=cross_check_of(inside, standing),
        holding=kept(standing, held, partial(holding, inside, points=given.holding)) if standing else None,
        leftovers=leftovers_of(given.name, one, inside.config.model_dump(mode="json")).told() if one.ended else [],
        on_win=one.on_win,
        risk_scale=one.risk_scale,
        verdicts=noted,
        assumptions=assumptions_of(setup_of(inside), one, standing),
    )


_NOTED = ("verdict", "headline", "sentence", "day")


def found(inside: Inside, name: str) -> ExperimentConfig:
    """Return an experiment of the configuration. NotFound when there is none of that name."""
    known = experiments_of(inside.config)
    if name not in known:
        listed = ", ".join(known) or "none"
        raise NotFound(f'there is no experiment "{name}"{did_you_mean(name, list(known))}; there are {listed}')
    return known[name]


def _pairs(standing: Standing) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = [msgspec.to_builtins(pair) for pair in standing.judgement.pairs]
    return plain


def _arms(inside: Inside, standing: Standing) -> list[ArmPart]:
    figures, split = figures_by_arm(inside, standing), split_by_arm(standing)
    return [_arm(standing, place, figures[name], split[name]) for place, name in enumerate(standing.config.arms)]


def _arm(standing: Standing, place: int, figures: list[FigurePart], split: float | None) -> ArmPart:
    name = standing.config.arms[place]
    days = [day.arms[place] for day in standing.days]
    curve = growth_curve((day.opened_at_ns, day.arms[place].daily_return) for day in standing.days)
    return ArmPart(
        name=name,
        letter=chr(ord("A") + place),
        growth=curve[-1][1] if days else None,
        drawdown=max((own.drawdown for own in days), default=None),
        trades=days[-1].closed_trades if days else 0,
        fees=sum(own.fees for own in days),
        turnover=sum(own.turnover for own in days),
        orders=sum(own.orders for own in days),
        rejected=sum(own.refused_orders for own in days),
        exposure=max((own.exposure for own in days), default=None),
        worst_day=min((own.daily_return for own in days), default=None),
        split=split,
        figures=figures,
        events=sum(own.events for own in days),
        generation=standing.runs[name].number,
        code=dict(standing.runs[name].code),
        curve=curve,
    )


OFFERS: tuple[Offer, ...] = (
    reading("experiments", "A/B tests and what they say so far", Arguments, Experiments, experiments),
    reading("experiment", "all about one A/B test", ExperimentAsked, ExperimentDetail, experiment),
)
