"""What must always hold in the engine, whatever the market, the tentacles and the people do (ARCHITECTURE.md)."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loligo.engine.engine import Engine
from loligo.model.command import GenerationActivated
from loligo.model.events import (
    Approved,
    Event,
    OrderReported,
    OrderRequested,
    OrderSubmitted,
    PositionChanged,
    Record,
    SignalRaised,
)
from loligo.model.market import Side
from loligo.model.order import (
    PROTECTIVE_ROLES,
    Accepted,
    Amended,
    Canceled,
    Expired,
    Filled,
    Liquidated,
    Order,
    OrderRole,
    OrderState,
    Rejected,
    Triggered,
    VenueReport,
)
from tests.fakes.random_desks import START_NS, random_bot, random_plan, random_story
from tests.fakes.venue_scene import BTC
from tests.property.examples import examples

MANY = settings(
    max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
seeds, lengths = st.integers(0, 2**32), st.integers(1, 120)
_NEXT = {
    Accepted: OrderState.ACCEPTED,
    Triggered: OrderState.TRIGGERED,
    Canceled: OrderState.CANCELED,
    Expired: OrderState.EXPIRED,
}


class Watcher:
    """Reads records as an outsider and keeps what they say: events, orders by the table of states, positions."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self.inputs: set[int] = set()
        self.orders: dict[str, Order] = {}
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.next_seq = 1

    def read(self, record: Record) -> None:
        assert record.seq == self.next_seq
        self.inputs.add(record.seq)
        for place, event in enumerate(record.events, start=1):
            assert event.seq == record.seq + place
            assert event.cause < event.seq and (event.cause in self.events or event.cause in self.inputs)
            self.events[event.seq] = event
            self._read(event)
        self.next_seq = record.next_seq

    def _read(self, event: Event) -> None:
        match event:
            case OrderSubmitted():
                assert event.order.id not in self.orders and event.order.state is OrderState.SUBMITTED
                assert self.approval_of(event).request.instrument == event.order.instrument
                self.orders[event.order.id] = event.order
            case OrderReported():
                self._report(event.report)
            case PositionChanged():
                self.positions[event.desk, event.position.instrument] = event.position.quantity
            case _:
                pass

    def approval_of(self, event: Event) -> Approved:
        """Walk up the causes of an order to the approval behind it."""
        walk: Event | None = event
        while walk is not None and not isinstance(walk, Approved):
            walk = self.events.get(walk.cause)
        assert walk is not None, f"{event} has no approval in its chain of causes"
        asked = self.events[walk.cause]
        assert isinstance(asked, OrderRequested)
        return walk

    def _report(self, report: VenueReport) -> None:
        if isinstance(report, Liquidated):
            self.orders[report.order.id] = report.order
            return
        order = self.orders[report.order_id]
        if isinstance(report, Rejected) and report.of != "order":
            return
        if not order.is_open:
            raise AssertionError(f"{report} comes after {order.state}")
        self.orders[order.id] = _after(order, report)

    def open_orders(self, desk: str, instrument: str) -> list[Order]:
        return [o for o in self.orders.values() if (o.desk, o.instrument) == (desk, instrument) and o.is_open]


def _after(order: Order, report: VenueReport) -> Order:
    """The table of states raises for a step that it does not know, and `with_fill` for too large a fill."""
    if isinstance(report, Filled):
        return order.with_fill(report.quantity)
    if isinstance(report, Amended):
        return msgspec.structs.replace(order, quantity=report.quantity)
    if isinstance(report, Rejected):
        return order.moved_to(OrderState.REJECTED)
    return order.moved_to(_NEXT[type(report)])


def lived(bot: int, story: int, length: int, watcher: Watcher | None = None) -> list[Record]:
    engine = Engine(random_plan(random_bot(bot)))
    records = []
    for item in (GenerationActivated(START_NS, 1, ()), *random_story(story, length)):
        record = engine.process(item)
        records.append(record)
        if watcher is not None:
            watcher.read(record)
    return records


@MANY
@given(seeds, seeds, lengths)
def test_every_event_has_an_older_cause_and_every_order_an_approval_and_its_states_follow_the_table(
    bot: int, story: int, length: int
) -> None:
    lived(bot, story, length, Watcher())  # it checks as it reads


@MANY
@given(seeds, seeds, lengths)
def test_every_position_has_its_stop_at_the_end_of_every_record_and_no_protection_covers_more_than_it(
    bot: int, story: int, length: int
) -> None:
    """Partial fills below the market's smallest order, too."""
    coarse = msgspec.structs.replace(BTC, minimum_quantity=Decimal("0.1"))
    engine, watcher = Engine(random_plan(random_bot(bot), spot=coarse)), Watcher()
    cancelled_by_hand: set[tuple[str, str]] = set()
    for item in (GenerationActivated(START_NS, 1, ()), *random_story(story, length)):
        watcher.read(engine.process(item))
        for (desk, instrument), position in watcher.positions.items():
            assert engine.portfolio.position(desk, instrument) == position
            legs = [o for o in watcher.open_orders(desk, instrument) if o.role in PROTECTIVE_ROLES]
            assert all(leg.is_reduce_only and leg.side is _reducing(position) for leg in legs), (position, legs)
            for role in PROTECTIVE_ROLES:
                assert sum(leg.remaining for leg in legs if leg.role is role) <= abs(position)
            if (desk, instrument) not in cancelled_by_hand:
                stops = sum((leg.remaining for leg in legs if leg.role is OrderRole.STOP), Decimal(0))
                assert stops == abs(position), f"{position} of {desk} has a stop over {stops} only"


def _reducing(position: Decimal) -> Side:
    return Side.SELL if position > 0 else Side.BUY


@MANY
@given(seeds, seeds, lengths, st.permutations([0, 1, 2]))
def test_the_order_of_desks_in_the_plan_does_not_show_in_the_bytes(
    bot: int, story: int, length: int, order: list[int]
) -> None:
    one, other = Engine(random_plan(random_bot(bot))), Engine(random_plan(random_bot(bot), order))
    for item in (GenerationActivated(START_NS, 1, ()), *random_story(story, length)):
        assert msgspec.msgpack.encode(one.process(item)) == msgspec.msgpack.encode(other.process(item))
    assert one.export_state() == other.export_state()


@MANY
@given(seeds, seeds, lengths, st.integers(0, 120))
def test_a_restored_engine_continues_with_the_same_bytes(bot: int, story: int, length: int, cut: int) -> None:
    items = [GenerationActivated(START_NS, 1, ()), *random_story(story, length)]
    engine = Engine(random_plan(random_bot(bot)))
    for item in items[:cut]:
        engine.process(item)
    state = msgspec.msgpack.encode(engine.export_state())
    fresh = Engine(random_plan(random_bot(bot)))
    fresh.restore_state(msgspec.msgpack.decode(state))
    assert msgspec.msgpack.encode(fresh.export_state()) == state
    for item in items[cut:]:
        assert msgspec.msgpack.encode(fresh.process(item)) == msgspec.msgpack.encode(engine.process(item))
    assert fresh.export_state() == engine.export_state()


@MANY
@given(seeds, seeds, lengths)
def test_no_decision_sees_an_opinion_from_later_than_itself(bot: int, story: int, length: int) -> None:
    watcher = Watcher()
    for record in lived(bot, story, length, watcher):
        for event in record.events:
            if isinstance(event, SignalRaised):
                seen = [watcher.events[seq] for seq in event.board if seq]
                assert seen and all(opinion.ts <= event.ts and opinion.seq < event.seq for opinion in seen)
