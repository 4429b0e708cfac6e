"""What must hold at the simulated venue whatever orders and candles come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loligo.model.market import Candle, InstrumentStatus, Side
from loligo.model.order import (
    Accepted,
    Amended,
    Canceled,
    Expired,
    Filled,
    Liquidated,
    Order,
    OrderKind,
    OrderState,
    Rejected,
    TimeInForce,
    Triggered,
    VenueReport,
)
from loligo.model.timeframe import HOUR_NS, SECOND_NS
from loligo.ports.tentacles import MakeContext
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.venue_scene import BTC, PERP, order
from tests.property.examples import examples

SLIPPAGE = Decimal("0.0005")
MORE = settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])

ticks = st.integers(8_000, 12_000)
kinds = st.sampled_from(list(OrderKind))


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(kinds)
    tif = draw(st.sampled_from(list(TimeInForce)))
    is_resting = kind is OrderKind.LIMIT and tif in (TimeInForce.GTC, TimeInForce.GTD)
    return {
        "side": draw(st.sampled_from(list(Side))),
        "quantity": str(Decimal(draw(st.integers(100, 5_000))).scaleb(-3)),
        "kind": kind,
        "limit_price": str(Decimal(draw(ticks)).scaleb(-2)),
        "trigger_price": str(Decimal(draw(ticks)).scaleb(-2)),
        "trail_rate": draw(st.sampled_from(["0.01", "0.05"])),
        "time_in_force": tif,
        "expires_in_s": draw(st.integers(1, 9_000)),
        "is_reduce_only": draw(st.booleans()),
        "is_post_only": is_resting and draw(st.booleans()),
        "group_id": draw(st.sampled_from(["", "", "g1", "g2"])),
        "tag": draw(st.sampled_from(["", "protected"])),
        "desk": draw(st.sampled_from(["alpha", "beta"])),
        "instrument": draw(st.sampled_from([BTC.id, PERP.id])),
        "leverage": draw(st.sampled_from(["1", "5", "20"])),
    }


@st.composite
def candles(draw: st.DrawFn) -> tuple[float, float, float, float, float]:
    prices = [draw(ticks) / 100 for _ in range(4)]
    return prices[0], max(prices), min(prices), prices[3], float(draw(st.integers(0, 40)))


changes = st.tuples(st.just("change"), st.integers(0, 30), st.integers(100, 5_000), ticks)
halts = st.tuples(st.just("halt"), st.booleans(), st.integers(0, 3_599))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), orders()),
        st.tuples(st.just("order"), orders()),
        st.tuples(st.just("candle"), candles()),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        changes,
        halts,
    ),
    min_size=4,
    max_size=30,
)
configs = st.fixed_dictionaries(
    {
        "slippage_rate": st.just(SLIPPAGE),
        "impact_threshold": st.just(10.0),
        "latency_ms": st.sampled_from([0, 0, 700_000]),
        "is_pessimistic": st.booleans(),
        "fills_on_touch": st.booleans(),
        "max_volume_share": st.sampled_from([Decimal("0.10"), None]),
    }
)


class Story:
    """Plays steps against a venue and keeps the orders as execution would: every report goes through the table."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = SimulatedVenueSettings(**config)
        self.venue = SimulatedVenue(self.config, MakeContext(instruments=(BTC, PERP)))
        self.orders: dict[str, Order] = {}
        self.position: dict[tuple[str, str], Decimal] = {}
        self.log: list[tuple[VenueReport, Candle | None]] = []
        self.halted: list[tuple[int, int]] = []
        self.halted_at: int | None = None
        self.hour = 0
        self.sent = 0

    @property
    def now(self) -> int:
        return self.hour * HOUR_NS

    def play(self, step: Sequence[Any]) -> None:
        match step:
            case ("order", terms):
                self._submit(dict(terms))
            case ("candle", (open_, high, low, close, volume)):
                self.hour += 1
                for name in (BTC.id, PERP.id):
                    opened = self.now - HOUR_NS
                    candle = Candle(name, "1h", opened, self.now, open_, high, low, close, volume)
                    self._serve(candle)
                self.take(self.venue.advance_to(self.now))
            case ("cancel", index):
                for id in self._nth(index):
                    self.take(self.venue.cancel(id, self.now, "operator"))
            case ("change", index, quantity, price):
                for id in self._nth(index):
                    exact = Decimal(price).scaleb(-2)
                    self.take(self.venue.amend(id, self.now, Decimal(quantity).scaleb(-3), exact, exact))
            case ("halt", is_halted, second):
                self._halt(is_halted, self.now + second * SECOND_NS)

    def take(self, reports: Sequence[VenueReport], candle: Candle | None = None) -> None:
        for report in reports:
            self.log.append((report, candle))
            self._apply(report)

    def _serve(self, candle: Candle) -> None:
        """As the engine does: each entry's fill is answered by a stop and a target before the candle goes on."""
        reports = self.venue.on_candle(candle)
        while reports:
            self.take(reports, candle)
            for fill in [report for report in reports if isinstance(report, Filled)]:
                entry = self.orders[fill.order_id]
                if entry.tag == "protected" and not entry.is_reduce_only:
                    self._protect(entry, fill, candle)
            reports = self.venue.settle(candle.instrument)

    def _protect(self, entry: Order, fill: Filled, candle: Candle) -> None:
        away = fill.price * entry.side.sign / 50
        for leg, kind, price in (
            ("s", OrderKind.STOP, fill.price - away),
            ("t", OrderKind.TAKE_PROFIT, fill.price + away),
        ):
            made = msgspec.structs.replace(
                order(f"{fill.fill_id}{leg}", entry.side.opposite, str(fill.quantity), kind, is_reduce_only=True),
                trigger_price=BTC.price(price),
                group_id=fill.fill_id,
                desk=entry.desk,
                instrument=entry.instrument,
                leverage=entry.leverage,
            )
            self.orders[made.id] = made.moved_to(OrderState.SUBMITTED)
            self.take(self.venue.submit(made, fill.ts), candle)

    def _submit(self, terms: dict[str, Any]) -> None:
        expires = self.now + terms.pop("expires_in_s") * SECOND_NS
        self.sent += 1
        made = order(f"{terms['desk']}{self.sent}", expires_at_ns=expires, **terms)
        self.orders[made.id] = made.moved_to(OrderState.SUBMITTED)
        self.take(self.venue.submit(made, self.now))

    def _nth(self, index: int) -> list[str]:
        return [name for name in self.orders if self.orders[name].is_open][index : index + 1]

    def _halt(self, is_halted: bool, ts: int) -> None:
        if (self.halted and ts < self.halted[-1][1]) or (self.halted_at is not None and ts < self.halted_at):
            return  # statuses come in time order
        if is_halted and self.halted_at is None:
            self.halted_at = ts
        elif not is_halted and self.halted_at is not None:
            self.halted.append((self.halted_at, ts))
            self.halted_at = None
        for name in (BTC.id, PERP.id):
            self.take(self.venue.on_status(InstrumentStatus(name, ts, is_halted)))

    def _apply(self, report: VenueReport) -> None:
        if isinstance(report, Liquidated):
            self.orders[report.order.id] = report.order
            return
        if isinstance(report, Rejected) and report.of != "order":
            return
        known = self.orders[report.order_id]
        self.orders[known.id] = self._next(known, report)

    def _next(self, known: Order, report: VenueReport) -> Order:
        ends = {
            Accepted: "accepted",
            Rejected: "rejected",
            Triggered: "triggered",
            Canceled: "canceled",
            Expired: "expired",
        }
        if isinstance(report, Filled):
            self._book(known, report)
            return known.with_fill(report.quantity)  # raises Overfilled
        if isinstance(report, Amended):
            return msgspec.structs.replace(known, quantity=report.quantity, limit_price=report.limit_price)
        return known.moved_to(OrderState(ends[type(report)]))  # raises OrderError when the table does not allow it

    def _book(self, known: Order, fill: Filled) -> None:
        place = (known.desk, known.instrument)
        before = self.position.get(place, Decimal(0))
        after = before + fill.quantity * known.side.sign
        if known.is_reduce_only:
            assert abs(after) < abs(before) and after * before >= 0, f"{fill} increased {before} to {after}"
        self.position[place] = after


def told(config: dict[str, Any], play: Sequence[Any]) -> Story:
    story = Story(config)
    for step in play:
        story.play(step)
    return story


@MORE
@given(configs, steps)
def test_orders_follow_their_states_are_never_overfilled_and_reduce_only_only_reduces(
    config: dict[str, Any], play: list[Any]
) -> None:
    story = told(config, play)  # each report is checked as it is applied
    fill_ids = [report.fill_id for report, _ in story.log if isinstance(report, Filled)]
    assert len(fill_ids) == len(set(fill_ids))


@MORE
@given(configs, steps)
def test_fills_are_on_the_tick_inside_the_candle_and_never_past_their_limit(
    config: dict[str, Any], play: list[Any]
) -> None:
    story = Story(config)
    for step in play:
        limits = {name: known.limit_price for name, known in story.orders.items()}
        seen = len(story.log)
        story.play(step)
        for report, candle in story.log[seen:]:
            if not isinstance(report, Filled) or report.code == "liquidation":
                continue
            assert candle is not None and report.price % BTC.price_step == 0
            assert candle.opened_at_ns <= report.ts <= candle.ts
            kind, side = story.orders[report.order_id].kind, story.orders[report.order_id].side
            is_limit = kind in (OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT)
            limit = limits.get(report.order_id)
            if is_limit and limit is not None:
                assert (report.price - limit) * side.sign <= 0
            if not report.is_maker:
                assert report.price <= Decimal(repr(candle.high)) * (1 + SLIPPAGE) + BTC.price_step
                assert report.price >= Decimal(repr(candle.low)) * (1 - SLIPPAGE) - BTC.price_step


@MORE
@given(configs, steps)
def test_nothing_fills_while_halted(config: dict[str, Any], play: list[Any]) -> None:
    story = told(config, play)
    spans = [*story.halted, *([(story.halted_at, 2**62)] if story.halted_at is not None else [])]
    for report, _ in story.log:
        if isinstance(report, Filled):
            assert not any(start < report.ts < end for start, end in spans)


@MORE
@given(configs, steps, st.integers(0, 30))
def test_restored_venue_continues_with_the_same_reports(config: dict[str, Any], play: list[Any], cut: int) -> None:
    story = told(config, play[:cut])
    state = json.loads(json.dumps(story.venue.export_state()))
    fresh = SimulatedVenue(story.config, MakeContext(instruments=(BTC, PERP)))
    fresh.restore_state(state)
    assert fresh.export_state() == state
    kept = story.venue
    twin = told(config, play[:cut])
    twin.venue = fresh
    assert story.venue is kept
    for step in play[cut:]:
        story.play(step)
        twin.play(step)
    assert twin.log == story.log
    assert twin.venue.export_state() == story.venue.export_state()


@MORE
@given(configs, steps)
def test_a_desk_gets_the_same_whatever_other_desks_do(config: dict[str, Any], play: list[Any]) -> None:
    """Groups are a desk's own, so the second desk's orders are left out and nothing changes for the first."""

    def is_alpha(step: Any) -> bool:
        return step[0] in ("candle", "halt") or (step[0] == "order" and step[1]["desk"] == "alpha")

    shared = [step for step in play if step[0] in ("candle", "halt", "order")]
    fills = []
    for chosen in (shared, [step for step in shared if is_alpha(step)]):
        story = told(config, chosen)
        fills.append(
            [
                (r.ts, r.price, r.quantity, r.code)
                for r, _ in story.log
                if isinstance(r, Filled) and story.orders[r.order_id].desk == "alpha"
            ]
        )
    assert fills[0] == fills[1]
