"""Who may ask, how often, and what their buttons do."""

from __future__ import annotations

import pytest

from loligo.api import Role
from loligo_chat import Access, Offers, Person, Place, RateLimit
from loligo_chat.offers import Expired
from loligo_testing.clock import ReplayClock

ANNA, BERT = Person(id="1", name="Anna"), Person(id="2", groups=("77",))
HOME, OTHER = Place(chat="10"), Place(chat="11")


def test_an_empty_list_is_nobody() -> None:
    assert Access({}, ReplayClock()).role_of(ANNA, HOME) is None


def test_the_highest_role_of_person_chat_and_group_counts() -> None:
    access = Access({"1": Role.VIEW, "10": Role.TRADE, "77": Role.ADMIN}, ReplayClock())
    assert access.role_of(ANNA, OTHER) is Role.VIEW
    assert access.role_of(ANNA, HOME) is Role.TRADE
    assert access.role_of(BERT, OTHER) is Role.ADMIN
    assert access.role_of(Person(id="3"), OTHER) is None


def test_a_stranger_is_news_once_an_hour() -> None:
    clock = ReplayClock()
    access = Access({}, clock)
    assert [access.is_news(ANNA), access.is_news(ANNA), access.is_news(BERT)] == [True, False, True]
    clock.advance(3_599)
    assert not access.is_news(ANNA)
    clock.advance(1)
    assert access.is_news(ANNA)


def test_so_many_requests_a_minute_are_answered_and_each_person_has_their_own() -> None:
    clock = ReplayClock()
    rate = RateLimit(2, clock)
    assert rate.wait_s(ANNA) == 0
    clock.advance(15)
    assert rate.wait_s(ANNA) == 0
    clock.advance(5)
    assert rate.wait_s(ANNA) == 40  # the first was 20 s ago
    assert [rate.is_first_refusal(ANNA), rate.is_first_refusal(ANNA)] == [True, False]
    assert rate.wait_s(BERT) == 0
    clock.advance(40)
    assert rate.wait_s(ANNA) == 0


def test_a_question_is_answered_once() -> None:
    offers = Offers(ReplayClock())
    yes, no = offers.ask("flatten", {"desks": ["btc"]}, HOME, ANNA, 60)
    assert offers.take(yes, HOME, ANNA).is_yes
    for token in (yes, no):
        with pytest.raises(Expired, match="used or is too old"):
            offers.take(token, HOME, ANNA)


def test_a_question_is_for_one_person_in_one_chat() -> None:
    offers = Offers(ReplayClock())
    yes, _ = offers.ask("flatten", {}, HOME, ANNA, 60)
    with pytest.raises(Expired, match="Only whoever asked"):
        offers.take(yes, HOME, BERT)
    with pytest.raises(Expired, match="too old"):
        offers.take(yes, OTHER, ANNA)
    assert offers.take(yes, HOME, ANNA).verb == "flatten"  # it is still open for her


def test_a_question_has_its_time() -> None:
    clock = ReplayClock()
    offers = Offers(clock)
    in_time, _ = offers.ask("flatten", {}, HOME, ANNA, 60)
    late, _ = offers.ask("flatten", {}, HOME, ANNA, 60)
    clock.advance(60)
    assert offers.take(in_time, HOME, ANNA)
    clock.advance(1)
    with pytest.raises(Expired, match="asked 61 s ago, an answer counts for 60 s"):
        offers.take(late, HOME, ANNA)


def test_a_button_of_a_list_can_be_pressed_again_by_others() -> None:
    offers = Offers(ReplayClock())
    token = offers.offer("tentacle.switch", {"name": "rsi"}, HOME)
    assert offers.take(token, HOME, ANNA).arguments == offers.take(token, HOME, BERT).arguments
