"""Venues are made by tentacles: with their instruments and settings, and refused with the key that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loligo.config import LoligoConfig
from loligo.errors import ConfigError, TentacleError
from loligo.host import Host
from loligo.ports.venue import EngineVenue
from loligo_bot.plan import build_venues
from tests.fakes.tentacle_folder import write_registry, write_tentacle

REPOSITORY = Path(__file__).resolve().parents[3]


def config(**venue: Any) -> LoligoConfig:
    section = {"kind": "simulated", "instruments": {"ETH/USD": {}, "BTC/USD": {}}, **venue}
    return LoligoConfig.model_validate({"venues": {"coinbase": section}})


def bundled(home: Path) -> Host:
    """Return a host that has loaded the bundled venue, whatever state its files are in."""
    entry = {"name": "simulated", "kind": "venue", "version": "1.0.0", "source": "local"}
    entry["path"] = "tentacles/venues/simulated"
    (home / "tentacle_registry.json").write_text(json.dumps({"format": 1, "tentacles": [entry]}), encoding="utf-8")
    host = Host(home, REPOSITORY)
    host.load_all()
    return host


def test_each_section_gets_a_venue_of_its_kind_with_its_instruments(tmp_path: Path) -> None:
    ((_, venue),) = build_venues(config(fills={"latency_ms": 50}), bundled(tmp_path)).values()
    assert isinstance(venue, EngineVenue)
    assert list(venue.instruments) == ["coinbase:BTC/USD", "coinbase:ETH/USD"]
    assert venue.counts() == {"ambiguous_candles": 0}


@pytest.mark.parametrize(
    ("fills", "said"),
    [
        ({"slippage_rate": 2}, "slippage_rate = 2: Input should be less than 1"),
        ({"latency": 50}, r'latency = 50: unknown key \(did you mean "latency_ms"\?\)'),
    ],
)
def test_wrong_fills_are_refused_with_key_value_and_expectation(
    tmp_path: Path, fills: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=f"venues.coinbase.fills of venue simulated: {said}"):
        build_venues(config(fills=fills), bundled(tmp_path))


def test_venue_that_no_tentacle_makes_is_refused_with_what_was_probably_meant(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match=r'no venue simulatd \(did you mean "simulated"\?\)'):
        build_venues(config(kind="simulatd"), bundled(tmp_path))


def test_venue_that_does_not_answer_inside_the_engine_is_refused(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "venue", "remote")  # makes what answers to nobody
    write_registry(tmp_path)
    host = Host(tmp_path, tmp_path)
    host.load_all()
    with pytest.raises(ConfigError, match=r'venues.coinbase.kind: "remote" makes Made, which does not answer inside'):
        build_venues(config(kind="remote"), host)
