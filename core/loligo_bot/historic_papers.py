"""An A/B test over recorded data on paper: its document, and what people are told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import to_builtins

from loligo_bot.arm_cost import Cost
from loligo_bot.experiments.document import Did, document_of
from loligo_bot.historic import Historic
from loligo_lab.experiment import cross_check
from loligo_lab.experiment_files import arms_of


def historic_document(found: Historic, *, is_cross_checked: bool) -> dict[str, Any]:
    """Return the document of a test over recorded data; `is_cross_checked`: three arms and more with one another."""
    standing = found.standing
    about = {"data": dict(found.data), "failures": found.failures, "assumptions": list(found.assumptions)}
    if is_cross_checked:
        about["cross_check"] = to_builtins(cross_check(standing.plan, standing.days))
    did = Did(trades=found.trades, holding=found.holding)
    return document_of(standing, found.recipe, found.loaded, did, kind="historic", **about)


def told_of(document: Mapping[str, Any], found: Historic) -> dict[str, Any]:
    """Return what people are told of it."""
    judged, about = document["judgement"], document["about"]
    return {
        **judged,
        "day": len(document["days"]),
        "rule": about["rule"],
        "arms": arms_of(document),
        "unlike": about["unlike"],
        "holding": without_prices(document["holding"]),
        "cross_check": about.get("cross_check"),
        "assumptions": about["assumptions"],
        "data": about["data"],
        "failures": found.failures,
        "unasked": list(found.unasked),
        "took_s": round(found.took_s, 3),
        "cost": _cost(found.cost),
    }


def without_prices(holding: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what is told of holding."""
    return None if holding is None else {name: one for name, one in holding.items() if name != "prices"}


def _cost(cost: Cost) -> dict[str, Any]:
    share = cost.extra_arm_share
    return {
        "inputs": cost.inputs,
        "control_cpu_s": round(cost.control_s, 4),
        "all_cpu_s": round(cost.all_s, 4),
        "extra_arm_percent": None if share is None else round(share * 100, 1),
    }


def last_lines(told: Mapping[str, Any]) -> Sequence[str]:
    """Return what stands beneath it: the data, the time that it took, what an arm costs, and what went wrong."""
    data, cost, arms = told["data"], told["cost"], len(told["arms"])
    span = f"{data['inputs']:,} inputs from {data['since'][:10]} to {data['until'][:10]}"
    lines = [f"{arms} arms over {span} in {told['took_s']:.1f} s."]
    if cost["extra_arm_percent"] is not None:
        lines.append(
            f"An extra arm costs {cost['extra_arm_percent']:.0f} % of the first (processor time over "
            f"{cost['inputs']:,} inputs, by turns: {cost['control_cpu_s']:.2f} s with one arm, "
            f"{cost['all_cpu_s']:.2f} s with {arms})."
        )
    for arm in told["unasked"]:
        lines.append(f"{arm} never decided anything: does a feed have candles of its timeframe and its instruments?")
    if told["failures"]:
        lines.append(f"Tentacles failed {told['failures']} times: the arms did not do what they would do when whole.")
    return lines
