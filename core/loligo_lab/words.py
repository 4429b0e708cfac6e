"""A backtest in words: what came of it, compared with what; and what speaks against believing it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

FEW_TRADES = 30  # fewer say little: a mean of n results is uncertain by their spread over the root of n
SHORT_DAYS = 180
AMBIGUOUS_SHARE = 0.01  # of the trades


def verdict_of(result: Mapping[str, Any]) -> str:
    """Return one or two sentences."""
    figures = result["metrics"]["whole"]
    if figures is None:
        return " ".join(_of(f"Desk {name}", one) for name, one in result["metrics"]["desks"].items())
    return _of("It", figures)


def _of(who: str, figures: Mapping[str, Any]) -> str:
    if not figures["trades"] and not figures["still_open"]:
        return f"{who} did not trade: no signal passed, or no data reached the desk."
    gain, holding = figures["return"], figures["holding"]
    if gain is None:
        return f"{who} closed {figures['trades']} trades; what they are worth is not known, for want of a rate."
    did = f"{who} {'gained' if gain >= 0 else 'lost'} {_percent(abs(gain))} after fees"
    if holding is None:
        return f"{did}, with a deepest fall of {_percent(figures['max_drawdown'])}."
    held = holding["return"]
    beside = f"holding the same markets {'gained' if held >= 0 else 'lost'} {_percent(abs(held))}"
    fell = f"{_percent(figures['max_drawdown'])} against {_percent(holding['max_drawdown'])}"
    return f"{did}; {beside}. The deepest fall was {fell}."


def warnings_of(result: Mapping[str, Any]) -> list[str]:
    """Return what speaks against believing a result, each in a sentence, the weightiest first."""
    counts, data = result["counts"], result["data"]
    found = []
    if counts["failures"]:
        found.append(f"Tentacles failed {counts['failures']} times: the result is not what they would do when whole.")
    if 0 < counts["trades"] < FEW_TRADES:
        found.append(
            f"Only {counts['trades']} trades: with fewer than {FEW_TRADES}, luck decides more than the strategy."
        )
    days = _days(data["since"], data["until"])
    if days < SHORT_DAYS:
        found.append(f"The data cover {days:.0f} days: one kind of market, most likely.")
    ambiguous = counts.get("ambiguous_candles", 0)
    if ambiguous:
        share = ambiguous / counts["trades"] if counts["trades"] else 1.0
        weight = "enough to tip the result" if share > AMBIGUOUS_SHARE else "too few to matter"
        times = "once" if ambiguous == 1 else f"{ambiguous} times"
        found.append(f"A candle held both stop and target {times}, so which came first is a guess: {weight}.")
    still = sum(one["still_open"] for one in result["metrics"]["desks"].values())
    if still:
        found.append(
            f"{still} position{'s were' if still > 1 else ' was'} still open at the end, at the last price's worth."
        )
    found.append(
        "In-sample: whoever chose these settings may have known these candles; only what came later can prove them."
    )
    return found


def _days(since: str, until: str) -> float:
    if not since or not until:
        return 0.0
    first, last = (datetime.fromisoformat(text[:19]) for text in (since, until))
    return (last - first).total_seconds() / 86_400


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
