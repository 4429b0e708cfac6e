"""Several desks on one account: their books add up to it, and no order of it trades with another of the same account.

The venue has one order book for all (`tests/fakes/book_venue.py`): it would make such trades, and keeps them.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan, VenuePlan
from loligo.model.command import GenerationActivated
from loligo.model.events import OrderHeld, OrderReported, OrderSubmitted, Record
from loligo.model.money import ZERO, exact
from loligo.model.order import Filled, Order, OrderRole
from loligo.model.portfolio import HOUSE_BOOK, MARKET_BOOK
from loligo.model.timeframe import SECOND_NS
from loligo_bot.shared_account import PATIENCE_NS, SharedExecution
from tests.fakes.book_venue import BookVenue
from tests.fakes.random_desks import START_NS, random_bot, random_plan, random_story
from tests.fakes.venue_scene import BTC, PERP
from tests.property.examples import examples

MANY = settings(max_examples=examples(60), deadline=None)
seeds, lengths = st.integers(0, 2**32), st.integers(20, 150)
LONGEST = 4_000  # seqs of a life: a few, in which orders bring orders, would take minutes
PROMPT_NS = (0, SECOND_NS, 4 * SECOND_NS)  # in which a venue carries out a cancel: less than an exit waits for it


def shared_plan(bot: int, *, is_guarded: bool = True, cancel_takes_ns: int | None = None) -> EnginePlan:
    """Two to four desks on the account "paper", one on an account of its own."""
    plan, more = (random_plan(_scripts(seed), is_tame=True) for seed in (bot, bot + 1))
    names = ("delta", "epsilon")[: bot % 3]
    others = [replace(desk, name=name) for desk, name in zip(more.desks, names, strict=False)]
    takes_ns = PROMPT_NS[bot // 3 % 3] if cancel_takes_ns is None else cancel_takes_ns
    ((name, _),) = plan.venues.items()
    venues = {name: VenuePlan(name="book", make=lambda: BookVenue(BTC, PERP, cancel_takes_ns=takes_ns))}
    shared = {"paper"} if is_guarded else set[str]()
    execution = partial(SharedExecution, shared=shared)
    return replace(plan, desks=(*plan.desks, *others), venues=venues, execution=execution)


def _scripts(seed: int) -> dict[str, Any]:
    scripts = random_bot(seed)
    scripts["modes"] = [tuple([_long(action) for action in line] for line in script) for script in scripts["modes"]]
    return scripts


def _long(action: tuple[Any, ...]) -> tuple[Any, ...]:
    """Nobody owes coins on a spot account: entries buy."""
    return ("entry", {**action[1], "side": "buy"}) if action[0] == "entry" else action


def desks_of(plan: EnginePlan) -> list[str]:
    """Return the desks of the account "paper"."""
    return [desk.name for desk in plan.desks if desk.account == "paper"]


def lived(plan: EnginePlan, story: int, length: int) -> tuple[Engine, list[Record]]:
    engine, records = Engine(plan), list[Record]()
    for item in [GenerationActivated(START_NS, 1, ()), *random_story(story, length)]:
        records.append(engine.process(item))
        if engine.next_seq > LONGEST:
            break
    return engine, records


def book_of(engine: Engine) -> BookVenue:
    (venue,) = engine.venues.values()
    assert isinstance(venue.instance, BookVenue)
    return venue.instance


def of_paper(engine: Engine, records: list[Record]) -> dict[str, Order]:
    orders = [event.order for record in records for event in record.events if isinstance(event, OrderSubmitted)]
    return {order.id: order for order in orders if order.account == "paper"}


@MANY
@given(seeds, seeds, lengths)
def test_no_order_trades_with_another_of_its_account(bot: int, story: int, length: int) -> None:
    engine, records = lived(shared_plan(bot), story, length)
    own = of_paper(engine, records)
    assert [pair for pair in book_of(engine).own_trades if pair[0] in own] == []


def test_the_same_lives_hold_such_trades_when_nobody_guards() -> None:
    """Else the property above would hold of itself."""
    found = 0
    for seed in range(30):
        engine, records = lived(shared_plan(seed, is_guarded=False), seed + 1_000, 120)
        own = of_paper(engine, records)
        found += sum(pair[0] in own for pair in book_of(engine).own_trades)
    assert found > 10


def test_where_a_venue_does_not_cancel_in_time_only_an_exit_that_has_waited_meets_an_own_order() -> None:
    """What closes a position goes in the end, whatever the venue does: a loss without end would be worse."""
    found = 0
    for seed in range(60):
        engine, records = lived(shared_plan(seed, cancel_takes_ns=20 * PATIENCE_NS), seed + 1_000, 120)
        own, held_ns, sent_ns = of_paper(engine, records), dict[str, int](), dict[str, int]()
        for record in records:
            for event in record.events:
                if isinstance(event, OrderHeld):
                    held_ns[event.order.id] = event.ts
                elif isinstance(event, OrderSubmitted):
                    sent_ns[event.order.id] = event.ts
        for pair in book_of(engine).own_trades:
            if pair[0] in own:
                found += 1
                waited = [one for one in pair if own[one].role is not OrderRole.ENTRY and one in held_ns]
                assert any(sent_ns[one] - held_ns[one] >= PATIENCE_NS for one in waited), pair
    assert found


@MANY
@given(seeds, seeds, lengths)
def test_the_books_of_the_desks_and_the_house_add_up_to_the_account(bot: int, story: int, length: int) -> None:
    """The account is what a venue knows: its deposit and every fill and fee. The rest is Loligo's own division."""
    plan = shared_plan(bot)
    engine, records = lived(plan, story, length)
    orders = of_paper(engine, records)
    account, sides = {"USD": Decimal(100_000), "BTC": ZERO}, dict[str, dict[str, Decimal]]()
    with exact():
        for record in records:
            for event in record.events:
                if isinstance(event, OrderReported) and isinstance(event.report, Filled):
                    fill, order = event.report, orders.get(event.report.order_id)
                    if order is not None:
                        signed = fill.quantity * order.side.sign
                        for whose in (account, sides.setdefault(order.desk, {"USD": Decimal(10_000), "BTC": ZERO})):
                            whose["BTC"] += signed
                            whose["USD"] -= signed * fill.price + fill.fee
        balance = engine.portfolio.balance
        for asset, amount in account.items():
            assert sum((balance("paper", book, asset) for book in (*desks_of(plan), HOUSE_BOOK)), ZERO) == amount
            assert -balance("paper", MARKET_BOOK, asset) == amount
            for desk, own in sides.items():
                assert balance("paper", desk, asset) == own[asset]


@MANY
@given(seeds, seeds, lengths, st.integers(1, 149))
def test_a_bot_that_is_cut_in_two_waits_on_as_if_it_were_whole(bot: int, story: int, length: int, cut: int) -> None:
    _, whole = lived(shared_plan(bot), story, length)
    first, _ = lived(shared_plan(bot), story, min(cut, length))
    second = Engine(shared_plan(bot))
    second.restore_state(msgspec.json.decode(msgspec.json.encode(first.export_state())))
    after = [second.process(record.input) for record in whole[min(cut, length) + 1 :]]
    assert after == whole[min(cut, length) + 1 :]


def test_orders_wait_and_go_in_these_lives() -> None:
    held, gone = set[str](), set[str]()
    for seed in range(30):
        _, records = lived(shared_plan(seed), seed + 1_000, 120)
        for record in records:
            held |= {event.order.id for event in record.events if isinstance(event, OrderHeld)}
            gone |= {event.order.id for event in record.events if isinstance(event, OrderSubmitted)} & held
    assert len(held) > 100 and 20 < len(gone) < len(held)
