"""Rules: the first that fits decides; quiet hours, bundles and limits hold messages back and lose none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from loligo.api import SECOND_NS, Message
from loligo_notify import (
    DEFAULTS,
    EXAMPLES,
    FREQUENT,
    MEANING,
    Kind,
    Outbox,
    Page,
    QuietHours,
    Rule,
    Teller,
    rendered,
    rule_for,
)
from tests.fakes.chat_doors import HurryingClock

LOG = structlog.get_logger()


def said(kind: Kind, **more: Any) -> Message:
    return Message(**{"kind": kind, "level": "info", "text": kind.value, **more})


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def test_every_kind_has_a_meaning_an_example_and_words() -> None:
    for kind in Kind:
        assert MEANING[kind] and EXAMPLES[kind].kind == kind
        assert rendered(EXAMPLES[kind]).startswith(EXAMPLES[kind].text), DEFAULTS[kind]


def test_the_first_rule_that_fits_decides_and_may_say_no() -> None:
    mute = Rule(kinds=(Kind.FILL,), desks=("btc",), tell=False)
    fills, problems = Rule(kinds=(Kind.FILL,)), Rule(level="problem")
    rules = (mute, fills, problems)
    assert rule_for(rules, said(Kind.FILL, desk="btc")) is None
    assert rule_for(rules, said(Kind.FILL, desk="eth")) is fills
    assert rule_for(rules, said(Kind.COMMAND)) is None
    assert rule_for(rules, said(Kind.COMMAND, level="problem")) is problems


def test_without_rules_all_is_told_but_what_comes_often() -> None:
    assert {kind for kind in Kind if rule_for((), said(kind)) is None} == FREQUENT
    lapsed = said(Kind.ENTRY_REFUSED, fields={"rule": "consent", "code": "consent_lapsed"})
    assert rule_for((), lapsed) is not None  # who was asked hears what came of it


def test_a_template_that_fails_at_a_message_holds_it_not_back() -> None:
    rule = Rule(kinds=(Kind.TRADE_CLOSED,), template="1 in {{ 1 / net|float }}")  # which its example renders
    nothing = replace(EXAMPLES[Kind.TRADE_CLOSED], fields={**EXAMPLES[Kind.TRADE_CLOSED].fields, "net": "0"})
    words = rendered(nothing, rule.template)
    assert words.startswith(f"{nothing.text}\nnet 0, entry ")
    assert words.endswith("(the template '1 in {{ 1 / net|float }}' failed: ZeroDivisionError: float division by zero)")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-15T21:29:59", ""),  # 22:29:59 in Berlin, which is an hour ahead of UTC in winter
        ("2026-01-15T21:30:00", "2026-01-16T06:00:00"),
        ("2026-01-16T05:59:59", "2026-01-16T06:00:00"),
        ("2026-01-16T06:00:00", ""),
        ("2026-07-15T20:30:00", "2026-07-16T05:00:00"),  # two hours ahead in summer
        ("2026-03-28T23:00:00", "2026-03-29T05:00:00"),  # the night in which the clocks go forward
    ],
)
def test_quiet_hours_are_those_of_the_clock_on_the_wall(now: str, until: str) -> None:
    quiet = QuietHours.model_validate({"begins": "22:30", "ends": "07:00", "time_zone": "Europe/Berlin"})
    assert quiet.until_ns(at(now)) == (at(until) if until else 0)


def teller(rule: Rule, clock: HurryingClock) -> tuple[Teller[str, Page], Outbox[str, Page]]:
    box: Outbox[str, Page] = Outbox(clock, LOG)

    def dress(message: Message, words: str) -> list[Page]:
        return [Page(text=words, level=message.level)]

    return Teller("d", box, "d", (rule,), dress, clock), box


def told(rule: Rule, *messages: Message, clock: HurryingClock | None = None) -> list[str]:
    """Return what arrives when all these come at once."""

    async def go() -> list[str]:
        taken: list[str] = []

        async def send(_place: str, page: Page) -> None:
            taken.append(page.text)

        one, box = teller(rule, clock or HurryingClock())
        for message in messages:
            await one.tell(message)
        running = asyncio.create_task(box.run(send))
        async with asyncio.timeout(10):
            while box.waiting:
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        return taken

    return asyncio.run(go())


def test_what_comes_within_the_time_of_a_bundle_is_one_message() -> None:
    fills = [said(Kind.COMMAND, text=f"paused {number}") for number in range(20)]
    (text,) = told(Rule(group_s=60), *fills)
    assert text.splitlines() == ["20 messages", *(f"paused {number}" for number in range(12)), "… and 8 more"]


def test_more_than_the_limit_in_a_minute_is_counted_in_one_message_at_its_end() -> None:
    clock = HurryingClock()
    began_ns = clock.now_ns()
    texts = told(Rule(per_minute=2), *(said(Kind.COMMAND, text=str(number)) for number in range(5)), clock=clock)
    assert texts == ["0", "1", "3 messages\n2\n3\n4"]
    assert clock.now_ns() - began_ns == 60 * SECOND_NS


def test_quiet_hours_hold_back_all_but_problems_until_they_end() -> None:
    clock = HurryingClock(at("2026-01-15T23:00:00"))
    rule = Rule(quiet=QuietHours.model_validate({"begins": "22:00", "ends": "07:00"}))
    texts = told(
        rule,
        said(Kind.COMMAND, text="a"),
        said(Kind.ERROR, text="fire", level="problem"),
        said(Kind.COMMAND, text="b", level="warning"),
        clock=clock,
    )
    assert texts == ["fire", "2 messages\na\nb"]
    assert clock.now_ns() == at("2026-01-16T07:00:00")


def test_words_of_ones_own_replace_the_default_ones() -> None:
    trade = EXAMPLES[Kind.TRADE_CLOSED]
    rule = Rule(kinds=(Kind.TRADE_CLOSED,), template="{{ instrument }} made {{ net }}")
    assert told(rule, trade) == ["coinbase:BTC/USD made 12.40"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"kinds": ["fill"], "template": "{{ net }}"}, "does not render its example of fill: 'net' is undefined"),
        ({"template": "{{ text"}, "unexpected end"),
        ({"template": "{{ text.__class__.__mro__ }}"}, "is unsafe"),
        ({"kinds": ["nonsense"]}, "Input should be 'order'"),
        ({"quiet": {"begins": "22:00", "ends": "07:00", "time_zone": "Berlin"}}, "time zone as IANA names it"),
        ({"quiet": {"begins": "22:00", "ends": "22:00"}}, "give them a length"),
    ],
)
def test_a_rule_that_cannot_work_is_a_fault_of_the_settings(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Rule.model_validate(given)


def test_a_rule_tells_itself_in_words() -> None:
    rule = Rule(kinds=(Kind.FILL, Kind.STOP_HIT), desks=("btc",), group_s=60, per_minute=10)
    assert rule.words() == "fill, stop hit; of btc; what comes within 60 s in one message; 10 a minute at most"
