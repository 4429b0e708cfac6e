"""Records for the store's tests: a short story with every kind of event, and random records of every kind.

The random ones are built from the annotations of the event classes, so a new event or field is covered without a change
here. Numbers are given out anew, so that every run of records is one that the journal accepts.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from loligo.model.command import CommandKind, GenerationActivated, OperatorCommand, SlotVersion, VenueReports, WarmUp
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import (
    Approved,
    CommandHandled,
    Consequence,
    DecisionDeclined,
    EquityMarked,
    Evaluated,
    Input,
    KillSwitchSet,
    LedgerPosted,
    OrderReported,
    OrderRequested,
    OrderSubmitted,
    PositionChanged,
    Record,
    Refused,
    Resumed,
    RiskActed,
    RiskChecked,
    SignalRaised,
    TentacleFailed,
    TradeClosed,
)
from loligo.model.market import BookUpdate, Candle, ExternalSignal, Side
from loligo.model.order import Accepted, Filled, Order, OrderKind, OrderRequest, OrderRole, Rejected
from loligo.model.portfolio import ClosedTrade, Position, Posting, PostingKind
from loligo.model.risk import ActionKind, KillLevel, Outcome, RiskAction, Tier

BTC = "coinbase:BTC/USD"
HOUR = 3_600_000_000_000
START = 1_577_836_800_000_000_000  # 2020-01-01T00:00:00Z


def numbered(said: Iterable[tuple[Input, Sequence[Consequence]]], first_seq: int = 1) -> list[Record]:
    """Return records whose seqs are contiguous from `first_seq`; every event's cause is its record's input."""
    records: list[Record] = []
    seq = first_seq
    for item, events in said:
        own = [msgspec.structs.replace(event, seq=seq + n, cause=seq) for n, event in enumerate(events, start=1)]
        records.append(Record(seq, item, own))
        seq = records[-1].next_seq
    return records


def candle(hour: int, close: float = 7200.5) -> Candle:
    """Return the BTC/USD candle that closes `hour` hours after START."""
    ts = START + hour * HOUR
    return Candle(BTC, "1h", ts - HOUR, ts, 7200.0, 7210.0, 7190.0, close, 12.5)


def quiet_record(hour: int, seq: int) -> Record:
    """Return a candle with three evaluations and a declined decision: what most records are."""
    ts = START + hour * HOUR
    opinions = [
        Evaluated(0, ts, 0, "", f"{name} {BTC} 1h", Evaluation(0.25, name, (41.5,))) for name in ("rsi", "macd")
    ]
    declined = DecisionDeclined(0, ts, 0, "alpha", BTC, "weighted_vote", Declined("below_threshold", (0.3, 0.7)))
    return numbered([(candle(hour), [*opinions, declined])], seq)[0]


def quiet_records(count: int) -> list[Record]:
    """Return `count` quiet records, an hour apart, from seq 1; each has four seqs."""
    return [quiet_record(hour, 1 + 4 * hour) for hour in range(count)]


def story() -> list[Record]:
    """Return 9 records: warm-up, a refused and a filled entry, its stop, an incident, commands and news."""
    at = [START + hour * HOUR for hour in range(9)]
    order = Order(
        id="alpha-1",
        desk="alpha",
        account="paper",
        instrument=BTC,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        role=OrderRole.ENTRY,
        quantity=Decimal("0.30"),
        limit_price=Decimal("7193.30"),
        created_at_ns=at[3],
    )
    request = OrderRequest(instrument=BTC, side=Side.BUY, quantity=Decimal("0.30"), strength=0.8)
    fills = [_fill("alpha-1", at[4], "f1", "0.10"), _fill("alpha-1", at[4], "f2", "0.20")]
    signal = Signal(Direction.LONG, 0.8, "vote", (0.8, 0.7), stop_price=7050.0)
    rule = "max_position", Tier.POSITION
    said: list[tuple[Input, list[Consequence]]] = [
        (GenerationActivated(at[0], 1, (SlotVersion("rsi", "aa", "bb"),)), []),
        (WarmUp(at[1], BTC, "1h", (candle(0), candle(1))), [Evaluated(0, at[1], 0, "", "rsi", Evaluation(0.1, "rsi"))]),
        (
            candle(2),
            [
                SignalRaised(0, at[2], 0, "alpha", BTC, signal, (0, 4)),
                OrderRequested(0, at[2], 0, "alpha", request),
                RiskChecked(0, at[2], 0, "alpha", *rule, Outcome.REFUSED, "exposure", (0.831, 0.8)),
                Refused(0, at[2], 0, "alpha", BTC, *rule, "exposure", (0.831, 0.8)),
            ],
        ),
        (
            candle(3),
            [
                OrderRequested(0, at[3], 0, "alpha", request),
                RiskChecked(0, at[3], 0, "alpha", *rule, Outcome.PASSED, "exposure", (0.5, 0.8)),
                Approved(0, at[3], 0, "alpha", request, None),
                OrderSubmitted(0, at[3], 0, "alpha", order),
                OrderReported(0, at[3], 0, "alpha", Accepted("alpha-1", at[3])),
            ],
        ),
        (
            VenueReports("coinbase", at[4], tuple(fills)),
            [
                *[OrderReported(0, at[4], 0, "alpha", fill) for fill in fills],
                LedgerPosted(0, at[4], 0, "alpha", PostingKind.FILL, "f1", _postings("0.10")),
                PositionChanged(0, at[4], 0, "alpha", _position("0.30", at[4])),
                EquityMarked(0, at[4], 0, "alpha", "paper", 10_000.5, 0.01, 0.2),
            ],
        ),
        (
            candle(5),
            [
                PositionChanged(0, at[5], 0, "alpha", _position("0", at[4])),
                TradeClosed(0, at[5], 0, "alpha", _trade(at[4], at[5])),
                RiskActed(
                    0,
                    at[5],
                    0,
                    "",
                    "account:paper",
                    "loss",
                    Tier.ACCOUNT,
                    RiskAction(ActionKind.PAUSE, "daily", (0.06,)),
                ),
            ],
        ),
        (
            OperatorCommand("c1", at[6], CommandKind.PANIC, "*", 3, "", "ann"),
            [KillSwitchSet(0, at[6], 0, "", KillLevel.FLATTEN, "ann"), CommandHandled(0, at[6], 0, "", "c1", True, "")],
        ),
        (
            ExternalSignal("newswire", at[7], "headline", BTC, "Übernahme ☃", 0.4),
            [
                TentacleFailed(0, at[7], 0, "", "news_sentiment", "on_external", "ValueError: \x00 found", 1),
                Resumed(0, at[7], 0, "alpha", "alpha", "time"),
                OrderReported(0, at[7], 0, "alpha", Rejected("alpha-1", at[7], "too_late", (), "cancel")),
            ],
        ),
        (BookUpdate("kraken:ETH/USD", at[8], ((130.5, 2.0),), (), True), []),
    ]
    return numbered(said)


def _fill(order_id: str, ts: int, fill_id: str, quantity: str) -> Filled:
    price = Decimal("7193.30")
    return Filled(order_id, ts, fill_id, price, Decimal(quantity), Decimal("0.719330"), "USD", True, "through")


def _postings(quantity: str) -> tuple[Posting, ...]:
    return (Posting("paper", "alpha", "BTC", Decimal(quantity)), Posting("paper", "market", "BTC", -Decimal(quantity)))


def _position(quantity: str, opened_at_ns: int) -> Position:
    money = {name: Decimal("0.00") for name in ("realised", "fees", "funding")}
    return Position(
        desk="alpha",
        account="paper",
        instrument=BTC,
        quantity=Decimal(quantity),
        average_entry=Decimal("7193.3"),
        opened_at_ns=opened_at_ns,
        **money,
    )


def _trade(opened_at_ns: int, closed_at_ns: int) -> ClosedTrade:
    money = {"gross": "-43.16", "fees": "4.30", "funding": "0", "net": "-47.46"}
    return ClosedTrade(
        desk="alpha",
        account="paper",
        instrument=BTC,
        side=Side.BUY,
        quantity=Decimal("0.30"),
        entry_price=Decimal("7193.30"),
        exit_price=Decimal("7049.43"),
        opened_at_ns=opened_at_ns,
        closed_at_ns=closed_at_ns,
        exit_role="stop",
        entry_order_id="alpha-1",
        quote_rate=1.0,
        **{name: Decimal(value) for name, value in money.items()},
    )


# Few different texts, so that reports meet their orders and rows meet their keys.
_TEXTS = st.sampled_from(["", "a", "b", BTC, "kraken:ETH/USD", "Übernahme ☃"])
_PLAIN: dict[type, st.SearchStrategy[Any]] = {
    str: _TEXTS,
    int: st.integers(0, 2**62),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    type(None): st.none(),
    Decimal: st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=8),
}


@cache
def _values(kind: Any) -> st.SearchStrategy[Any]:
    """Return the strategy for one annotation."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([_values(part) for part in get_args(kind)])
    if origin is tuple:
        parts = get_args(kind)
        if parts[-1] is Ellipsis:
            return st.lists(_values(parts[0]), max_size=3).map(tuple)
        return st.tuples(*[_values(part) for part in parts])
    if origin is dict:
        return st.dictionaries(*map(_values, get_args(kind)), max_size=3)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: _values(hints[name]) for name in kind.__struct_fields__})


def record_lists(max_size: int = 12) -> st.SearchStrategy[list[Record]]:
    """Return a strategy for runs of records of every kind, of input and of event, from seq 1."""
    kinds = typing.get_args(Input), typing.get_args(Consequence)
    inputs, events = (st.one_of([_values(kind) for kind in each]) for each in kinds)
    said = st.tuples(inputs, st.lists(events, max_size=5))
    return st.lists(said, max_size=max_size).map(numbered)
