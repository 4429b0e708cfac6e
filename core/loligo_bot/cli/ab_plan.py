"""`loligo ab plan`: how long an A/B test would take, before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from loligo_bot.cli import ab_tables
from loligo_bot.cli.ab_arms import arms
from loligo_bot.cli.ab_history import watched
from loligo_bot.cli.output import Shell

if TYPE_CHECKING:
    from rich.console import Console

    from loligo_bot.door.experiment_papers import PlanAnswer
    from loligo_bot.historic import Historic

FROM_DESKS = "expected --correlation and --sharpe-difference, or --control and --challenger, or --control and --arm"


def plan(
    context: typer.Context,
    correlation: Annotated[float | None, typer.Option(help="Of the daily returns of both arms, such as 0.9.")] = None,
    sharpe_difference: Annotated[
        float | None, typer.Option(help="That is to be found, in yearly Sharpe ratios, such as 1.0.")
    ] = None,
    control: Annotated[str | None, typer.Option(help="Instead: a desk of the running bot,")] = None,
    challenger: Annotated[str | None, typer.Option(help="and the desk beside it.")] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"[NAME:] KEY=VALUE ..."',
            help="Or arms as of `loligo ab start`, tried over the recorded data of the feeds; no bot needs to run.",
        ),
    ] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="Over the candles that came with Loligo.")] = False,
    since: Annotated[str | None, typer.Option("--from", help="Begin after this time of the data, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Stop at this time of the data, ISO 8601.")] = None,
    challengers: Annotated[
        int, typer.Option(help="That are compared with A, all in all; arms count themselves.", min=1, max=19)
    ] = 1,
    equal_risk: Annotated[bool, typer.Option("--equal-risk", help="As if both desks varied alike.")] = False,
    mode: Annotated[
        Literal["open_ended", "fixed_end"], typer.Option(help="As of `loligo ab start`; for --days.")
    ] = "open_ended",
    days: Annotated[int | None, typer.Option(help="Planned days: what they find is told, too.")] = None,
) -> None:
    """Say how long an A/B test would take, before it starts: from supposed numbers, from two desks that traded, or from
    arms that are tried over recorded data."""
    shell: Shell = context.obj
    numbers = {"correlation": correlation, "sharpe_difference": sharpe_difference, "days": days}
    if correlation is not None and sharpe_difference is not None and control is None and challenger is None:
        from loligo_bot.door.experiment_papers import plan_answer
        from loligo_bot.experiments.planning import plans_of_numbers

        plans = plans_of_numbers(correlation, sharpe_difference, challengers=challengers)
        _told(shell, plan_answer(plans, mode, days))
    elif control is not None and arm and challenger is None and correlation is None:
        span = shell.instant(since, "--from"), shell.instant(until, "--to")
        found = _tried(shell, control, arm, span, is_bundled=bundled)
        _told(shell, _slowest(found, sharpe_difference, mode, days, is_scaled=equal_risk))
    elif control is not None and challenger is not None and not arm:
        given = {"control": control, "challenger": challenger, "equal_risk": equal_risk, "mode": mode}
        given |= {"challengers": challengers} if challengers > 1 else {}
        given |= {name: value for name, value in numbers.items() if value is not None}
        look(shell, "experiment.plan", given, ab_tables.show_plan)
    else:
        raise typer.BadParameter(FROM_DESKS)


def _told(shell: Shell, plan: PlanAnswer) -> None:
    answer = plan.model_dump(mode="json")
    shell.result({"ok": True, **answer}, lambda console: ab_tables.show_plan(console, answer))


def _tried(
    shell: Shell, control: str, words: list[str], span: tuple[str | None, str | None], *, is_bundled: bool
) -> Historic:
    """Return what arms come to over recorded data."""
    from loligo_bot.experiments.draft import Variant, Wanted
    from loligo_bot.historic import run_historic
    from loligo_bot.historic_request import HISTORIC, Asked

    variants = [Variant(**one) for one in arms(shell.home, words)]
    asked = Asked(
        wanted=Wanted(name=HISTORIC, control=control, variants=variants),
        since=span[0],
        until=span[1],
        data="bundled" if is_bundled else "configured",
        sample=0,
    )
    with watched(shell, asked) as on_progress:
        return run_historic(shell.home, asked, on_progress)


def _slowest(
    found: Historic, sharpe_difference: float | None, mode: str, days: int | None, *, is_scaled: bool
) -> PlanAnswer:
    """Return the plan of the arm that takes longest to tell from the control."""
    from loligo_bot.door.experiment_papers import plan_answer, unlike_desks
    from loligo_bot.experiments.planning import plans_of_returns

    control, *challengers = found.standing.config.arms
    desks = found.recipe.config["desks"]
    series = {
        arm: [day.arms[place].daily_return for day in found.standing.days]
        for place, arm in enumerate(found.standing.config.arms)
    }
    plans = [
        plans_of_returns(
            (control, arm),
            series[control],
            series[arm],
            sharpe_difference=sharpe_difference,
            is_scaled=is_scaled,
            is_unlike=unlike_desks(desks[control], desks[arm]),
            challengers=len(challengers),
        )
        for arm in challengers
    ]
    return plan_answer(min(plans, key=lambda one: abs(one.ratio.value)), mode, days)


def look(shell: Shell, verb: str, given: Mapping[str, Any], show: Any) -> dict[str, Any]:
    """Ask a reading verb, print its answer and return it."""
    from loligo_bot.cli.control_client import ask_verb

    answer: dict[str, Any] = ask_verb(shell.home, verb, given)["answer"]

    def draw(console: Console) -> None:
        show(console, answer)

    shell.result({"ok": True, **answer}, draw)
    return answer
