"""The verb experiment.start: who is to compete, judged field by field before anything is written, and how long it will
take.

What must hold: nothing is written that would be refused when it is taken up; what runs is not stopped for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from loligo.config.schema import Name as NamePattern
from loligo.errors import BadArguments, DataError
from loligo.ports.door import Role
from loligo_bot.door.exchanging import Changing, Exchanged
from loligo_bot.door.experiment_judging import judge_alike, judge_arms, judge_capital
from loligo_bot.door.experiment_papers import PlanAnswer, plan_of_arms
from loligo_bot.door.experiment_writing import written
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.experiments.draft import Draft, Variant, Wanted, drafted
from loligo_bot.experiments.planning import risk_scale_of
from loligo_bot.experiments.standing import SECTION
from loligo_bot.past import recipe_now

EQUAL = "equal"
Changes = Annotated[dict[str, Any], Field(max_length=50)]
Versions = Annotated[dict[str, str], Field(max_length=10)]


class NewArm(BaseModel):
    """One desk that is made: the control but for this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,15})?$")] = Field(
        default="", description="its desk is called EXPERIMENT_NAME; a letter where there is none"
    )
    changes: Changes = Field(default={}, description="as of the verb itself")
    versions: Versions = Field(default={}, description="as of the verb itself")


class Competing(Arguments):
    """Who competes, and by which rule."""

    control: str = Field(min_length=1, description="a desk that is there; it stays as it is")
    challengers: list[str] = Field(default=[], max_length=19, description="desks that are there, or none: one is made")
    changes: Changes = Field(
        default={},
        description="in which the desk that is made differs: strategy.settings.entry_threshold: 0.75, or a strategy or "
        'mode by its name, or evaluators: ["rsi", "macd"]',
    )
    versions: Versions = Field(
        default={}, description="versions it runs instead, by hash: strategy/weighted_vote: 3f2a9c..."
    )
    variants: list[NewArm] = Field(
        default=[], max_length=19, description="more desks that are made, each with changes or versions of its own"
    )
    mode: Literal["open_ended", "fixed_end"] = Field(
        default="open_ended", description="fixed_end is sooner sure, and is never extended"
    )
    days: int = Field(default=180, ge=21, le=3_650, description="planned")
    margin_per_year: float = Field(
        default=0.05, ge=0, lt=10, description="arms no further apart, as a share a year, are practically the same"
    )
    risk_scale: dict[str, float | str] = Field(
        default={},
        max_length=19,
        description="by challenger (its desk, or an arm's name or letter): the control's returns count so many times, "
        'for equal risk; "equal": by the days that both desks have',
    )
    limits: dict[str, float | None] = Field(default={}, description="guardrails other than usual")

    def wanted(self, name: str, scales: Mapping[str, float], **rule: Any) -> Wanted:
        """Return it as a test of this name, with risk scales that are numbers; `rule` is what else is agreed on."""
        variants = [Variant(changes=self.changes, versions=self.versions)] if self.changes or self.versions else []
        variants += [
            Variant(changes=one.changes, versions=one.versions, name=one.name, asked=f"variants.{place}.")
            for place, one in enumerate(self.variants)
        ]
        agreed = {field: getattr(self, field) for field in ("mode", "days", "margin_per_year", "limits")}
        return Wanted(
            name=name,
            control=self.control,
            challengers=self.challengers,
            variants=variants,
            scales=scales,
            rule={**agreed, **rule},
        )


class NewExperiment(Changing, Competing):
    """A test of a bot that runs."""

    name: NamePattern = Field(description="of the experiment")
    account: Literal["own", "shared"] = Field(
        default="own",
        description="of the desks that are made: each its own, or the control's, with capital out of what is free",
    )
    on_win: Literal["tell", "promote"] = Field(default="tell", description="promote: a winner takes over by itself")


class Begun(Exchanged):
    """What came of a start, and how long the test will take."""

    plan: PlanAnswer | None = Field(default=None, description="to find a usual difference; null: it did not begin")

    def lines(self) -> Sequence[str]:
        return [*super().lines(), *(self.plan.lines() if self.plan else [])]


async def start(inside: Inside, asked: Asked, given: NewExperiment) -> Begun:
    """Judge what is asked, write it, have it taken up, and say how long it will take."""
    done, draft = await begin(inside, asked, given)
    plan = await inside.read(partial(_plan, inside, given, draft)) if done.is_done else None
    return Begun(**{name: getattr(done, name) for name in Exchanged.model_fields}, plan=plan)


async def begin(inside: Inside, asked: Asked, given: NewExperiment) -> tuple[Exchanged, Draft]:
    """Judge what is asked, write it and have it taken up. BadArguments has a sentence for each field."""
    draft = await inside.read(partial(_drafted, inside, given))
    return await written(inside, asked, given, f"experiment {given.name} begins", draft), draft


def _drafted(inside: Inside, given: NewExperiment) -> Draft:
    wanted = given.wanted(given.name, scales_of(inside, given), on_win=given.on_win)
    wanted = replace(wanted, is_shared=given.account == "shared")
    draft = drafted(inside.home, recipe_now(inside.home).config, wanted, partial(_capital, inside))
    judge_arms(inside, draft, given.control)
    judge_capital(inside, draft)
    judge_alike(draft)
    return draft


def scales_of(inside: Inside, given: Competing) -> Mapping[str, float]:
    """Return the risk scales as numbers; BadArguments names each that is none."""
    found, problems = {}, {}
    for arm, value in given.risk_scale.items():
        try:
            found[arm] = _equal_risk(inside, given.control, arm) if value == EQUAL else float(value)
        except (ValueError, DataError) as exc:
            said = str(exc) if isinstance(exc, DataError) else f'expected a number or "{EQUAL}"'
            problems[f"risk_scale.{arm}"] = f"risk_scale.{arm} = {value!r}: {said}"
    if problems:
        raise BadArguments("; ".join(problems.values()), problems)
    return found


def _equal_risk(inside: Inside, control: str, arm: str) -> float:
    rows = [inside.rows.rows("desk_days", desk=desk) for desk in (control, arm)]
    return risk_scale_of((control, arm), rows)


def _capital(inside: Inside, control: str, configured: Decimal) -> Decimal:
    """Return what the control is worth now, which the other side begins with."""
    book = inside.engine.portfolio.books.get(control)
    worth = book.equity if book is not None else float("nan")
    return configured if worth != worth or worth <= 0 else Decimal(f"{worth:.2f}")


def _plan(inside: Inside, given: NewExperiment, draft: Draft) -> PlanAnswer:
    """Return how long it takes in the mode that was chosen."""
    challengers = draft.config[SECTION][given.name]["challengers"]
    plan = plan_of_arms(inside, draft.config["desks"], given.control, challengers, mode=given.mode, days=given.days)
    return plan.model_copy(update={"outlooks": [one for one in plan.outlooks if one.mode == given.mode]})


OFFERS: tuple[Offer, ...] = (
    changing(
        "experiment.start", "begin an A/B test: a desk against others, or against itself with changes", Role.ADMIN,
        NewExperiment, Begun, start,
    ),
)  # fmt: skip
