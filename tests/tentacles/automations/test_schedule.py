"""A schedule: due times over clock changes, what was missed, each once; a cron line that says nothing is refused."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from loligo.api import iso, ns_from_iso

MINUTE_NS = 60_000_000_000
Load = Callable[[str], ModuleType]


def schedule(load: Load, **settings: Any) -> Any:
    factory = load("automations/schedule").automation()
    return factory.create(factory.settings(**settings), None)


def minutes(made: Any, since: str, until: str) -> list[str]:
    """Return the minutes at which it fires, asked at each of a span."""
    found = []
    for now_ns in range(ns_from_iso(since), ns_from_iso(until), MINUTE_NS):
        if made.on_time(now_ns) is not None:
            found.append(iso(now_ns)[:16])
    return found


def test_a_time_in_the_hour_that_is_left_out_comes_at_its_end(load_tentacle: Load) -> None:
    made = schedule(load_tentacle, cron="30 2 * * *", zone="Europe/Berlin")
    # 28 March 2026 02:30 is 01:30 UTC; on the 29th 02:30 does not exist, 03:00 is 01:00 UTC; then 00:30 UTC
    said = minutes(made, "2026-03-28", "2026-03-31")
    assert said == ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]


def test_a_time_in_the_hour_that_comes_twice_fires_once(load_tentacle: Load) -> None:
    made = schedule(load_tentacle, cron="30 2 * * *", zone="Europe/Berlin")
    said = minutes(made, "2026-10-24T12:00:00", "2026-10-27")
    assert said == ["2026-10-25T00:30", "2026-10-26T01:30"]  # summer time, then winter time


@pytest.mark.parametrize(("missed", "count"), [("once", 1), ("skip", 0)])
def test_what_passed_while_the_bot_was_down_is_made_up_for_once_or_not(
    load_tentacle: Load, missed: str, count: int
) -> None:
    made = schedule(load_tentacle, cron="0 6 * * *", missed=missed)
    assert made.on_time(ns_from_iso("2026-01-01")) is None
    again = schedule(load_tentacle, cron="0 6 * * *", missed=missed)
    again.restore_state(made.export_state())
    firing = again.on_time(ns_from_iso("2026-01-04T08:00:00"))  # three due times passed
    assert (firing is not None) == bool(count)
    if firing is not None:
        assert firing.key == f"due {ns_from_iso('2026-01-04T06:00:00')}"
        assert firing.why == "it was due 2026-01-04T06:00, while the bot was down"
    assert again.on_time(ns_from_iso("2026-01-05T05:59:00")) is None
    on_time = again.on_time(ns_from_iso("2026-01-05T06:00:01"))
    assert on_time is not None and on_time.why == "it was due 2026-01-05T06:00"


def test_another_cron_line_does_not_inherit_a_due_time(load_tentacle: Load) -> None:
    made, other = schedule(load_tentacle, cron="0 6 * * *"), schedule(load_tentacle, cron="0 7 * * *")
    made.on_time(ns_from_iso("2026-01-01"))
    other.restore_state(made.export_state())
    assert other.on_time(ns_from_iso("2026-01-01T06:30:00")) is None


def test_it_says_when_and_what_and_asks_for_that(load_tentacle: Load) -> None:
    made = schedule(load_tentacle, cron="30 6 * * 1-5", job="backtest", arguments={"desks": ["trend"]})
    said = "At 06:30 on Monday through Friday (UTC): start a backtest"
    assert made.standing().words == said
    assert [(one.verb, one.arguments) for one in made.acts()] == [("backtest.start", {"desks": ["trend"]})]


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "0 0 31 2 *", "* * * * * *"])
def test_a_line_that_is_none_is_refused_with_an_example(load_tentacle: Load, cron: str) -> None:
    with pytest.raises(ValidationError, match=r"expected|there is no such day"):
        schedule(load_tentacle, cron=cron)
