"""An A/B test laid out for people: numbers beneath the curves, guardrails side by side, trades side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .wording import DASH, money, percent

MS_PER_NS = 1_000_000
DAY_NS = 86_400_000_000_000
MOST_ROWS = 40
MOST_TRADES = 25
RAILS: Mapping[str, tuple[str, str]] = {  # name: label, how its value is shown
    "drawdown": ("Deepest fall", "share"),
    "worst_day": ("Loss on the worst day", "share"),
    "drawdown_ratio": ("Fall beside the other arm's", "times"),
    "turnover": ("Turnover a day", "times"),
    "fees": ("Fees a month", "share"),
    "exposure": ("Highest exposure", "share"),
    "refused_orders": ("Orders rejected", "share"),
    "stale": ("Without fresh data a day", "minutes"),
    "correlation": ("Correlation of the arms, at least", "number"),
    "tail": ("Skew of the differences", "number"),
}
_UNITS = {"times": "\u00d7", "minutes": " min"}
ACTIONS = {"stop": "ends the test", "veto": "cannot win", "tell": "is told"}


BETTER = ("challenger_better", "control_better")
OVERRIDES = {  # what a promotion goes against, by the verdict of the test
    "control_better": "Promote against the verdict",
    "practically_the_same": "Promote although they are the same",
    "stopped": "Promote despite the safety limit",
    "invalid": "Promote although the test is invalid",
}


def override_of(verdict: str) -> str:
    """Return the label of a promotion without a winner."""
    return OVERRIDES.get(verdict, "Promote without a verdict")


def now_of(pair: Mapping[str, Any] | None) -> str:
    """Return how far a challenger is ahead today where its verdict is older than that, "" elsewhere."""
    if pair is None or pair["verdict"] not in BETTER or not pair["effect"] or pair["verdict_day"] == pair["day"]:
        return ""
    effect, names, scale = pair["effect"], (pair["challenger"], pair["control"]), pair["risk_scale"]
    lead = "" if scale == 1.0 else f"At equal risk, with the returns of {names[1]} counted {scale:g} times, "
    lead += f"{names[0]} is {_percent(abs(effect['percent_per_month']))} a month"
    lead += f" {'ahead of' if effect['per_day'] >= 0 else 'behind'} {names[1]} by now, day {pair['day']}"
    low, high = effect["low_percent_per_month"], effect["high_percent_per_month"]
    return f"{lead}." if low is None else f"{lead}; anything from {_percent(low)} to {_percent(high)} fits."


def _percent(value: float) -> str:
    return percent(value / 100, 2)


def caution_of(pair: Mapping[str, Any] | None) -> str:
    """Return why the curves of a pair prove nothing, "" where they may."""
    if pair is None or pair["verdict"] != "invalid":
        return ""
    return f"The arms were not treated alike from day {pair['day']} on: what the band says counts for nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRow:
    """One day of the table beneath the curves; fractions."""

    at_ms: int
    arms: Sequence[float | None]
    holding: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(slots=True, kw_only=True)
class RailRow:
    """One guardrail of both arms, or of both together."""

    label: str
    limit: str
    action: str
    values: list[str] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)
    used: list[tuple[float, float]] = field(default_factory=list)  # value and limit, for a bar
    is_shared: bool = False
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure of all arms: its value, and from where to where it may lie."""

    label: str
    cells: Sequence[tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class TradeRow:
    """A round trip of either arm, or one that both made."""

    instrument: str
    opened_at: str
    ours: Any = None
    theirs: Any = None

    @property
    def newest(self) -> str:
        return max(str(one.closed_at) for one in (self.ours, self.theirs) if one is not None)


def numbers_of(test: Any, pair: Mapping[str, Any] | None) -> list[NumberRow]:
    """Return at most `MOST_ROWS` days, newest first, evenly apart."""
    curves = [dict(arm.curve) for arm in test.arms]
    days = [at_ms for at_ms, _ in test.arms[0].curve] if test.arms else []
    band = {(one["opened_at_ns"] + DAY_NS) // MS_PER_NS: one for one in pair["band"]} if pair else {}
    held = dict(test.holding.curve) if test.holding else {}
    step = -(-len(days) // MOST_ROWS) or 1
    return [
        NumberRow(
            at_ms=at_ms,
            arms=[curve.get(at_ms) for curve in curves],
            holding=held.get(at_ms),
            **{name: band.get(at_ms, {}).get(name) for name in ("difference", "low", "high")},
        )
        for at_ms in days[::-step]
    ]


def rails_of(pair: Mapping[str, Any] | None, arms: Sequence[str]) -> list[RailRow]:
    """Return every guardrail with the values of the control and of the challenger."""
    found: dict[str, RailRow] = {}
    for rail in pair["rails"] if pair else ():
        label, kind = RAILS.get(rail["name"], (rail["name"].replace("_", " ").capitalize(), "number"))
        row = found.setdefault(
            rail["name"],
            RailRow(
                label=label, limit=_amount(rail["limit"], kind), action=ACTIONS.get(rail["action"], rail["action"])
            ),
        )
        row.is_shared = rail["arm"] not in arms
        row.values.append(_amount(rail["value"], kind))
        row.broken.append(rail["is_broken"])
        row.used.append((rail["value"] or 0.0, rail["limit"]))
        row.words.append(rail["words"])
    return list(found.values())


def figures_of(test: Any) -> list[FigureRow]:
    """Return every figure that some arm has, in the order of the arm that has most."""
    by_arm = [{one.name: one for one in arm.figures} for arm in test.arms]
    longest = max(by_arm, key=len, default={})
    return [
        FigureRow(label=one.label, cells=[_cell(figures.get(name)) for figures in by_arm])
        for name, one in longest.items()
    ]


def _cell(figure: Any) -> tuple[str, str]:
    if figure is None or figure.value is None:
        return DASH, ""
    if figure.low is None:
        return _amount(figure.value, figure.unit), ""
    low = money(figure.low * 100, 1) if figure.unit == "share" else _amount(figure.low, figure.unit)
    return _amount(figure.value, figure.unit), f"{low} … {_amount(figure.high, figure.unit)}"


def _amount(value: float | None, kind: str) -> str:
    if value is None:
        return DASH
    if kind == "share":
        return percent(value)
    return f"{money(value, 0 if kind == 'minutes' else 2)}{_UNITS.get(kind, '')}"


def side_by_side(ours: Any, theirs: Any) -> list[TradeRow]:
    """Return the newest trades of both, those that began at the same moment in one row."""
    rows: dict[tuple[str, str], TradeRow] = {}
    for side, answer in (("ours", ours), ("theirs", theirs)):
        for trade in answer.trades if answer else ():
            place = trade.instrument, trade.opened_at
            row = rows.setdefault(place, TradeRow(instrument=trade.instrument, opened_at=trade.opened_at))
            setattr(row, side, trade)
    known_from = max((_oldest(answer) for answer in (ours, theirs)), default="")
    newest = sorted(rows.values(), key=lambda row: row.newest, reverse=True)
    return [row for row in newest if row.newest >= known_from][:MOST_TRADES]


def _oldest(answer: Any) -> str:
    """Return since when the trades of one side are all there, "" where none is older than the page."""
    is_cut = answer is not None and answer.next_before is not None
    return str(answer.trades[-1].closed_at) if is_cut else ""
