"""What an answer about an experiment holds beside its judgement: figures of the arms with intervals, what holding had
come to, and in what the arms differ. All of it is shown and decides nothing."""

from __future__ import annotations

from pydantic import Field

from loligo.model.timeframe import DAY_NS, timeframe_ns
from loligo_bot.door.inside import Inside
from loligo_bot.door.pages import Part
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.document import apart
from loligo_bot.experiments.standing import Standing
from loligo_lab.experiment.figures import figures_of
from loligo_store.candles import candles_before

MS_PER_NS = 1_000_000


class FigurePart(Part):
    """One figure of an arm with its 95 % interval; what cannot be told yet is null."""

    name: str = Field(description="sharpe, sortino, calmar, drawdown, turnover or sharpe_difference")
    value: float | None
    low: float | None
    high: float | None


class UnlikePart(Part):
    """One setting, or the version of one tentacle, in which a challenger differs from the control."""

    arm: str
    key: str
    control: str
    challenger: str


class HoldingPart(Part):
    """What holding the control's first instrument had come to over the same days, without fees."""

    instrument: str
    curve: list[tuple[int, float]] = Field(
        description="ms since 1970 UTC at the close of a day, growth since the start"
    )


def figures_by_arm(standing: Standing) -> dict[str, list[FigurePart]]:
    """Return the figures of every arm, by its name."""
    found: dict[str, list[FigurePart]] = {name: [] for name in standing.config.arms}
    for one in figures_of(standing.plan, standing.days):
        found[one.arm].append(FigurePart(name=one.name, value=one.value, low=one.low, high=one.high))
    return found


def holding(inside: Inside, standing: Standing, points: int) -> HoldingPart | None:
    """Return the growth at up to `points` days, the last among them; None where the journal has no such candles."""
    desk = inside.config.desks.get(standing.config.control)
    if desk is None or not standing.days or points < 1:
        return None
    instrument, timeframe = f"{desk.venue}:{desk.instruments[0]}", desk.timeframe
    closes = [day.opened_at_ns + DAY_NS for day in standing.days]
    step = -(-len(closes) // points)
    base = _price_at(inside, instrument, timeframe, standing.days[0].opened_at_ns)
    found = {at: _price_at(inside, instrument, timeframe, at) for at in reversed(closes[::-step])}
    if not base:
        return None
    curve = [(at // MS_PER_NS, price / base - 1.0) for at, price in found.items() if price]
    return HoldingPart(instrument=instrument, curve=curve) if curve else None


def _price_at(inside: Inside, instrument: str, timeframe: str, at_ns: int) -> float | None:
    """Return the close of the last candle that had closed by an instant."""
    before_ns = at_ns - timeframe_ns(timeframe) + 1
    found = candles_before(inside.journal().engine, instrument, timeframe, before_ns=before_ns, limit=1)
    return found[-1].close if found else None


def settings_apart(inside: Inside, one: ExperimentConfig) -> list[UnlikePart]:
    """Return where the desks of the arms differ as they are configured now."""
    desks = {name: desk.model_dump(mode="json") for name, desk in inside.config.desks.items() if name in one.arms}
    return [UnlikePart(arm=arm, key=key, control=own, challenger=other) for arm, key, own, other in apart(desks, one)]
