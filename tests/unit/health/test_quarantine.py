"""Quarantine: failures are counted in the time of the data, back-off doubles, risk rules stay on."""

from __future__ import annotations

import pytest

from loligo.errors import TentacleError
from loligo.model.events import TentacleFailed
from loligo.model.timeframe import HOUR_NS, SECOND_NS
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.quarantine import Quarantine, find, slot_of, timeframes_of, with_dependents
from tests.fakes.desks import CandleSays, desk, evaluator, plan, seat

RSI = "evaluator rsi"
CONFIG = HealthConfig(failures=3, window_s=60, window_candles=0, interruption_weight=2, recovers_after_s=600)


def failed(ts_s: float, tentacle: str = "rsi BTC 1h", call: str = "evaluate", *, hung: bool = False) -> TentacleFailed:
    return TentacleFailed(1, int(ts_s * SECOND_NS), 0, "", tentacle, call, "OSError: no", 1, hung)


def quarantined() -> Quarantine:
    """Return a quarantine in which an evaluator is off since the first second."""
    quarantine = Quarantine(CONFIG)
    assert [quarantine.fail(failed(1)) for _ in range(4)] == ["", "", "", RSI]
    quarantine.activated(SECOND_NS, {})
    return quarantine


@pytest.mark.parametrize(
    ("tentacle", "call", "slot"),
    [
        ("rsi#1a2b coinbase:BTC/USD 1h", "evaluate", "evaluator rsi"),
        ("news coinbase:BTC/USD", "evaluate", "evaluator news"),
        ("rsi coinbase:BTC/USD 1h", "on_candle", "evaluator rsi"),  # interrupted beside another
        ("by_clock", "decide", "strategy by_clock"),
        ("grid", "on_fill", "trading_mode grid"),
        ("grid", "on_candle", "trading_mode grid"),
        ("limit", "check", "risk_rule limit"),
        ("limit", "watch", "risk_rule limit"),
        ("limit", "on_trade_closed", "risk_rule limit"),
        ("by_clock (new)", "decide", ""),
    ],
)
def test_failure_names_its_tentacle_by_label_and_call(tentacle: str, call: str, slot: str) -> None:
    assert slot_of(failed(0, tentacle, call)) == slot


def test_tentacle_is_quarantined_when_it_fails_more_often_than_its_budget_within_the_window() -> None:
    quarantine = Quarantine(CONFIG)
    assert [quarantine.fail(failed(second)) for second in (0, 10, 20, 30)] == ["", "", "", RSI]
    assert quarantine.off[RSI] == "4 failures within 60 s, more than 3; the newest: evaluate: OSError: no"


def test_failures_that_are_older_than_the_window_do_not_count() -> None:
    quarantine = Quarantine(CONFIG)
    assert [quarantine.fail(failed(second)) for second in (0, 20, 40, 60, 80, 100)] == [""] * 6  # never 4 in 60 s
    assert quarantine.fail(failed(101)) == RSI


def test_hung_call_counts_as_several_failures() -> None:
    quarantine = Quarantine(CONFIG)
    assert [quarantine.fail(failed(0, hung=True)) for _ in range(2)] == ["", RSI]  # 2 + 2 > 3


def test_window_reaches_over_so_many_candles_of_a_slow_desk() -> None:
    hourly = Quarantine(CONFIG.model_copy(update={"window_candles": 5}), timeframes={RSI: HOUR_NS})
    assert [hourly.fail(failed(3600 * hour)) for hour in range(4)] == ["", "", "", RSI]
    only_time = Quarantine(CONFIG, timeframes={RSI: HOUR_NS})
    assert [only_time.fail(failed(3600 * hour)) for hour in range(9)] == [""] * 9


def test_longest_timeframe_of_all_its_places_counts() -> None:
    desks = plan(desk(seat(evaluators=[evaluator(lambda: CandleSays(lambda _: None))])))
    found = timeframes_of(desks)
    assert {slot for slot, ns in found.items() if ns == HOUR_NS} >= {slot for slot in found if "evaluator" in slot}
    assert {slot.split()[0] for slot in found} >= {"evaluator", "strategy", "trading_mode", "risk_rule"}


def test_backoff_doubles_with_each_relapse_up_to_its_limit() -> None:
    quarantine, ts = Quarantine(CONFIG.model_copy(update={"backoff_max_s": 300})), SECOND_NS
    lasted = []
    for _ in range(5):
        for _ in range(4):
            quarantine.fail(failed(ts / SECOND_NS))
        quarantine.activated(ts, {})
        until = quarantine.until_ns(RSI)
        assert quarantine.advance(until - 1) == []
        assert quarantine.advance(until) == [RSI]
        lasted.append((until - ts) // SECOND_NS)
        ts = until
        quarantine.activated(ts, {RSI: "h1:a"})
    assert lasted == [60, 120, 240, 300, 300]


def test_backoff_begins_when_the_tentacle_is_off_and_not_before() -> None:
    quarantine = Quarantine(CONFIG)
    for _ in range(4):
        quarantine.fail(failed(0))
    assert quarantine.advance(10_000 * SECOND_NS) == []
    quarantine.activated(10_000 * SECOND_NS, {RSI: "h1:a"})  # another swap came first: it still runs
    assert quarantine.until_ns(RSI) == 0
    quarantine.activated(10_001 * SECOND_NS, {})
    assert quarantine.until_ns(RSI) == 10_061 * SECOND_NS


def test_time_without_a_relapse_makes_the_next_quarantine_a_first_one() -> None:
    quarantine = quarantined()
    assert quarantine.advance(61 * SECOND_NS) == [RSI]
    quarantine.activated(61 * SECOND_NS, {RSI: "h1:a"})
    quarantine.advance(660 * SECOND_NS)
    assert quarantine.cases[RSI].times == 1
    quarantine.advance(661 * SECOND_NS)  # 600 s after it came back
    assert quarantine.cases == {}


def test_failures_on_the_way_out_do_not_count_twice() -> None:
    quarantine = quarantined()
    assert [quarantine.fail(failed(1)) for _ in range(9)] == [""] * 9
    assert quarantine.cases[RSI].times == 1


def test_risk_rule_is_never_taken_off_but_reported() -> None:
    quarantine = Quarantine(CONFIG)
    assert [quarantine.fail(failed(0, "limit", "check")) for _ in range(9)] == [""] * 9
    assert quarantine.off == {}
    assert quarantine.overdrawn["risk_rule limit"].startswith("4 failures within 60 s")


def test_person_ends_a_quarantine_with_its_backoff() -> None:
    quarantine = quarantined()
    assert quarantine.release(RSI)
    assert quarantine.off == {}
    assert not quarantine.release(RSI)


def test_name_finds_its_case_or_says_what_there_is() -> None:
    slots = ["evaluator rsi", "strategy rsi", "strategy by_clock"]
    assert find("by_clock", slots) == "strategy by_clock"
    assert find("strategy/rsi", slots) == "strategy rsi"
    with pytest.raises(TentacleError, match=r'"rsi" is the name of 2 in quarantine; in it are: evaluator/rsi, '):
        find("rsi", slots)
    with pytest.raises(TentacleError, match=r'"by_clok" is not in quarantine \(did you mean "by_clock"\?\)'):
        find("by_clok", slots)


def test_what_needs_a_quarantined_tentacle_is_off_with_it() -> None:
    needs = {"strategy a": ["rsi"], "trading_mode b": ["a"], "strategy c": []}
    found = with_dependents({RSI: "it fails"}, needs)
    assert found["strategy a"] == "it needs evaluator rsi, which is off: it fails"
    assert set(found) == {RSI, "strategy a", "trading_mode b"}
