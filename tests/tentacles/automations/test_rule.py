"""A rule: every trigger and condition by arithmetic, arming, state, words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from loligo.api import Candle, EquityMarked, Position, PositionChanged, Record, ns_from_iso
from loligo.api.automation import Firing, World

HOUR_NS = 3_600_000_000_000
START_NS = ns_from_iso("2020-01-01")
BTC = "venue:BTC/USD"
Load = Callable[[str], ModuleType]


def candle(number: int, close: float, *, high: float = 0.0, low: float = 0.0, events: Sequence[Any] = ()) -> Record:
    """Return the record of a candle that closes `number` hours after the start."""
    ts = START_NS + number * HOUR_NS
    given = Candle(BTC, "1h", ts - HOUR_NS, ts, close, high or close, low or close, close, 1.0)
    return Record(100 * number, given, list(events))


def position(quantity: str, entry: str, number: int = 0) -> PositionChanged:
    zero, opened_at_ns = Decimal(0), START_NS + number * HOUR_NS
    held = Position(
        desk="main",
        account="paper",
        instrument=BTC,
        quantity=Decimal(quantity),
        average_entry=Decimal(entry),
        realised=zero,
        fees=zero,
        funding=zero,
        opened_at_ns=opened_at_ns,
    )
    return PositionChanged(1, opened_at_ns, 0, "main", held)


def equity(value: float, drawdown: float, *, desk: str = "main") -> EquityMarked:
    return EquityMarked(1, START_NS, 0, desk, "paper", value, drawdown, 0.0)


def rule(load: Load, **settings: Any) -> Any:
    factory = load("automations/rule").automation()
    return factory.create(factory.settings(**settings), None)


def fired(made: Any, records: Sequence[Record], world: World | None = None) -> list[Firing | None]:
    world, said = world or World(), []
    for record in records:
        world.hear(record)
        said.append(made.on_record(record, world))
    return said


def places(said: Sequence[Firing | None]) -> list[int]:
    return [place for place, one in enumerate(said) if one is not None]


def prices(made: Any, *closes: float) -> list[int]:
    return places(fired(made, [candle(number, close) for number, close in enumerate(closes)]))


def test_a_price_fires_once_below_its_level_and_again_after_it_has_gone_back(load_tentacle: Load) -> None:
    made = rule(load_tentacle, trigger="price", instrument=BTC, relation="below", level=100, re_arm=2)
    # armed again at 102 = 100 + 2 %: neither 101 nor 101.9 do
    assert prices(made, 105, 100, 99, 98, 101, 99, 101.9, 99, 102, 99.5) == [2, 9]


def test_a_price_above_fires_at_the_first_look_when_it_is_there_already(load_tentacle: Load) -> None:
    assert prices(rule(load_tentacle, trigger="price", instrument=BTC, relation="above", level=100), 101, 102) == [0]


def test_crosses_fires_either_way_but_not_before_it_has_seen_a_side(load_tentacle: Load) -> None:
    made = rule(load_tentacle, trigger="price", instrument=BTC, relation="crosses", level=100, re_arm=1)
    # another side counts from 101 and 99 on
    assert prices(made, 105, 99.5, 98.9, 100.5, 101.5, 98) == [2, 4, 5]


def test_a_firing_says_why_and_is_known_by_the_record(load_tentacle: Load) -> None:
    acts = [{"do": "flatten", "desk": "main"}, {"do": "notify", "text": "{name} {value}/{level} {nobody}"}]
    made = rule(load_tentacle, trigger="price", instrument=BTC, relation="below", level=9000, actions=acts)
    (firing,) = fired(made, [candle(3, 8990.5)])
    assert firing is not None and firing.key == "seq 300"
    assert firing.why == "BTC/USD at 8,990.5, below 9,000"
    assert [(act.verb, dict(act.arguments)) for act in firing.acts] == [
        ("flatten", {"target": "main"}),
        ("automation.tell", {"text": "BTC/USD 8,990.5/9,000 {nobody}", "level": "warning"}),
    ]


def test_the_profit_of_a_desk_is_equity_less_capital(load_tentacle: Load) -> None:
    world = World()
    world.worth["main"] = type(world).of(seeded()).worth["main"]
    made = rule(load_tentacle, trigger="profit", desk="main", relation="above", level=5)
    marks = [equity(10_500, 0.0), equity(10_501, 0.0)]  # 5 % of 10,000 is 500: not above, above
    assert places(fired(made, [candle(n, 1, events=[one]) for n, one in enumerate(marks)], world)) == [1]
    money = rule(load_tentacle, trigger="profit", desk="main", unit="money", relation="below", level=-200)
    marks = [equity(9_800, 0.0), equity(9_799, 0.0)]
    assert places(fired(money, [candle(n, 1, events=[one]) for n, one in enumerate(marks)], world)) == [1]


def seeded() -> dict[str, Any]:
    world = World().plain()
    return {**world, "worth": {"main": {"equity": None, "drawdown": 0.0, "capital": 10_000.0}}}


def test_the_profit_of_a_position_is_told_by_its_entry_and_side(load_tentacle: Load) -> None:
    made = rule(load_tentacle, trigger="profit", desk="main", instrument=BTC, relation="above", level=10)
    long = [candle(0, 100, events=[position("2", "100")]), candle(1, 110), candle(2, 110.5)]  # 10 % is not above
    assert places(fired(made, long)) == [2]
    made = rule(load_tentacle, trigger="profit", desk="main", instrument=BTC, unit="money", level=15, relation="above")
    short = [candle(0, 100, events=[position("-2", "100")]), candle(1, 93), candle(2, 92)]  # 2 x 7 = 14, 2 x 8 = 16
    assert places(fired(made, short)) == [2]


def test_a_drawdown_of_desk_or_account_fires_above_its_percent(load_tentacle: Load) -> None:
    desk = rule(load_tentacle, trigger="drawdown", desk="main", relation="above", level=10)
    account = rule(load_tentacle, trigger="drawdown", desk="account:paper", relation="above", level=10)
    records = [
        candle(0, 1, events=[equity(90, 0.10)]),
        candle(1, 1, events=[equity(89, 0.11)]),
        candle(2, 1, events=[equity(80, 0.2, desk="")]),
    ]
    assert places(fired(desk, records)) == [1]
    assert places(fired(account, records)) == [2]


def test_holding_counts_the_hours_and_another_position_begins_anew(load_tentacle: Load) -> None:
    made = rule(load_tentacle, trigger="holding", desk="main", relation="above", level=2)
    records = [candle(0, 1, events=[position("1", "1", 0)]), *(candle(n, 1) for n in (1, 2, 3, 4))]
    assert places(fired(made, records)) == [3]  # 3 h are more than 2
    again = [candle(5, 1, events=[position("0", "0")]), candle(6, 1, events=[position("1", "1", 6)]), candle(9, 1)]
    world = World()
    assert places(fired(made, again, world)) == [2]


def test_volatility_is_the_mean_true_range_or_the_deviation_of_returns(load_tentacle: Load) -> None:
    values = load_tentacle("automations/rule").logic.values
    bars = [(100.0, 100.0, 100.0), (104.0, 99.0, 102.0), (103.0, 95.0, 96.0)]
    # true ranges: 104 - 99 = 5, 103 - 95 = 8; mean 6.5, of the last close 96
    assert values.volatility(bars, 2, "atr") == pytest.approx(100 * 6.5 / 96)
    # returns 0.02 and -0.0588235; the deviation of two is their distance over the root of 2
    assert values.volatility(bars, 2, "stdev") == pytest.approx(100 * (0.02 + 6 / 102) / 2**0.5)
    assert values.volatility(bars, 3, "atr") is None
    made = rule(load_tentacle, trigger="volatility", instrument=BTC, candles=2, relation="above", level=6)
    said = fired(made, [candle(n, close, high=high, low=low) for n, (high, low, close) in enumerate(bars)])
    assert places(said) == [2]  # 6.77 %


def test_a_period_of_hours_begins_at_its_next_multiple(load_tentacle: Load) -> None:
    made = rule(load_tentacle, trigger="period", every_hours=6)
    assert places(fired(made, [candle(n, 1) for n in range(1, 20)])) == [5, 11, 17]  # 06:00, 12:00, 18:00


def test_a_time_of_day_is_that_of_its_zone_on_both_sides_of_a_clock_change(load_tentacle: Load) -> None:
    made = rule(load_tentacle, trigger="period", at="08:00", zone="Europe/Berlin")
    first = (ns_from_iso("2020-03-28") - START_NS) // HOUR_NS
    said = fired(made, [candle(n, 1) for n in range(first, first + 48)])
    assert places(said) == [7, 24 + 6]  # 07:00 UTC in winter, 06:00 UTC from the 29th on


CONDITIONS: dict[str, tuple[dict[str, Any], bool]] = {
    "held": ({"kind": "position", "desk": "main", "instrument": BTC}, True),
    "held by any": ({"kind": "position"}, True),
    "not held": ({"kind": "position", "desk": "main", "is_held": False}, False),
    "not held by another": ({"kind": "position", "desk": "other", "is_held": False}, True),
    "running": ({"kind": "desk", "desk": "main"}, False),
    "paused": ({"kind": "desk", "desk": "main", "state": "paused"}, True),
    "within hours": ({"kind": "hours", "begins": "04:00", "ends": "06:00"}, True),
    "before hours": ({"kind": "hours", "begins": "05:01", "ends": "06:00"}, False),
    "over midnight": ({"kind": "hours", "begins": "22:00", "ends": "05:01"}, True),
    "hours elsewhere": ({"kind": "hours", "begins": "14:00", "ends": "14:01", "zone": "Asia/Tokyo"}, True),
    "price above": ({"kind": "value", "value": "price", "instrument": BTC, "level": 98}, True),
    "price unknown": ({"kind": "value", "value": "price", "instrument": "venue:X/Y", "level": 0}, False),
    "equity below": ({"kind": "value", "value": "equity", "desk": "main", "relation": "below", "level": 900}, False),
    "drawdown above": ({"kind": "value", "value": "drawdown", "desk": "main", "level": 4}, True),
    "profit below": ({"kind": "value", "value": "profit", "desk": "main", "relation": "below", "level": -9}, True),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_has_to_hold_as_well(load_tentacle: Load, name: str) -> None:
    given, holds = CONDITIONS[name]  # at 05:00 UTC, 14:00 in Tokyo; equity 9,000 of 10,000
    world = World.of(seeded())
    world.paused["main"] = 0
    made = rule(load_tentacle, trigger="price", instrument=BTC, relation="below", level=100, conditions=[given])
    record = candle(5, 99, events=[position("1", "90"), equity(9_000, 0.05)])
    assert places(fired(made, [record], world)) == ([0] if holds else [])


SPANS = [  # begins, ends, minutes of the day that are within, and some that are not
    ("00:00", "23:59", ["00:00", "23:58", "23:59"], []),
    ("08:00", "23:59", ["08:00", "23:59"], ["07:59", "00:00"]),
    ("22:00", "23:59", ["23:59"], ["00:00"]),
    ("23:59", "06:00", ["23:59", "05:59"], ["06:00", "23:58"]),
    ("08:00", "23:58", ["23:57"], ["23:58", "23:59"]),
    ("22:00", "00:00", ["23:59"], ["00:00"]),
]


@pytest.mark.parametrize(("begins", "ends", "within", "without"), SPANS)
def test_hours_that_end_at_the_last_minute_have_it_all_others_end_before_theirs(
    load_tentacle: Load, begins: str, ends: str, within: list[str], without: list[str]
) -> None:
    hours = {"kind": "hours", "begins": begins, "ends": ends}
    for clock in (*within, *without):
        world = World()
        world.now_ns = ns_from_iso(f"2020-01-01T{clock}:30Z")
        made = rule(load_tentacle, trigger="price", instrument=BTC, relation="below", level=100, conditions=[hours])
        world.prices[BTC] = 99.0
        assert (made.on_record(candle(0, 99), world) is not None) == (clock in within), clock


def test_what_holds_later_in_the_same_excursion_fires_then(load_tentacle: Load) -> None:
    held = {"kind": "position", "desk": "main"}
    made = rule(load_tentacle, trigger="price", instrument=BTC, relation="below", level=100, conditions=[held])
    records = [candle(0, 99), candle(1, 98, events=[position("1", "98")]), candle(2, 97)]
    assert places(fired(made, records)) == [1]


def test_state_goes_over_unless_it_is_of_another_trigger(load_tentacle: Load) -> None:
    settings: dict[str, Any] = {"trigger": "price", "instrument": BTC, "relation": "below", "level": 100}
    made = rule(load_tentacle, **settings)
    assert prices(made, 99) == [0]
    same, other = rule(load_tentacle, **settings, most_per_day=5), rule(load_tentacle, **{**settings, "level": 101})
    for one in (same, other):
        one.restore_state(made.export_state())
    assert prices(same, 98) == []
    assert prices(other, 98) == [0]


def test_the_sentence_says_when_what_and_how_often(load_tentacle: Load) -> None:
    held = {"kind": "position", "desk": "main", "instrument": BTC}
    acts = [{"do": "flatten", "desk": "main"}, {"do": "notify"}]
    made = rule(
        load_tentacle, trigger="price", instrument=BTC, relation="below", level=9000, conditions=[held], actions=acts
    )
    said = "When BTC/USD falls below 9,000 and main holds BTC/USD: flatten main, tell, at most once a day"
    assert made.standing().words == said
    hours = rule(load_tentacle, trigger="period", every_hours=1, most_per_day=24, actions=[{"do": "report"}])
    assert hours.standing().words == "Every hour: write a report, at most 24 times a day"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"trigger": "price", "level": 1}, "expected one for the trigger price"),
        ({"trigger": "price", "instrument": BTC}, "expected a price above 0"),
        ({"trigger": "drawdown"}, "expected one for the trigger drawdown"),
        ({"actions": [{"do": "switch"}]}, 'expected a tentacle, such as "evaluator/rsi"'),
        ({"actions": [{"do": "buy"}]}, "Input should be"),
        ({"zone": "Mars/North"}, "expected a time zone"),
        ({"at": "25:00"}, "expected a time of day"),
        ({"timeframe": "7x"}, "7x"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_expected(load_tentacle: Load, settings: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rule(load_tentacle, **settings)
