"""What an answer about an experiment holds beside its judgement: figures of the arms with intervals, what holding had
come to, and in what the arms differ. All of it is shown and decides nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from loligo.model.timeframe import iso
from loligo_bot.door.inside import Inside
from loligo_bot.door.pages import Part
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.document import apart
from loligo_bot.experiments.held import span_of
from loligo_bot.experiments.standing import Standing
from loligo_bot.jobs.job import Job, State
from loligo_lab.experiment import Verdict, allocation
from loligo_lab.experiment.capital import FIRST_DAY
from loligo_lab.experiment.figures import FIGURES, Figure, figures_of
from loligo_lab.experiment_trades import ArmTrade, arm_trade, figures_by_trades

CROSS_CHECK = "cross_check"  # the kind of its jobs


class FigurePart(Part):
    """One figure of an arm with its 95 % interval, shown and never deciding; what cannot be told yet is null."""

    name: str = Field(description=f"one of {', '.join(FIGURES)}")
    label: str
    unit: Literal["number", "share"]
    value: float | None
    low: float | None
    high: float | None

    @property
    def words(self) -> str:
        """Return it with its interval, such as "Sharpe ratio 0.81 (-0.40 to 1.92)"."""
        return f"{self.label} {in_words(self.unit, self.value, self.low, self.high)}"


def in_words(unit: str, value: float | None, low: float | None, high: float | None) -> str:
    """Return a figure with its interval."""
    shown = "{:.1%}" if unit == "share" else "{:.2f}"
    if value is None:
        return "-"
    if low is None or high is None:
        return shown.format(value)
    return f"{shown.format(value)} ({shown.format(low)} to {shown.format(high)})"


class UnlikePart(Part):
    """One setting, or the version of one tentacle, in which a challenger differs from the control."""

    arm: str
    key: str
    control: str
    challenger: str


class HoldingPart(Part):
    """What holding all that the control trades had come to over the same days, in equal parts and without fees."""

    rule: str = Field(description="what is held, in a sentence")
    missing: list[str] = Field(description="what of the prices is not known, in sentences")
    curve: list[tuple[int, float]] = Field(
        description="ms since 1970 UTC at the close of a day, growth since the start; empty without any price"
    )

    @property
    def words(self) -> str:
        """Return what it came to, what is held, and what is missing."""
        growth = [f"Holding came to {self.curve[-1][1]:+.2%}."] if self.curve else []
        return " ".join([*growth, self.rule, *self.missing])


class CrossCheckPart(Part):
    """All arms of a test that has ended, compared by the job `cross_check`. It never makes a verdict."""

    state: str = Field(description='of the job; "": there is none yet')
    words: str = Field(description="what it says, or why it says nothing")
    spa_p_value: float | None = Field(description='of "no challenger is better than the control" (Hansen 2005)')
    in_the_running: list[str] | None = Field(description="arms that may be the best, at 10 %; null: not known")


def cross_checks(inside: Inside, standing: Standing) -> list[Job]:
    """Return the cross-checks of a test, the newest first."""
    of = {"name": standing.name, "since": iso(standing.since_ns)}
    return [job for job in inside.jobs.list(CROSS_CHECK) if job.arguments == of]


def cross_check_of(inside: Inside, standing: Standing | None) -> CrossCheckPart | None:
    """Return how the cross-check stands; None where two arms need none."""
    if standing is None or len(standing.config.arms) < 3:
        return None
    job = next(iter(cross_checks(inside, standing)), None)
    if job is not None and job.state is State.DONE:
        kept = {name: job.summary[name] for name in ("words", "spa_p_value", "in_the_running")}
        return CrossCheckPart(state=str(job.state), **kept)
    said = _WAITING if job is None or not job.state.is_ended else f"The cross-check is {job.state}: {job.reason}."
    state = "" if job is None else str(job.state)
    words = said if standing.until_ns else _LATER
    return CrossCheckPart(state=state, words=words, spa_p_value=None, in_the_running=None)


_LATER = "All arms are compared once, at the end of the test: looked at every day it would find what is not there."
_WAITING = "All arms are being compared; this takes some seconds."


def figures_by_arm(inside: Inside, standing: Standing) -> dict[str, list[FigurePart]]:
    """Return the figures of every arm, by its name, in the order in which they are shown."""
    order = [*FIGURES]
    figures = [*figures_of(standing.plan, standing.days), *figures_by_trades(closed_trades(inside, standing))]
    figures.sort(key=lambda one: order.index(one.name))
    return {arm: [_figure(one) for one in figures if one.arm == arm] for arm in standing.config.arms}


def _figure(one: Figure) -> FigurePart:
    label, unit = FIGURES[one.name]
    return FigurePart(name=one.name, label=label, unit=unit, value=one.value, low=one.low, high=one.high)


def closed_trades(inside: Inside, standing: Standing) -> list[ArmTrade]:
    """Return the trades of each arm that closed on a day of the test, arm by arm as they closed."""
    first, end = span_of(standing.days)
    return [
        arm_trade(arm, row)
        for arm in (standing.config.arms if standing.days else ())
        for row in inside.rows.rows(
            "trades", desk=arm, above={"ts": first}, below={"ts": end + 1}
        )  # the end is of the day
    ]


def split_by_arm(standing: Standing) -> dict[str, float | None]:
    """Return the share of each arm if money were split now by the chance of each to be the best; None before that can
    be told, and where the arms cannot be compared."""
    is_known = len(standing.days) >= FIRST_DAY and standing.judgement.verdict is not Verdict.INVALID
    shares = allocation(standing.plan, standing.days) if is_known else [None] * len(standing.config.arms)
    return dict(zip(standing.config.arms, shares, strict=True))


def settings_apart(inside: Inside, one: ExperimentConfig) -> list[UnlikePart]:
    """Return where the desks of the arms differ as they are configured now."""
    desks = {name: desk.model_dump(mode="json") for name, desk in inside.config.desks.items() if name in one.arms}
    return [
        UnlikePart(arm=arm, key=key, control=own, challenger=other)
        for arm, key, own, other in apart(desks, one, inside.reconciler.running.loaded)
    ]
