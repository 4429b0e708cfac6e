"""Risk: the gate, what acts on its own, pauses, counters and the kill switch."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.model.command import CommandKind, GenerationActivated, TimeAdvanced
from loligo.model.events import (
    Approved,
    CancelRequested,
    KillSwitchSet,
    OrderSubmitted,
    PositionChanged,
    Refused,
    Resumed,
    RiskActed,
    RiskChecked,
    TentacleFailed,
)
from loligo.model.market import Quote
from loligo.model.order import OrderRole
from loligo.model.risk import ActionKind, KillLevel, RiskAction, Tier, Verdict, passed, reduced, refused
from loligo.model.timeframe import DAY_NS, HOUR_NS
from tentacles.venues.simulated.settings import MatchOn
from tests.fakes.desks import (
    BTC,
    LETS_ACCOUNT,
    LETS_POSITION,
    LETS_STRATEGY,
    Bot,
    Counts,
    Lets,
    Watches,
    Wishes,
    account,
    buy,
    desk,
    free_venue,
    of,
    plan,
    rule,
    seat,
    sell,
)

PAUSE_4H = RiskAction(ActionKind.PAUSE, "test", until_ns=4 * HOUR_NS)


def judged(judge: Callable[..., Any], tier: Tier = Tier.POSITION) -> Any:
    return rule(lambda: Lets(tier, judge), f"judge {tier}")


def bot_with(mode: Wishes, *rules: Any, account_rules: Any = (LETS_ACCOUNT,), **more: Any) -> Bot:
    all_rules = rules or (LETS_POSITION, LETS_STRATEGY)
    return Bot(plan(desk(seat(lambda: mode), rules=all_rules, **more), accounts=[account(rules=account_rules)]))


def opened(mode: Wishes, bot: Bot) -> None:
    """Hold one coin, bought at the open of hour 1."""
    mode.wishes = [buy()]
    bot.candle(0, 100)
    bot.candle(1, 100)
    assert bot.position() == 1


def broken(*given: Any) -> Any:
    raise ValueError("broken")


def test_every_check_is_an_event_and_an_approval_follows_from_the_request() -> None:
    mode = Wishes()
    mode.wishes = [buy()]
    record = bot_with(mode).candle(0, 100)
    checks = of(record, RiskChecked)
    assert [(event.rule, event.tier) for event in checks] == [
        ("position", Tier.POSITION),
        ("strategy", Tier.STRATEGY),
        ("account", Tier.ACCOUNT),
    ]
    (approved,) = of(record, Approved)
    assert approved.cause == checks[0].cause and approved.reduced_from is None


def test_the_first_refusal_in_tier_order_is_named_with_its_numbers_and_all_rules_are_heard() -> None:
    mode = Wishes()
    rules = (judged(lambda *_: refused("small", 1.0, 2.0)), judged(lambda *_: refused("late"), Tier.STRATEGY))
    mode.wishes = [buy()]
    record = bot_with(mode, *rules).candle(0, 100)
    (event,) = of(record, Refused)
    assert (event.rule, event.tier, event.code, event.numbers) == ("judge position", Tier.POSITION, "small", (1.0, 2.0))
    assert len(of(record, RiskChecked)) == 3 and not of(record, OrderSubmitted)


def test_the_smallest_reduction_wins_and_is_cut_to_the_lot() -> None:
    mode = Wishes()
    rules = (
        judged(lambda *_: reduced(Decimal("0.70"), "share")),
        judged(lambda *_: reduced(Decimal("0.5006"), "share"), Tier.STRATEGY),
    )
    mode.wishes = [buy()]
    record = bot_with(mode, *rules).candle(0, 100)
    (event,) = of(record, Approved)
    assert (event.request.quantity, event.reduced_from) == (Decimal("0.500"), Decimal(1))


@pytest.mark.parametrize("left", ["0", "0.0004", "-1"])
def test_what_is_reduced_to_nothing_is_refused(left: str) -> None:
    mode = Wishes()
    mode.wishes = [buy()]
    record = bot_with(mode, judged(lambda *_: reduced(Decimal(left), "share")), LETS_STRATEGY).candle(0, 100)
    assert [event.code for event in of(record, Refused)] == ["reduced_to_nothing"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda *_: None,
        lambda *_: True,
        lambda *_: Verdict("passed", "x"),  # type: ignore[arg-type]
        lambda *_: reduced(None, "to what?"),  # type: ignore[arg-type]
        lambda *_: reduced(Decimal("NaN"), "x"),
        lambda *_: reduced(0.5, "x"),  # type: ignore[arg-type]
        broken,
    ],
)
def test_a_rule_that_raises_or_answers_nonsense_denies_entries_and_is_counted(answer: Callable[..., Any]) -> None:
    mode = Wishes()
    bot = bot_with(mode, judged(answer), LETS_STRATEGY)
    for hour in range(2):
        mode.wishes = [buy()]
        record = bot.candle(hour, 100)
        assert [event.code for event in of(record, Refused)] == ["rule_failed"]
    assert [event.count for event in bot.events(TentacleFailed)] == [1, 2] and bot.position() == 0


@pytest.mark.parametrize("missing", list(Tier))
def test_a_tier_without_a_rule_refuses(missing: Tier) -> None:
    mode = Wishes()
    rules = tuple(one for one in (LETS_POSITION, LETS_STRATEGY) if one.name != missing)
    plans = plan(
        desk(seat(lambda: mode), rules=rules),
        accounts=[account(rules=() if missing is Tier.ACCOUNT else (LETS_ACCOUNT,))],
    )
    mode.wishes = [buy()]
    (event,) = of(Bot(plans).candle(0, 100), Refused)
    assert (event.rule, event.code, event.tier) == ("kernel", "no_rule_in_tier", missing)


def hold(mode: Wishes, bot: Bot, how: str) -> None:
    """Deny entries in one of the ways there are."""
    if how == "pause":
        bot.command(CommandKind.PAUSE, "alpha")
    elif how == "account":
        bot.command(CommandKind.PAUSE, "account:paper")
    elif how == "kill":
        bot.command(CommandKind.PANIC, level=1)


@pytest.mark.parametrize("how", ["pause", "account", "kill", "rule"])
def test_what_denies_entries_never_stops_exits_cancels_or_protection(how: str) -> None:
    mode, is_broken = Wishes(), [False]
    bot = bot_with(mode, judged(lambda *_: broken() if is_broken[0] else passed("fine")), LETS_STRATEGY)
    mode.wishes = [buy("2")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    is_broken[0] = how == "rule"
    hold(mode, bot, how)
    mode.wishes = [buy(), sell("0.5"), sell("0.5", limit_price="150")]
    record = bot.candle(2, 100)
    assert len(of(record, Refused)) == 1 and len(of(record, Approved)) == 2
    bot.candle(3, 100)
    assert bot.position() == Decimal("1.5") and ("stop", "1.5") in bot.roles()
    bot.candle(4, 100, low=80, close=85)
    assert bot.position() == 0 and bot.roles() == []


def test_an_exit_is_cut_to_the_position_and_without_one_refused() -> None:
    mode = Wishes()
    bot = bot_with(mode)
    mode.wishes = [sell("1")]
    assert [event.code for event in of(bot.candle(0, 100), Refused)] == ["nothing_to_reduce"]
    bot = bot_with(mode)
    opened(mode, bot)
    mode.wishes = [sell("5")]
    (event,) = of(bot.candle(2, 100), Approved)
    assert (event.request.quantity, event.reduced_from, event.request.is_reduce_only) == (1, 5, True)


def test_a_reduce_only_entry_is_an_exit_and_the_stop_shrinks_with_it() -> None:
    mode = Wishes()
    bot = bot_with(mode)
    opened(mode, bot)
    mode.wishes = [sell("0.4", role=OrderRole.ENTRY, is_reduce_only=True, stop_loss_price="120")]
    (approved,) = of(bot.candle(2, 100), Approved)
    assert approved.request.role is OrderRole.EXIT
    bot.candle(3, 100)
    assert bot.roles() == [("stop", "0.6")]


def test_a_timed_pause_ends_by_the_schedule_and_one_of_a_person_only_by_resume() -> None:
    mode = Wishes()
    ordered = [PAUSE_4H]
    bot = bot_with(
        mode, LETS_POSITION, rule(lambda: Watches(Tier.STRATEGY, lambda view: ordered.pop() if ordered else None))
    )
    opened(mode, bot)  # the first mark of the position, at 2 h, pauses
    bot.command(CommandKind.PAUSE, "alpha", by="ann")
    mode.wishes = [buy()]
    (event,) = of(bot.candle(2, 100), Refused)
    assert (event.code, event.numbers) == ("paused", (4.0 * 3600,))
    bot.candle(3, 100)
    assert not bot.events(Resumed)  # a person's pause is still there
    bot.feed(TimeAdvanced(30 * DAY_NS))
    assert not bot.events(Resumed)
    (resumed,) = of(bot.command(CommandKind.RESUME, "alpha", by="ann"), Resumed)
    assert (resumed.scope, resumed.by) == ("alpha", "ann")


def test_pauses_of_different_length_each_end_at_their_time() -> None:
    mode = Wishes()
    orders = {f"r{hours}": [RiskAction(ActionKind.PAUSE, "x", until_ns=hours * HOUR_NS)] for hours in (5, 7)}
    rules = [
        rule(lambda left=left: Watches(Tier.STRATEGY, lambda view: left.pop() if left else None), name)  # type: ignore[misc]
        for name, left in orders.items()
    ]
    bot = bot_with(mode, LETS_POSITION, *rules)
    opened(mode, bot)
    record = bot.feed(TimeAdvanced(9 * HOUR_NS))
    assert [event.ts for event in of(record, Resumed)] == [7 * HOUR_NS]
    mode.wishes = [buy()]
    assert not of(bot.candle(9, 100), Refused)


def test_a_longer_pause_replaces_a_shorter_and_an_equal_one_is_not_told_again() -> None:
    mode, untils = Wishes(), [4, 4, 3, 6, 0, 9]
    bot = bot_with(
        mode,
        LETS_POSITION,
        rule(
            lambda: Watches(
                Tier.STRATEGY, lambda v: RiskAction(ActionKind.PAUSE, "x", until_ns=untils.pop(0) * HOUR_NS)
            )
        ),
    )
    mode.wishes = [buy()]
    bot.candle(-1, 100)
    for _ in range(6):
        bot.candle(0, 100)
    assert [event.action.until_ns // HOUR_NS for event in bot.events(RiskActed)] == [4, 6, 0]


def test_a_pause_that_ended_inside_the_candle_of_its_fill_is_over_at_the_next_input() -> None:
    """The stop fills a third into a daily candle, at 8 h; a pause of two hours from then ends before its close."""
    mode = Wishes()
    acts = rule(
        lambda: Counts(
            Tier.STRATEGY,
            lambda trade, view: RiskAction(ActionKind.PAUSE, "x", until_ns=trade.closed_at_ns + 2 * HOUR_NS),
        ),
        "counts",
    )
    bot = bot_with(mode, LETS_POSITION, acts, timeframe="1d")
    mode.wishes = [buy()]
    bot.candle(-24, 100, timeframe="1d")
    bot.candle(0, 100, high=120, low=89, close=110, timeframe="1d")
    mode.wishes = [buy()]
    record = bot.candle(24, 110, timeframe="1d")
    (resumed,) = bot.events(Resumed)
    assert (resumed.by, resumed.ts) == ("time", DAY_NS)  # the close at which it is known, never before
    assert not of(record, Refused) and of(record, Approved)
    times = [record.input.ts for record in bot.records]
    assert times == sorted(times)


def test_a_pause_that_a_fill_sets_and_the_same_candle_outlives_is_lifted_within_that_input() -> None:
    """The stop fills within the half hour that ends at 1:30, the pause ends a nanosecond later, and nothing else is
    due: the equity of 1:00 was told before."""
    mode = Wishes()
    acts = rule(
        lambda: Counts(
            Tier.STRATEGY, lambda trade, view: RiskAction(ActionKind.PAUSE, "x", until_ns=trade.closed_at_ns + 1)
        ),
        "counts",
    )
    bot = bot_with(mode, LETS_POSITION, acts, timeframe="30m")
    mode.wishes = [buy()]
    bot.candle(0, 100, timeframe="30m")
    bot.feed(TimeAdvanced(HOUR_NS + 1))
    record = bot.candle(1, 100, high=120, low=89, close=110, timeframe="30m")
    assert [event.ts for event in of(record, Resumed)] == [HOUR_NS * 3 // 2]


@pytest.mark.parametrize(
    "answer", [broken, lambda view: "stop", lambda view: RiskAction(ActionKind.TIGHTEN, "x", price=float("nan"))]
)
def test_a_watching_rule_that_fails_pauses_entries_again_after_each_resume(answer: Callable[..., Any]) -> None:
    mode = Wishes()
    bot = bot_with(mode, LETS_POSITION, rule(lambda: Watches(Tier.STRATEGY, answer)))
    opened(mode, bot)
    for hour in (2, 3):
        mode.wishes = [buy()]
        assert [event.code for event in of(bot.candle(hour, 100), Refused)] == ["paused"]
        bot.command(CommandKind.RESUME)
    assert [event.action.code for event in bot.events(RiskActed)] == ["rule_failed"] * 2


def test_a_rule_that_fails_on_two_desks_pauses_both() -> None:
    modes = {"alpha": Wishes(), "beta": Wishes()}
    rules = (LETS_POSITION, rule(lambda: Watches(Tier.STRATEGY, broken)))
    bot = Bot(plan(*(desk(seat(lambda m=m: m), name=name, rules=rules) for name, m in modes.items())))  # type: ignore[misc]
    for mode in modes.values():
        mode.wishes = [buy()]
    bot.candle(0, 100)
    bot.candle(1, 100)
    assert [event.scope for event in bot.events(RiskActed)] == ["alpha", "beta"]


@pytest.mark.parametrize("answer", [broken, lambda trade, view: 1, lambda trade, view: PAUSE_4H])
def test_rules_hear_of_closed_trades_and_may_pause(answer: Callable[..., Any]) -> None:
    mode = Wishes()
    bot = bot_with(mode, LETS_POSITION, rule(lambda: Counts(Tier.STRATEGY, answer)))
    opened(mode, bot)
    mode.wishes = [buy(limit_price="50", stop="40")]
    bot.candle(2, 100)
    bot.candle(3, 100, low=80, close=85)
    assert [event.action.kind for event in bot.events(RiskActed)] == [ActionKind.PAUSE]
    assert len(bot.events(CancelRequested)) == 1 and bot.roles() == []


def test_a_rule_may_flatten_after_it_has_paused() -> None:
    mode = Wishes()

    def watch(view: Any) -> RiskAction | None:
        kind = ActionKind.PAUSE if view.price > 97 else ActionKind.FLATTEN
        return RiskAction(kind, "loss") if view.price < 99 else None

    bot = bot_with(mode, LETS_POSITION, LETS_STRATEGY, account_rules=[rule(lambda: Watches(Tier.ACCOUNT, watch))])
    opened(mode, bot)
    for hour, price in enumerate((98, 96, 96), start=2):
        bot.candle(hour, price)
    assert [event.action.kind for event in bot.events(RiskActed)][:2] == [ActionKind.PAUSE, ActionKind.FLATTEN]
    assert bot.position() == 0 and bot.roles() == []


def test_a_pause_leaves_exits_and_a_flatten_under_way_alone() -> None:
    """A live venue: the flatten is out and not answered when a pause comes."""
    mode = Wishes()
    bot = bot_with(mode)
    mode.wishes = [buy("2")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    mode.wishes = [sell("0.5", limit_price="150"), buy(limit_price="50", stop="40")]
    bot.candle(2, 100)
    bot.command(CommandKind.CLOSE, "alpha")
    record = bot.command(CommandKind.PAUSE, "alpha")
    assert [event.code for event in of(record, CancelRequested)] == ["paused"]
    assert [role for role, _ in bot.roles()] == ["stop", "exit", "flatten"]
    bot.candle(3, 100)
    assert bot.position() == 0 and bot.roles() == []


def test_flatten_reaches_every_desk_even_where_fills_come_at_once() -> None:
    """On quotes the first desk is flat before the second is asked."""
    modes = {"alpha": Wishes(), "beta": Wishes()}
    watch = rule(
        lambda: Watches(Tier.STRATEGY, lambda v: RiskAction(ActionKind.FLATTEN, "x") if v.price < 95 else None)
    )
    desks = [desk(seat(lambda m=m: m), name=name, rules=(LETS_POSITION, watch)) for name, m in modes.items()]  # type: ignore[misc]
    bot = Bot(plan(*desks, venue=free_venue(match_on=MatchOn.QUOTES)))
    bot.feed(Quote(BTC.id, 1, 99.0, 100.0, 1e6, 1e6))
    for mode in modes.values():
        mode.wishes = [buy(stop="50")]
    bot.candle(0, 100)
    assert (bot.position("alpha"), bot.position("beta")) == (1, 1)
    bot.feed(Quote(BTC.id, HOUR_NS + 1, 90.0, 91.0, 1e6, 1e6))
    assert (bot.position("alpha"), bot.position("beta")) == (0, 0)


def test_rules_watch_again_when_a_trade_closes_at_a_loss() -> None:
    """The stop takes the whole position, so no later mark of it could tell the rule."""
    mode = Wishes()
    watch = rule(
        lambda: Watches(
            Tier.ACCOUNT,
            lambda view: RiskAction(ActionKind.PAUSE, "drawdown") if view.account_equity < 99_995 else None,
        ),
        "drawdown",
    )
    bot = bot_with(mode, LETS_POSITION, LETS_STRATEGY, account_rules=[watch])
    opened(mode, bot)
    bot.candle(2, 100, low=80, close=99)
    assert [(event.scope, event.rule) for event in bot.events(RiskActed)] == [("account:paper", "drawdown")]


def test_tighten_moves_stops_towards_the_market_only() -> None:
    mode, prices = Wishes(), [95.0, 93.0, 97.0]
    watch = rule(
        lambda: Watches(
            Tier.STRATEGY, lambda v: RiskAction(ActionKind.TIGHTEN, "x", price=prices.pop(0)) if prices else None
        )
    )
    bot = bot_with(mode, LETS_POSITION, watch)
    opened(mode, bot)
    seen = []
    for hour in range(2, 5):
        seen.append(bot.open_orders()[0].trigger_price)
        bot.candle(hour, 100)
    assert seen == [Decimal("95.00"), Decimal("95.00"), Decimal("97.00")]


def test_tighten_of_one_instrument_leaves_the_others() -> None:
    mode = Wishes()
    watch = rule(
        lambda: Watches(
            Tier.STRATEGY, lambda v: RiskAction(ActionKind.TIGHTEN, "x", instrument="sim:OTHER", price=95.0)
        )
    )
    bot = bot_with(mode, LETS_POSITION, watch)
    opened(mode, bot)
    assert bot.open_orders()[0].trigger_price == 90


def test_consecutive_losses_count_until_a_gain() -> None:
    mode, counts = Wishes(), []
    bot = bot_with(
        mode,
        LETS_POSITION,
        rule(lambda: Counts(Tier.STRATEGY, lambda trade, view: counts.append(view.consecutive_losses))),
    )
    hour = 0
    for exit_price in (95, 95, 120, 95):
        mode.wishes = [buy(stop="80")]
        bot.candle(hour, 100)
        mode.wishes = [sell()]
        bot.candle(hour + 1, 100)
        bot.candle(hour + 2, exit_price)
        hour += 3
    assert counts == [1, 2, 0, 1]


def test_trades_of_a_day_count_from_midnight_utc() -> None:
    mode, seen = Wishes(), []
    counts = judged(lambda request, view: seen.append((view.ts // HOUR_NS, view.trades_today)) or passed("x"))
    bot = bot_with(mode, counts, LETS_STRATEGY)
    for hour in (20, 21, 22, 23, 24):
        mode.wishes = [buy(limit_price="50", stop="40")]
        bot.candle(hour, 100)
    assert seen == [(21, 0), (22, 1), (23, 2), (24, 0), (25, 1)]


def test_what_a_rule_may_ask_of_the_past() -> None:
    mode, seen = Wishes(), []

    def judge(request: Any, view: Any) -> Verdict:
        hour = HOUR_NS
        seen.append(
            (
                view.stops_since(0),
                view.stops_since(view.ts - hour),
                round(view.net_since(0), 2),
                view.left_instrument_at_ns // hour,
            )
        )
        return passed("x")

    bot = bot_with(mode, judged(judge), LETS_STRATEGY)
    opened(mode, bot)
    bot.candle(2, 100, low=80, close=85)  # the stop at 90: 10 lost, fees 0.1 and 0.09
    for hour in (3, 6):
        mode.wishes = [buy(limit_price="50", stop="40")]
        bot.candle(hour, 85)
    assert seen == [(0, 0, 0.0, 0), (1, 0, -10.19, 2), (1, 0, -10.19, 2)]


def test_closed_trades_are_remembered_as_long_as_the_longest_window_asks() -> None:
    for days, remembered in ((7, 1), (30, 2)):
        mode = Wishes()
        seen: list[int] = []
        judge = judged(lambda request, view, seen=seen: seen.append(view.stops_since(0)) or passed("x"))
        bot = bot_with(mode, judge, LETS_STRATEGY, lock_window_s=days * 86_400)
        for day in (0, 20, 21):
            mode.wishes = [buy()]
            bot.candle(day * 24, 100)
            bot.candle(day * 24 + 1, 100)
            bot.candle(day * 24 + 2, 100, low=80, close=85)
        assert seen[-1] == remembered


@pytest.mark.parametrize(("level", "left"), [(1, ["stop", "exit", "entry"]), (2, ["stop", "exit"]), (3, [])])
def test_the_kill_switch_has_three_levels(level: int, left: list[str]) -> None:
    mode = Wishes()
    bot = bot_with(mode)
    mode.wishes = [buy("2")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    mode.wishes = [sell("1", limit_price="150"), buy(limit_price="50", stop="40")]
    bot.candle(2, 100)
    bot.command(CommandKind.PANIC, level=level, by="ann")
    assert [role for role, _ in bot.roles()] == ([*left] if level < 3 else ["stop", "exit", "flatten"])
    mode.wishes = [buy()]
    record = bot.candle(3, 100)
    assert [(event.code, event.numbers) for event in of(record, Refused)] == [("kill_switch", (float(level),))]
    assert [role for role, _ in bot.roles()] == left
    bot.command(CommandKind.RESUME)
    assert [event.level for event in bot.events(KillSwitchSet)] == [KillLevel(level), KillLevel.OFF]


def test_a_flattened_position_keeps_its_stop_until_it_is_flat() -> None:
    """A halt holds the flatten back: the stop waits beside it, and a second order to flatten adds nothing."""
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode)), venue=free_venue(max_volume_share=Decimal("0.1"))))
    opened(mode, bot)
    bot.command(CommandKind.PANIC, level=3)
    bot.candle(2, 100, volume=4)
    assert bot.position() == Decimal("0.6") and bot.roles() == [("stop", "0.6"), ("flatten", "0.6")]
    bot.command(CommandKind.PANIC, level=3)
    assert bot.roles() == [("stop", "0.6"), ("flatten", "0.6")]
    bot.candle(3, 100)
    assert bot.position() == 0 and bot.roles() == []
    exits = [event for event in bot.events(OrderSubmitted) if event.order.role is OrderRole.FLATTEN]
    assert [event.order.is_reduce_only for event in exits] == [True]


def test_a_restart_lifts_nothing_and_forgets_no_counter() -> None:
    def make() -> Any:
        watch = rule(lambda: Counts(Tier.STRATEGY, lambda trade, view: PAUSE_4H), "counts")
        return plan(desk(seat(lambda: mode), rules=(LETS_POSITION, watch)))

    mode = Wishes()
    bot = Bot(make())
    opened(mode, bot)
    bot.candle(2, 100, low=80, close=85)
    bot.command(CommandKind.PAUSE, "account:paper")
    bot.command(CommandKind.PANIC, level=2)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state()))
    fresh = Engine(make())
    fresh.restore_state(state)
    old, new = bot.engine.risk, fresh.risk
    assert new.kill_level is KillLevel.CANCEL_ORDERS
    assert new.desks["alpha"].pauses == old.desks["alpha"].pauses == {"counts": 4 * HOUR_NS}
    assert new.accounts["paper"].pauses == old.accounts["paper"].pauses != {}
    assert (new.desks["alpha"].consecutive_losses, new.desks["alpha"].trades_today) == (1, 1)
    assert list(new.desks["alpha"].closed) == list(old.desks["alpha"].closed)
    (resumed,) = [e for e in fresh.process(TimeAdvanced(9 * HOUR_NS)).events if isinstance(e, Resumed)]
    assert (resumed.scope, resumed.ts) == ("alpha", 4 * HOUR_NS)
    assert new.accounts["paper"].pauses != {}


def test_a_new_generation_keeps_the_days_anchor_and_the_high_water_mark() -> None:
    mode = Wishes()
    bot = bot_with(mode)
    mode.wishes = [buy("10", "10")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    bot.candle(2, 80)  # 10 x 20 lost, and a fee of 1
    book = bot.engine.portfolio.accounts["paper"]
    before = (book.day_start_equity, book.peak_equity)
    bot.feed(GenerationActivated(bot.engine.now_ns, 2, ()))
    assert (book.day_start_equity, book.peak_equity) == before == (100_000.0, 100_000.0) and book.equity == 99_799.0


def test_resume_resets_the_loss_counter_and_says_when_nothing_was_paused() -> None:
    mode = Wishes()
    bot = bot_with(mode)
    opened(mode, bot)
    bot.candle(2, 100, low=80, close=85)
    assert not of(bot.command(CommandKind.RESUME, "alpha"), Resumed)
    bot.command(CommandKind.PAUSE, "alpha")
    bot.command(CommandKind.RESUME, "alpha")
    assert bot.engine.risk.desks["alpha"].consecutive_losses == 0


def test_exits_are_told_as_positions_that_change() -> None:
    mode = Wishes()
    bot = bot_with(mode)
    opened(mode, bot)
    mode.wishes = [sell("0.25")]
    bot.candle(2, 100)
    bot.candle(3, 100)
    assert [event.position.quantity for event in bot.events(PositionChanged)] == [1, Decimal("0.75")]
