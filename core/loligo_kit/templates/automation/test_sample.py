"""The sample automation: when it fires, and what it wants then."""

from __future__ import annotations

from loligo.api import MakeContext, Record
from loligo.api.automation import Act, Firing, World
from loligo_testing import tape

from .logic import Sample, Settings

SETTINGS = Settings(instrument="sim:BTC/USD", below=100.0, desk="trend")


def fired(*closes: float, of: Sample | None = None) -> list[Firing]:
    made, world, found = of or Sample(SETTINGS, MakeContext()), World(), []
    for number, close in enumerate(closes):
        record = Record(number + 1, tape.candle(number, close), [])
        world.hear(record)
        found += [firing] if (firing := made.on_record(record, world)) else []
    return found


def test_it_fires_once_per_fall_and_names_the_record() -> None:
    first, second = fired(101.0, 99.0, 98.0, 102.0, 97.0)
    assert (first.key, second.key) == ("seq 2", "seq 5")
    assert first.why == "sim:BTC/USD fell to 99, below 100"
    assert first.acts == [Act(verb="pause", arguments={"target": "trend"})]


def test_a_price_that_lies_below_from_the_start_did_not_fall() -> None:
    assert fired(99.0, 98.0) == []


def test_the_next_version_goes_on_where_this_one_was() -> None:
    one, other = Sample(SETTINGS, MakeContext()), Sample(SETTINGS, MakeContext())
    fired(101.0, of=one)
    other.restore_state(one.export_state())
    assert len(fired(99.0, of=other)) == 1
