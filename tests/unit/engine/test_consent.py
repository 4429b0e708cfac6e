"""Consent: entries that a person is asked about, what their answer does, and what its absence does."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.model.command import CommandKind, TimeAdvanced
from loligo.model.events import Approved, CommandHandled, ConsentAsked, OrderRequested, OrderSubmitted, Refused
from loligo.model.risk import Tier, Verdict, passed, reduced, refused
from loligo.model.timeframe import SECOND_NS
from tests.fakes.desks import BTC, LETS_POSITION, Bot, Lets, Wishes, buy, causes, desk, plan, rule, seat, sell

LIMIT_S = 60


class Asking(Bot):
    """A bot whose desk asks. Its rule gives the `verdicts` one after the other, then lets all through."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.mode, self.verdicts = Wishes(), list(verdicts)

        def judge(_request: object, _view: object) -> Verdict:
            return self.verdicts.pop(0) if self.verdicts else passed("fine")

        made = desk(
            seat(lambda: self.mode), rules=(LETS_POSITION, rule(lambda: Lets(Tier.STRATEGY, judge), "strategy"))
        )
        super().__init__(plan(replace(made, consent_ns=LIMIT_S * SECOND_NS)))

    def wants(self, hour: int = 0) -> str:
        """Let the mode want an entry; return the id of the newest question."""
        self.mode.wishes = [buy()]
        self.candle(hour, 100)
        return str(self.events(ConsentAsked)[-1].seq)

    def passes(self, seconds: int) -> None:
        self.feed(TimeAdvanced(self.engine.now_ns + seconds * SECOND_NS))

    def handled(self) -> tuple[bool, str]:
        return self.events(CommandHandled)[-1].is_done, self.events(CommandHandled)[-1].message

    def refusals(self) -> list[str]:
        return [event.code for event in self.events(Refused)]


def test_an_entry_waits_for_a_yes_and_its_order_leads_back_to_what_wanted_it() -> None:
    bot = Asking()
    question = bot.wants()
    assert not bot.events(Approved)
    bot.passes(59)
    bot.command(CommandKind.CONSENT, question, by="ann")
    assert bot.handled() == (True, f"sent: buy 1 {BTC.id} of alpha")
    (order,) = bot.events(OrderSubmitted)
    kinds = [type(event) for event in causes(bot.records, order.seq)]
    assert kinds == [OrderSubmitted, Approved, OrderRequested, ConsentAsked, OrderRequested]
    bot.candle(1, 101)
    assert bot.position() == 1


@pytest.mark.parametrize(("seconds", "code"), [(0, "consent_denied"), (60, "consent_lapsed")])
def test_without_a_yes_in_time_there_is_no_order(seconds: int, code: str) -> None:
    bot = Asking()
    question = bot.wants()
    if seconds:
        bot.passes(seconds)
        bot.command(CommandKind.CONSENT, question)
        assert bot.handled()[0] is False
    else:
        bot.command(CommandKind.DENY, question)
        assert bot.handled() == (True, f"denied: buy 1 {BTC.id} of alpha")
    assert bot.refusals() == [code]
    assert [event.cause for event in bot.events(Refused)] == [int(question)]
    assert not bot.events(OrderSubmitted)


def test_a_yes_is_judged_anew() -> None:
    bot = Asking(passed("fine"), refused("too_late"))
    bot.command(CommandKind.CONSENT, bot.wants())
    assert bot.handled() == (False, f"agreed, but risk no longer lets it through: buy 1 {BTC.id} of alpha")
    assert bot.refusals() == ["too_late"]
    assert not bot.engine.risk.consent.waiting


def test_what_rules_refuse_is_not_asked_and_what_they_reduce_is_asked_smaller() -> None:
    bot = Asking(refused("no"), reduced(Decimal("0.5"), "half"))
    bot.mode.wishes = [buy()]
    bot.candle(0, 100)
    assert (bot.refusals(), bot.events(ConsentAsked)) == (["no"], [])
    bot.wants(1)
    assert [event.request.quantity for event in bot.events(ConsentAsked)] == [Decimal("0.5")]


def test_one_question_of_a_seat_waits_at_a_time() -> None:
    bot = Asking()
    bot.mode.wishes = [buy(), buy("2")]
    bot.candle(0, 100)
    assert [event.request.quantity for event in bot.events(ConsentAsked)] == [1]
    assert bot.refusals() == ["consent_awaited"]


def test_exits_and_stops_are_never_asked_about() -> None:
    bot = Asking()
    bot.command(CommandKind.CONSENT, bot.wants())
    bot.candle(1, 100)
    assert bot.roles() == [("stop", "1")]
    bot.mode.wishes = [sell()]
    bot.candle(2, 100)
    bot.candle(3, 100)
    assert bot.position() == Decimal(0)
    assert len(bot.events(ConsentAsked)) == 1


def test_a_question_outlives_a_restart_and_lapses_in_its_time() -> None:
    bot = Asking()
    question = bot.wants()
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state()))
    bot.engine = Engine(bot.plan)
    bot.engine.restore_state(state)
    bot.passes(59)
    assert bot.refusals() == []
    bot.passes(1)
    assert bot.refusals() == ["consent_lapsed"]
    bot.command(CommandKind.DENY, question)
    assert "nothing waits for consent" in bot.handled()[1]
