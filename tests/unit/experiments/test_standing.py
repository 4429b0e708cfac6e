"""Which days of a test count: those that lie whole between its start and its end."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.model.timeframe import DAY_NS
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.by_hand import by_hand_of
from loligo_bot.experiments.standing import Led, standing_of
from loligo_bot.recipe import Recipe
from loligo_lab.experiment import Action, Verdict, broken_stops

ONE = ExperimentConfig(control="old", challengers=("new",))
DAYS = 40


class Rows:
    """The read models of two desks that gain and lose a little, day by day, at midnight."""

    def __init__(self, fees: float | None = 0.0, answers: int = 24) -> None:
        self.fees, self.answers = fees, answers  # of each day; None: a rate was not known

    def rows(self, projection: str, *, desk: str = "", below: dict[str, int] | None = None, **_: Any) -> list[Any]:
        if projection != "desk_days":
            return []
        counts: dict[str, float | None] = {
            "answers": self.answers,
            "orders": 1,
            "rejected": 0,
            "trades": 1,
            "failures": 0,
        }
        counts |= {"fees": self.fees, "turnover": 0.0, "exposure": 0.0}
        worth = [1_000.0 + (desk == "new") * day % 3 for day in range(DAYS)]
        known = min(DAYS, below["day"]) if below else DAYS
        return [{"day": day, "equity": worth[day], "low": None, "high": None, **counts} for day in range(1, known)]


def led(
    number: int,
    since_ns: int,
    *,
    ended: bool = False,
    capital: int = 1_000,
    fast: int = 5,
    by: str = "",
    packages: str = "",
    **section_changes: Any,
) -> Led:
    desk = {
        "account": "paper",
        "venue": "coinbase",
        "instruments": ["BTC/USD"],
        "timeframe": "1h",
        "capital": capital,
        "strategy": {"tentacle": "vote", "settings": {"fast": fast}},
        "mode": {"tentacle": "spot"},
        "evaluators": [],
        "risk_rules": [],
    }
    section = ONE.model_copy(update={"ended": ended, **section_changes}).model_dump(mode="json")
    entry = {"kind": "strategy", "name": "vote", "settings": {}, **({"packages": packages} if packages else {})}
    config = {
        "desks": {"old": desk, "new": desk},
        "accounts": {"paper": {"limits": {}}},
        "venues": {"coinbase": {}},
        "experiments": {"test": section},
    }
    return Led(number=number, since_ns=since_ns, recipe=Recipe(config, {"tentacles": [entry]}), slots=[], by=by)


@pytest.mark.parametrize(
    ("end_ns", "days"),
    [(30 * DAY_NS + 1, 29), (30 * DAY_NS + DAY_NS // 2, 29), (31 * DAY_NS, 29), (31 * DAY_NS + 1, 30)],
    ids=["just after midnight", "noon", "midnight", "just after the next"],
)
def test_a_promotion_is_no_change_of_the_last_day_that_counts(end_ns: int, days: int) -> None:
    """It began with day 1; what comes at midnight belongs to the day that ends then, which then does not count."""
    found = standing_of("test", ONE, [led(1, DAY_NS), led(2, end_ns, ended=True, fast=9)], Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert (found.until_ns, len(found.days)) == (end_ns, days)
    assert found.judgement.verdict is not Verdict.INVALID


def test_an_end_that_was_taken_back_is_none() -> None:
    known = [led(1, DAY_NS), led(2, 10 * DAY_NS + 5, ended=True), led(1, 10 * DAY_NS + 6)]
    found = standing_of("test", ONE, known, Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert (found.until_ns, len(found.days)) == (0, 34)


def test_a_change_of_an_arm_is_told_with_what_when_and_who() -> None:
    known = [led(1, DAY_NS), led(2, 10 * DAY_NS + DAY_NS // 2, fast=9, by="by ann (it was too slow)")]
    found = standing_of("test", ONE, known, Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert found.judgement.verdict is Verdict.INVALID
    assert found.judgement.sentence == (  # the day that began with day 10 is the tenth from day 1 on
        "Code or settings of old were changed on day 10: strategy.settings.fast: 5 → 9 at 1970-01-11T12:00:00Z by ann "
        "(it was too slow). Start the test anew."
    )
    assert [day.arms[0].changed != "" for day in found.days].count(True) == 1


@pytest.mark.parametrize(
    ("timeframe", "instruments", "answers", "minutes"),
    [
        ("1h", 1, 24, 0.0),
        ("1h", 1, 21, 180.0),
        ("1h", 2, 42, 180.0),  # 6 hours of 2 instruments
        ("5m", 1, 280, 40.0),
        ("1d", 1, 1, 0.0),
        ("1w", 1, 0, 0.0),  # one candle in seven days
        ("", 1, 3, 0.0),  # new opinions come when they come
    ],
)
def test_candles_that_did_not_come_are_minutes_without_fresh_data_which_withhold_better(
    timeframe: str, instruments: int, answers: int, minutes: float
) -> None:
    one = led(1, DAY_NS)
    for desk in one.recipe.config["desks"].values():
        desk |= {"timeframe": timeframe, "instruments": [f"C{place}/USD" for place in range(instruments)]}
    found = standing_of("test", ONE, [one], Rows(answers=answers), 35)  # type: ignore[arg-type]
    assert found is not None
    assert {arm.stale_minutes for day in found.days for arm in day.arms} == {minutes}
    rails = [rail for rail in found.judgement.pairs[0].rails if rail.name == "stale"]
    assert [(rail.value, rail.action, rail.is_broken) for rail in rails] == [(minutes, Action.VETO, minutes > 30)] * 2


def test_packages_that_a_tentacle_runs_with_are_a_part_of_its_arm() -> None:
    known = [led(1, DAY_NS, packages="h1:aaaa"), led(2, 10 * DAY_NS + 5, packages="h1:bbbb")]
    found = standing_of("test", ONE, known, Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert found.judgement.verdict is Verdict.INVALID
    assert "packages.strategy/vote: h1:aaaa → h1:bbbb" in found.judgement.sentence


@pytest.mark.parametrize(("changes", "days"), [({"on_win": "promote"}, 34), ({"margin_per_year": 0.1}, 24)])
def test_what_follows_a_win_may_be_changed_while_a_test_goes_on_and_what_decides_begins_it_anew(
    changes: dict[str, Any], days: int
) -> None:
    one = ONE.model_copy(update=changes)
    known = [led(1, DAY_NS), led(2, 10 * DAY_NS + 5, **changes)]
    found = standing_of("test", one, known, Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert len(found.days) == days
    assert found.config.on_win == one.on_win


class Deep(Rows):
    """A day on which the challenger comes back from where it had fallen."""

    def __init__(self, **marked: float) -> None:
        super().__init__()
        self.marked = marked

    def rows(self, projection: str, *, desk: str = "", **asked: Any) -> list[Any]:
        found = super().rows(projection, desk=desk, **asked)
        return [row | self.marked if row["day"] == 9 and desk == "new" else row for row in found]


@pytest.mark.parametrize(
    ("marked", "limits", "rail"),
    [
        ({"low": 840.0, "high": 1_000.0, "fall": 0.16, "equity": 905.0}, {}, "worst_day"),
        ({"low": 800.0, "high": 1_100.0, "fall": 1 - 800 / 1_100}, {"worst_day": None}, "drawdown"),
        ({"low": 800.0, "high": 1_100.0, "fall": 0.2}, {"worst_day": None}, ""),  # it fell before it rose
    ],
)
def test_a_limit_that_any_mark_of_a_day_breaks_stops_the_test_though_the_day_closes_well(
    marked: dict[str, float], limits: dict[str, float | None], rail: str
) -> None:
    """What stops a challenger at once, within the day, is what its closed day says."""
    one, known = ONE.model_copy(update={"limits": limits}), [led(1, DAY_NS, limits=limits)]
    rows: Any = Deep(**marked)
    for open_day in (9, 35):  # while that day goes on, and long after it
        found = standing_of("test", one, known, rows, open_day)
        assert found is not None
        (pair,) = found.judgement.pairs
        day = found.today if open_day == 9 else found.days[8]
        assert day is not None
        new = day.arms[1]
        broken = broken_stops(found.plan.limits, "new", drawdown=new.drawdown, worst_day=new.worst_loss)
        assert [one.name for one in broken] == [rail] * bool(rail)
    assert (pair.verdict is Verdict.STOPPED) == bool(rail)
    assert [one.name for one in pair.rails if one.is_broken and one.action is Action.STOP] == [rail] * bool(rail)


class Commands(Rows):
    """Commands that were carried out, as the read model has them."""

    def __init__(self, *commands: tuple[str, str]) -> None:
        self.commands = [
            {"seq": 7 + place, "ts": 9 * DAY_NS + 1 + place, "kind": kind, "target": target, "by": "ann"}
            for place, (kind, target) in enumerate(commands)
        ]

    def rows(self, projection: str, **asked: Any) -> list[Any]:
        return self.commands if projection == "commands" else []


@pytest.mark.parametrize(
    ("commands", "touches"),
    [
        ([("resume", "new")], "resume 7 by ann"),  # nobody had paused it: a limit had
        ([("resume", "account:own")], "resume 7 by ann"),
        ([("pause", "new"), ("resume", "new")], ""),  # a pause of a person, which counts as downtime
        ([("resume", "*")], ""),
        ([("resume", "other")], ""),
    ],
)
def test_who_ends_the_pause_of_a_limit_in_one_arm_alone_has_touched_it(
    commands: list[tuple[str, str]], touches: str
) -> None:
    known = by_hand_of(Commands(*commands), {"new": "own"})  # type: ignore[arg-type]
    assert known["new"].touches(9) == touches


@pytest.mark.parametrize(("since_day", "paused_s"), [(9, 0.0), (10, 86_400.0)])
def test_a_pause_by_the_test_of_before_keeps_an_arm_from_entering_as_anybodys(since_day: int, paused_s: float) -> None:
    """One that began anew, under the same name, is not to call it its own."""
    rows: Any = Commands(("pause", "new"))
    rows.commands[0]["by"] = "experiment test"
    known = by_hand_of(rows, {"new": "own"}, "experiment test", since_day * DAY_NS)
    assert known["new"].paused_s(11) == paused_s


def test_costs_without_a_rate_are_not_taken_for_nothing() -> None:
    found = standing_of("test", ONE, [led(1, DAY_NS)], Rows(fees=None), 35)  # type: ignore[arg-type]
    assert found is not None
    broken = {rail.name: rail for rail in found.judgement.pairs[0].rails if rail.is_broken}
    assert broken.keys() == {"turnover", "fees"}
    assert (broken["fees"].value, broken["fees"].action) == (None, Action.VETO)
    assert broken["fees"].words == "Fees on 34 days of new are not known, for want of a rate of exchange"
