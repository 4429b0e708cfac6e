"""How `loligo ab` shows A/B tests to people: the verdict in words first, then the arms, then what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loligo_bot.cli.output import show_table

if TYPE_CHECKING:
    from rich.console import Console

Told = Mapping[str, Any]
MOST_LINES = 12  # on what the arms differ in


def show_list(console: Console, told: Told) -> None:
    """Draw a row for each test."""
    if not told["experiments"]:
        say(console, "no A/B tests yet; `loligo ab start` begins one, `loligo ab run` tries one over recorded data")
        return
    columns = ("test", "verdict", "day", "% a month", "A", "against", "")
    rows = [
        [
            one["name"],
            one["headline"],
            f"{one['day']} of {one['days_planned']}",
            _ahead(one["percent_per_month"], one.get("control_counts", 1.0)),
            one["control"],
            ", ".join(one["challengers"]),
            "ended" if one["is_ended"] else "",
        ]
        for one in told["experiments"]
    ]
    show_table(console, columns, rows)


def show_one(console: Console, told: Told) -> None:
    """Draw a test that runs, or one over recorded data."""
    say(console, f"{told['name']}: {told['headline']}", style="bold")
    say(console, told["sentence"])
    say(console, told["rule"], style="dim")
    if told["arms"]:
        show_arms(console, told["arms"], told["holding"])
        show_figures(console, told["arms"])
    if told["pairs"]:
        show_pairs(console, told["pairs"])
    for line in [*notes_of(told["pairs"]), *beside_of(told)]:
        say(console, line)
    for line in told["unlike"][:MOST_LINES]:
        say(console, line, style="dim")
    if len(told["unlike"]) > MOST_LINES:
        say(console, f"and {len(told['unlike']) - MOST_LINES} more; --json has all", style="dim")
    for line in told.get("assumptions", ()):
        say(console, line, style="dim")


def show_arms(console: Console, arms: Sequence[Told], holding: Told | None) -> None:
    """Draw what each arm did, and what holding came to."""
    columns = ("arm", "growth %", "deepest fall %", "trades", "fees", "turnover", "orders", "refused")
    rows = []
    for one in arms:
        refused = one.get("refused_orders", one.get("rejected", 0))
        row = [f"{one['letter']} {one['name']}", _signed(one["growth"], 100), _percent(one["drawdown"]), one["trades"]]
        rows.append([*row, round(one["fees"], 2), round(one["turnover"], 2), one["orders"], refused])
    if holding is not None and holding["curve"]:
        rows.append(["holding", _signed(holding["curve"][-1][1], 100), *[""] * (len(columns) - 2)])
    show_table(console, columns, rows)
    if holding is not None:
        say(console, " ".join([holding["rule"], *holding["missing"]]), style="dim")


def show_figures(console: Console, arms: Sequence[Told]) -> None:
    """Draw the figures of all arms with their intervals, nothing where none is known."""
    longest_first = sorted(arms, key=lambda one: len(one.get("figures", ())), reverse=True)
    known = {figure["name"]: figure["label"] for one in longest_first for figure in one.get("figures", ())}
    if not known:
        return
    by_arm = [{figure["name"]: figure for figure in one["figures"]} for one in arms]
    rows = [[label, *(_interval(figures.get(name)) for figures in by_arm)] for name, label in known.items()]
    show_table(console, ("figure (95 %)", *(f"{one['letter']} {one['name']}" for one in arms)), rows)
    say(console, "Figures are shown and never decide.", style="dim")


def show_pairs(console: Console, pairs: Sequence[Told]) -> None:
    """Draw each challenger against the control."""
    rows = []
    for one in pairs:
        effect = one["effect"] or {}
        low, high = effect.get("low_percent_per_month"), effect.get("high_percent_per_month")
        between = "-" if low is None or high is None else f"{low:+.2f} to {high:+.2f}"
        p_value = "-" if one["p_value"] is None else f"{one['p_value']:.3f}"
        correlation = "-" if one["correlation"] is None else f"{one['correlation']:.2f}"
        ahead = _ahead(effect.get("percent_per_month"), one.get("risk_scale", 1.0))
        rows.append([one["challenger"], one["headline"], ahead, between, p_value, correlation, one["day"]])
    show_table(console, ("challenger", "verdict", "% a month", "between", "p", "correlation", "day"), rows)


def notes_of(pairs: Sequence[Told]) -> list[str]:
    """Return what else is to be known of each pair: how likely luck is, what it waits for, what is broken."""
    found = []
    for one in pairs:
        said = [one["luck"], *one["notes"]]
        if one["verdict"] == "too_early":  # arms that do the same need no day on which they differ
            said += [gate["words"] for gate in one["gates"] if gate["have"] < gate["need"]]
        said += [rail["words"] for rail in one["rails"] if rail["is_broken"]]
        said += [check["words"] for check in one["checks"] if not check["is_met"]]
        found += [f"{one['challenger']}: {line}" for line in dict.fromkeys(line.rstrip(".") for line in said if line)]
    return found


def beside_of(told: Told) -> list[str]:
    """Return what stands beside the verdict of a test that runs: the whole field, and how money would be split."""
    whole = told.get("cross_check")
    known = [f"{one['name']} {one['split']:.0%}" for one in told["arms"] if one.get("split") is not None]
    split = [f"Split by the chance to be the best, money would go: {', '.join(known)}. That is no verdict."]
    return [*([whole["words"]] if whole else []), *(split if known else [])]


def show_plan(console: Console, told: Told) -> None:
    """Draw how long it takes in both modes."""
    for one in told["outlooks"]:
        say(console, f"{one['mode'].replace('_', ' ')}: {one['words']}")
    columns, is_estimate = ["mode", "days to plan", "half found by"], told["ratio_low"] is not None
    rows = [[one["mode"], _days(one["days"]), _days(one["half_found_by"])] for one in told["outlooks"]]
    if is_estimate:
        columns += ["at best", "at worst"]
        for row, one in zip(rows, told["outlooks"], strict=True):
            row += [_days(one["days_at_best"]), _worst(told, one)]
    show_table(console, columns, rows)
    if told["finds"] is not None:
        say(
            console,
            f"{told['days_planned']:,} days find 8 of 10 differences of {told['finds']:.2f} in the Sharpe ratio.",
        )
    ratio = f"information ratio {told['ratio']:.2f} a year"
    if is_estimate:
        ratio += f" (95 %: {told['ratio_low']:.2f} to {told['ratio_high']:.2f})"
    known = "" if told["correlation"] is None or not told["days"] else f", correlation {told['correlation']:.2f}"
    known += f", {told['challengers']} challengers" if told["challengers"] > 1 else ""
    scale = "" if told["risk_scale"] is None else f", equal risk at {told['risk_scale']:.2f} times the control"
    say(console, f"From {told['basis']}{known}: {ratio}{scale}.", style="dim")


def _worst(told: Told, one: Told) -> str:
    is_zero_in = told["ratio_low"] <= 0 <= told["ratio_high"]
    return "for ever" if is_zero_in else _days(one["days_at_worst"])


def _days(days: int | None) -> str:
    return "over a century" if days is None else f"{days:,}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f}"


def _signed(value: float | None, times: float = 1) -> str:
    return "-" if value is None else f"{value * times:+.2f}"


def _ahead(percent: float | None, control_counts: float) -> str:
    """Return how far a challenger is ahead, and how the control counts in that where it does not count once."""
    told = _signed(percent)
    return told if percent is None or control_counts == 1.0 else f"{told}, A {control_counts:g} times"


def _interval(figure: Told | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    is_share = figure["unit"] == "share"
    value, *ends = (
        f"{figure[key] * 100:.1f} %" if is_share else f"{figure[key]:.2f}"
        for key in ("value", "low", "high")
        if figure[key] is not None
    )
    return f"{value} ({' to '.join(ends)})" if ends else value


def say(console: Console, line: str, style: str = "") -> None:
    console.print(line, style=style or None, markup=False, soft_wrap=True)
