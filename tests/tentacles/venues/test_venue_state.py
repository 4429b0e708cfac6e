"""Export and restore: what a market in the middle of everything must carry over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loligo.errors import VenueError
from loligo.model.instrument import Instrument
from loligo.model.market import BookUpdate, InstrumentStatus, Quote, Side
from loligo.model.order import OrderKind
from loligo.model.timeframe import HOUR_NS
from loligo.ports.tentacles import MakeContext
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.venue_scene import BTC, PERP, candle, fills, order, play, venue

BUY, SELL = Side.BUY, Side.SELL


def copied(v: SimulatedVenue, **settings: Any) -> SimulatedVenue:
    """A fresh venue with the state of `v`, as it comes back from a file."""
    fresh = venue(**settings)
    fresh.restore_state(json.loads(json.dumps(v.export_state())))
    assert fresh.export_state() == v.export_state()
    return fresh


def test_restored_candle_venue_continues_alike() -> None:
    v = venue(max_volume_share="0.01")
    v.submit(order("entry", BUY, "15", instrument=PERP.id, leverage="5"), 0)
    v.submit(order("trail", SELL, kind=OrderKind.TRAILING_STOP, trail_rate="0.1"), 0)
    for name in (BTC.id, PERP.id):
        play(v, candle(0, 100.0, 110.0, 99.0, 105.0, instrument=name))
    v.on_status(InstrumentStatus(BTC.id, HOUR_NS + 1, True))
    v.on_status(InstrumentStatus(BTC.id, HOUR_NS + 9, False))
    v.on_status(InstrumentStatus(PERP.id, HOUR_NS + 9, True))
    w = copied(v, max_volume_share="0.01")
    for name in (BTC.id, PERP.id):
        crash = candle(1, 105.0, 106.0, 50.0, 60.0, instrument=name)
        assert play(w, crash) == play(v, crash)
    assert w.export_state() == v.export_state()


@pytest.mark.parametrize("match_on", ["quotes", "book"])
def test_restored_venue_remembers_standing_liquidity_and_what_was_taken_of_it(match_on: str) -> None:
    v = venue(match_on=match_on)
    v.on_quote(Quote(BTC.id, 1, 99.0, 101.0, 2.0, 2.0))
    v.on_book(BookUpdate(BTC.id, 1, ((99.0, 2.0),), ((101.0, 2.0),), True))
    assert len(fills(v.submit(order("a", BUY, "1.5"), 2))) == 1
    w = copied(v, match_on=match_on)
    (fill,) = fills(w.submit(order("b", BUY, "1"), 3))
    assert float(fill.quantity) == 0.5
    assert [fill] == fills(v.submit(order("b", BUY, "1"), 3))


def test_state_of_an_instrument_that_is_gone_is_refused() -> None:
    state = venue().export_state()
    elsewhere = Instrument(venue="sim", symbol="X/USD", base="X", quote="USD")
    other = SimulatedVenue(SimulatedVenueSettings(), MakeContext(instruments=(elsewhere,)))
    with pytest.raises(VenueError, match="sim:BTC/USD"):
        other.restore_state(state)
