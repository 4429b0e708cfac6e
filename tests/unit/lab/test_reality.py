"""Reality check: which trades are the same one, and whose difference it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from loligo.model.market import Side
from loligo.model.portfolio import ClosedTrade
from loligo_lab.reality import Cause, Trip, World, check, paired
from loligo_lab.reality_words import summary, table

HOUR = 3_600_000_000_000
NEAR = 3 * HOUR
BTC = "sim:BTC/USD"


def trip(hour: int, *, late: int = 0, **terms: Any) -> Trip:
    """A trade decided on at an hour: 2 bought at 100, sold an hour later at 110, with a fee of 1: net 2*10 - 1 = 19."""
    trade = ClosedTrade(
        desk="one",
        account="paper",
        instrument=BTC,
        side=Side.BUY,
        quantity=Decimal(2),
        entry_price=Decimal(100),
        exit_price=Decimal(110),
        opened_at_ns=(hour + late) * HOUR,
        closed_at_ns=(hour + late + 1) * HOUR,
        gross=Decimal(20),
        fees=Decimal(1),
        funding=Decimal(0),
        net=Decimal(19),
        exit_role="exit",
        entry_order_id=f"order-{hour}",
    )
    return Trip(replace(trade, **terms), (hour + late) * HOUR)


def cheaper(one: Trip, fee: str) -> Trip:
    """The same trade with another fee."""
    trade = one.trade
    return Trip(replace(trade, fees=Decimal(fee), net=trade.gross - Decimal(fee)), one.decided_at_ns)


def checked(recorded: list[Trip], *worlds: tuple[Cause, list[Trip]], outside: bool = False) -> dict[str, Any]:
    made = [World(cause, str(cause), trips) for cause, trips in worlds]
    return check(recorded, made, NEAR, is_answered_outside=outside)


def test_equal_trades_are_paired_before_near_ones_and_the_rest_stand_alone() -> None:
    first, second, far = trip(10), trip(12), trip(40)
    late = trip(12, late=2)
    pairs = paired([first, second, far], [late, first], NEAR)
    assert pairs == [(first, first), (second, late), (far, None)]
    assert paired([], [far], NEAR) == [(None, far)]
    assert paired([first], [trip(14)], NEAR) == [(first, None), (None, trip(14))]  # four hours apart


def test_trades_of_another_side_or_instrument_are_never_the_same_one() -> None:
    short, other = trip(10, side=Side.SELL), trip(10, instrument="sim:ETH/USD")
    assert [pair for pair in paired([trip(10)], [short, other], NEAR) if None not in pair] == []


def test_a_row_has_the_cause_of_each_world_that_changed_it_and_they_add_up() -> None:
    then = [trip(10), trip(20)]
    cut = [cheaper(one, "0.25") for one in then]  # each gains 0.75
    data = checked(
        then,
        (Cause.NOT_EXPLAINED, then),
        (Cause.MISSING_CANDLE, [*then, trip(30)]),  # one trade more: + 19
        (Cause.FEE, [*cut, trip(30)]),
    )
    assert data["causes"] == {"fee": {"trades": 2, "net": 1.5}, "missing candle": {"trades": 1, "net": 19.0}}
    assert (data["differences"], data["differences_as_it_ran"], data["not_explained"]) == (3, 0, 0)
    assert data["net"] == {"recorded": 38.0, "today": 38.0 + 19.0 + 1.5}
    assert [row["causes"] for row in data["rows"]] == [["fee"], ["fee"], ["missing candle"]]


def test_what_is_taken_back_by_a_later_world_is_no_difference() -> None:
    then = [trip(10)]
    data = checked(then, (Cause.NOT_EXPLAINED, then), (Cause.VERSION, []), (Cause.SETTINGS, then))
    assert (data["differences"], data["causes"]) == (0, {})


@pytest.mark.parametrize(
    ("there", "cause"),
    [
        (cheaper(trip(10), "3"), Cause.FEE),
        (trip(10, entry_price=Decimal(101)), Cause.SLIPPAGE),
        (trip(10, late=1), Cause.SIGNAL_TIME),
        (trip(30), Cause.NOT_EXPLAINED),  # the backtest has no such trade
    ],
)
def test_what_a_venue_outside_did_otherwise_is_told_by_its_first_sign(there: Trip, cause: Cause) -> None:
    data = checked([there], (Cause.NOT_EXPLAINED, [trip(10)]), outside=True)
    assert data["rows"][-1]["causes"] == [cause]
    inside = checked([there], (Cause.NOT_EXPLAINED, [trip(10)]))
    assert inside["rows"][-1]["causes"] == [Cause.NOT_EXPLAINED]


def test_the_summary_says_what_could_not_be_explained_or_run() -> None:
    then = [trip(10), trip(20)]
    about = {"desk": "one", "currency": "USD", "since": "2020-01-01T00", "until": "2020-01-02T00", "left_out": {}}
    same = checked(then, (Cause.NOT_EXPLAINED, then))
    assert summary({**same, **about})[1].endswith("to the last digit: no difference.")
    other = checked(then, (Cause.NOT_EXPLAINED, [trip(10)]), (Cause.FEE, [cheaper(trip(10), "0")]))
    told = summary({**other, **about, "left_out": {"code": "it is gone"}})
    assert told[0].startswith("As it ran, with the versions, settings and candles of then: 2 trades, 1 come")
    assert told[1].startswith("1 of those cannot be explained")
    assert told[2] == "Of today the code cannot be run: it is gone."
    # 2 * 19 = 38 then; today 20 of the one trade without a fee: 18 less, of which the fee is 1
    assert told[3].startswith(
        "A backtest of today, but for code, makes 2 of 2 differently, by -18.00 USD in all: fee 1"
    )


def test_the_table_has_the_newest_differences_and_says_how_many_it_leaves_out() -> None:
    then = [trip(hour) for hour in range(0, 50, 2)]  # 25 trades
    data = checked(then, (Cause.NOT_EXPLAINED, then), (Cause.FEE, [cheaper(one, "0.5") for one in then]))
    columns, rows = table(data)
    assert len(rows) == 21
    assert rows[0][-1] == "5 more before; --json has all"
    assert dict(zip(columns, rows[-1], strict=True)) == {
        "opened": "1970-01-03T00:00:00",  # hour 48
        "instrument": BTC,
        "side": "buy",
        "net then": "19.00",
        "net today": "19.50",
        "cause": "fee",
        "what differs": "fees 1 → 0.5",
    }
