"""Exchange of evaluators, strategies, modes and rules under a running engine, and what happens to those that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan, EvaluatorPlan, RulePlan, VenuePlan
from loligo.errors import DataError
from loligo.model.command import GenerationActivated, ProbationEnded, ShadowStarted, ShadowStopped, SlotVersion, WarmUp
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import (
    DecisionDeclined,
    Evaluated,
    OrderReported,
    RiskChecked,
    SwapStep,
    SwapStepped,
    TentacleFailed,
)
from loligo.model.market import Candle
from loligo.model.order import Filled
from loligo.model.risk import ActionKind, RiskAction, Tier, passed, refused
from loligo.ports.tentacles import MakeContext, PlainState
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.desks import (
    BTC,
    LETS_STRATEGY,
    PERP,
    Bot,
    Lets,
    OnlySignals,
    Watches,
    Wishes,
    buy,
    desk,
    evaluator,
    free_venue,
    of,
    plan,
    seat,
)
from tests.fakes.venue_scene import FREE


class Sums:
    """An evaluator with state: the sum of all closes, a ten-millionth of it as value."""

    state_version, warmup = 1, 0

    def __init__(self, fails_at: float = 0.0, factor: float = 1e-7) -> None:
        self.total, self._fails_at, self._factor = 0.0, fails_at, factor

    def on_candle(self, candle: Any) -> Evaluation:
        self.total += candle.close
        if self._fails_at and candle.close == self._fails_at:
            raise RuntimeError("boom")
        return Evaluation(self.total * self._factor, "sum", (self.total,))

    def export_state(self) -> PlainState:
        return {"total": self.total}

    def restore_state(self, state: PlainState) -> None:
        self.total = state["total"]


class SumsInCents(Sums):
    state_version = 2

    def restore_state(self, state: PlainState) -> None:
        self.total = state["cents"] / 100

    def export_state(self) -> PlainState:
        return {"cents": self.total * 100}

    def migrate_state(self, state: PlainState, from_version: int) -> PlainState:
        assert from_version == 1
        return {"cents": state["total"] * 100}


class NeverMade(Sums):
    def __init__(self) -> None:
        raise RuntimeError("not today")


class Forgets(Sums):
    def restore_state(self, state: PlainState) -> None:
        raise KeyError("total")


class Beyond(Sums):
    def on_candle(self, candle: Any) -> Evaluation:
        said = super().on_candle(candle)
        return Evaluation(9.0, "sum") if candle.close == 105.0 else said


def version(make: Callable[[], Any], name: str, *, code: str = "sums") -> EnginePlan:
    """A bot with one evaluator of this version."""
    says = EvaluatorPlan(name=code, key=f"{code}@{name}", label=code, timeframe="1h", make=make)
    return replace(plan(desk(seat(evaluators=[says]))), slots=(SlotVersion(f"evaluator/{code}", name, ""),))


class Swapper(Bot):
    """A bot whose generations are numbered and prepared."""

    number = 1

    def shadow(self, after: EnginePlan) -> None:
        self.number += 1
        self.engine.prepare(after)
        self.feed(ShadowStarted(self.engine.now_ns, self.number, after.slots))

    def activate(self, after: EnginePlan) -> None:
        self.feed(GenerationActivated(self.engine.now_ns, self.number, after.slots))

    def settle(self) -> None:
        self.feed(ProbationEnded(self.engine.now_ns, self.number))

    def candles(self, first: int, end: int) -> None:
        for hour in range(first, end):
            self.candle(hour, 100 + hour)

    def steps(self) -> list[SwapStep]:
        return [event.step for event in self.events(SwapStepped)]


def said(bot: Bot) -> list[tuple[int, float]]:
    return [(event.ts, event.evaluation.value) for event in bot.events(Evaluated)]


def test_engine_holds_the_plan_of_a_swap_that_is_over_no_longer() -> None:
    one, two, three = (version(Sums, name) for name in "123")
    bot = Swapper(one)
    bot.shadow(two)
    bot.activate(two)
    assert bot.engine.prepared(one.slots) is one  # to go back to
    bot.settle()
    bot.shadow(three)
    bot.feed(ShadowStopped(bot.engine.now_ns, bot.number, "no"))
    assert [bot.engine.prepared(each.slots) for each in (one, two, three)] == [None, two, None]


def test_version_that_failed_in_shadow_does_not_lead_even_if_nobody_stopped_it() -> None:
    """The failure may be on its way to who decides when the flip comes: the old one goes on, with all it has seen."""
    one, two = version(Sums, "1"), version(lambda: Sums(103.0), "2")
    bot = Swapper(one)
    bot.candles(0, 2)
    bot.shadow(two)
    bot.candles(2, 6)
    bot.activate(two)
    bot.candles(6, 8)
    assert bot.steps() == [SwapStep.SHADOWING, SwapStep.FAILED, SwapStep.ACTIVATED, SwapStep.ROLLED_BACK]
    assert [value for _, value in said(bot)] == pytest.approx(
        [1e-7 * sum(100 + hour for hour in range(end)) for end in range(1, 9)]
    )


def uninterrupted(end: int) -> list[tuple[int, float]]:
    bot = Bot(version(Sums, "a"))
    for hour in range(end):
        bot.candle(hour, 100 + hour)
    return said(bot)


@pytest.mark.parametrize("make", [Sums, SumsInCents], ids=["same state", "migrated state"])
def test_swapped_evaluator_goes_on_where_the_old_one_stood(make: Callable[[], Any]) -> None:
    bot, after = Swapper(version(Sums, "a")), version(make, "b")
    bot.candles(0, 3)
    bot.shadow(after)
    bot.candles(3, 6)
    bot.activate(after)
    bot.candles(6, 9)
    bot.settle()
    bot.candles(9, 12)
    assert said(bot) == uninterrupted(12)
    assert bot.steps() == [SwapStep.SHADOWING, SwapStep.ACTIVATED, SwapStep.SETTLED]
    assert [type(slot.instance) for slot in bot.engine.evaluation._slots.values()] == [make]


@pytest.mark.parametrize("make", [NeverMade, Forgets], ids=["cannot be made", "cannot take the state"])
def test_version_that_cannot_begin_is_refused_and_nothing_changes(make: Callable[[], Any]) -> None:
    bot = Swapper(version(Sums, "a"))
    bot.candles(0, 3)
    bot.shadow(version(make, "b"))
    bot.candles(3, 6)
    assert said(bot) == uninterrupted(6)
    assert bot.steps() == [SwapStep.REFUSED]
    assert not bot.engine.is_swapping


def test_differences_in_shadow_are_told_and_never_heeded() -> None:
    bot = Swapper(version(Sums, "a"))
    bot.candles(0, 3)
    bot.shadow(version(lambda: Sums(factor=-1e-7), "b"))
    bot.candles(3, 6)
    bot.feed(ShadowStopped(bot.engine.now_ns, 2, "it says the opposite"))
    bot.candles(6, 9)
    assert said(bot) == uninterrupted(9)
    assert bot.steps() == [SwapStep.SHADOWING, *[SwapStep.DIFFERS] * 3, SwapStep.STOPPED]


def test_failure_in_shadow_is_told_once_and_costs_the_old_one_nothing() -> None:
    bot = Swapper(version(Sums, "a"))
    bot.shadow(version(lambda: Sums(fails_at=102.0), "b"))
    bot.candles(0, 6)
    assert said(bot) == uninterrupted(6)
    assert bot.steps() == [SwapStep.SHADOWING, SwapStep.FAILED]
    assert bot.events(TentacleFailed) == []


@pytest.mark.parametrize("make", [lambda: Sums(fails_at=105.0), Beyond], ids=["raises", "out of bounds"])
def test_failure_after_the_flip_is_answered_by_the_old_version_in_the_same_input(make: Callable[[], Any]) -> None:
    bot, after = Swapper(version(Sums, "a")), version(make, "b")
    bot.candles(0, 3)
    bot.shadow(after)
    bot.activate(after)
    bot.candles(3, 8)
    assert said(bot) == uninterrupted(8)
    rolled_back = bot.events(SwapStepped)[-1]
    assert (rolled_back.step, rolled_back.tentacle) == (SwapStep.ROLLED_BACK, "sums")
    assert bot.records[-3].events[0] == rolled_back  # the candle that closed at 105
    before = version(Sums, "a")
    bot.feed(GenerationActivated(bot.engine.now_ns, 3, before.slots))
    bot.candles(8, 12)
    assert said(bot) == uninterrupted(12)
    assert not bot.engine.is_swapping


def test_swap_replays_to_the_same_records() -> None:
    first, after = Swapper(version(Sums, "a")), version(lambda: Sums(fails_at=107.0), "b")
    first.candles(0, 3)
    first.shadow(after)
    first.candles(3, 5)
    first.activate(after)
    first.candles(5, 10)
    again = Engine(version(Sums, "a"))
    again.prepare(after)
    assert [again.process(record.input) for record in first.records] == first.records


class Buys(OnlySignals):
    def on_signal(self, signal: Any, view: Any) -> list[Any]:
        return [buy("1", stop="50")]


class BindsAll(Engine):
    """Binds every call anew at each step of a swap, as a replay of an interruption does."""

    def _wire(self, touched: Any = None) -> None:
        super()._wire()


def of_two_desks(name: str, turn: int) -> EnginePlan:
    """Two desks on two instruments; with each turn another part of the first differs from the turn before."""
    at = [turn // 8 + (turn % 8 > place) for place in range(8)]  # how often each part has changed

    def says(key: str) -> EvaluatorPlan:
        return EvaluatorPlan(name="sums", key=f"sums@{key}", label="sums", timeframe="1h", make=Sums)

    decide = lambda board: Signal(Direction.LONG, 0.5, f"{at[0]} {board.evaluations}")  # noqa: E731
    changing = replace(
        seat(Buys, evaluators=[says(f"btc{at[1]}")] * (1 + at[2] % 2), decide=decide),
        strategy_key=f"{at[0]}",
        mode_key=f"{at[3]}",
    )
    if at[4] % 2:
        changing = replace(changing, make_strategy=None, strategy_key="off")
    other = seat(evaluators=[says("perp")], decide=decide, instrument=PERP)
    rules = [
        RulePlan(
            name="position", make=lambda: Lets(Tier.POSITION, lambda *_: passed(f"{at[5]}")), key=f"position@{at[5]}"
        ),
        LETS_STRATEGY,
    ]
    tighter = RiskAction(ActionKind.TIGHTEN, "more", price=60.0)
    rules += [RulePlan(name="more", make=lambda: Watches(Tier.STRATEGY, lambda view: tighter))] * (at[6] % 2)
    first = desk(changing, other, rules=rules, timeframe="1h" if at[7] % 2 == 0 else "4h")
    beta = desk(seat(evaluators=[says("btc0")], decide=decide), name="beta")
    return replace(plan(first, beta), slots=(SlotVersion("both", name, ""),))


def swapped_again_and_again(kind: type[Engine], ends: str) -> Swapper:
    """Exchange part after part, with candles after each step."""
    bot = Swapper(of_two_desks("0", 0))
    bot.engine = kind(bot.plan)
    bot.records.clear()
    bot.feed(GenerationActivated(0, 1, bot.plan.slots))
    before = bot.plan
    for turn in range(1, 17):
        after = of_two_desks(str(turn), turn)
        for step in ("shadow", "flip", "end"):
            if step == "shadow":
                bot.shadow(after)
            elif ends == "stopped in shadow":
                bot.feed(ShadowStopped(bot.engine.now_ns, bot.number, "no"))
            elif step == "flip":
                bot.activate(after)
            elif ends == "good":
                bot.settle()
            else:
                bot.activate(before)
            hour = len(bot.records)
            for instrument in (BTC.id, PERP.id):
                bot.candle(hour, 100 + hour % 7, instrument=instrument)
        before = after if ends == "good" else before
    return bot


@pytest.mark.parametrize("ends", ["good", "stopped in shadow", "taken back"])
def test_a_swap_that_binds_only_what_it_touches_is_like_one_that_binds_all(ends: str) -> None:
    partly, wholly = swapped_again_and_again(Engine, ends), swapped_again_and_again(BindsAll, ends)
    assert partly.records == wholly.records
    assert partly.steps().count(SwapStep.SHADOWING) == 16


def test_new_tentacle_in_an_old_place_begins_without_the_state_of_another() -> None:
    bot, after = Swapper(version(Sums, "a")), version(Sums, "a", code="other_sums")
    bot.candles(0, 3)
    bot.shadow(after)
    bot.activate(after)
    bot.candles(3, 4)
    assert bot.events(Evaluated)[-1].evaluation.numbers == (103.0,)


def with_seat(name: str, **terms: Any) -> EnginePlan:
    there = replace(seat(**terms), strategy_key=f"strategy@{name}", mode_key=f"mode@{name}")
    return replace(plan(desk(there)), slots=(SlotVersion("all", name, ""),))


def test_mode_with_an_open_position_hands_on_its_orders() -> None:
    wishes = Wishes()
    bot = Swapper(with_seat("a", mode=lambda: wishes))
    wishes.wishes = [buy(stop="90", take_profit_price=Decimal(120))]
    bot.candle(0, 100)
    bot.candle(1, 100)
    before = bot.open_orders()
    assert len(before) == 2
    newer = Wishes()
    after = with_seat("b", mode=lambda: newer)
    bot.shadow(after)
    bot.activate(after)
    bot.candle(2, 100, low=89)
    assert {"fill", "end"} <= set(newer.calls)  # the stop of the old one's entry, and its target
    assert bot.position() == 0


def test_strategy_that_is_switched_off_leaves_protection_in_place() -> None:
    wishes = Wishes()
    bot = Swapper(with_seat("a", mode=lambda: wishes))
    wishes.wishes = [buy(stop="90", take_profit_price=Decimal(120))]
    bot.candle(0, 100)
    bot.candle(1, 100)
    protected = bot.roles()
    off = with_seat("b", mode=lambda: wishes)
    (only,) = off.desks
    off = replace(off, desks=(replace(only, seats=(replace(only.seats[0], make_strategy=None),)),))
    bot.shadow(off)
    bot.activate(off)
    assert bot.roles() == protected
    record = bot.candle(2, 100)
    assert [event.declined.code for event in of(record, DecisionDeclined)] == ["strategy_off"]


def test_rule_that_is_exchanged_judges_by_its_new_limit() -> None:
    def judged(name: str, judge: Any) -> EnginePlan:
        rule = RulePlan(name="position", make=lambda: Lets(Tier.POSITION, judge), key=f"position@{name}")
        there = seat(mode=lambda: wishes)
        return replace(plan(desk(there, rules=(rule, LETS_STRATEGY))), slots=(SlotVersion("rule", name, ""),))

    wishes = Wishes()
    bot = Swapper(judged("a", lambda *_: refused("never")))
    after = judged("b", lambda *_: passed("always"))
    for hour in range(3):
        wishes.wishes = [buy(stop="90")]
        bot.candle(hour, 100)
        if hour == 0:
            bot.shadow(after)
        elif hour == 1:
            bot.activate(after)
    codes = [event.code for event in bot.events(RiskChecked) if event.rule == "position"]
    assert codes == ["never", "never", "always"]
    assert SwapStep.DIFFERS in bot.steps()


def test_strategies_are_compared_by_their_decisions() -> None:
    bot = Swapper(with_seat("a", decide=lambda board: Declined("quiet")))
    after = with_seat("b", decide=lambda board: Signal(Direction.LONG, 1.0, "go"))
    bot.shadow(after)
    bot.candle(0, 100)
    differs = next(event for event in bot.events(SwapStepped) if event.step is SwapStep.DIFFERS)
    assert differs.text.startswith("decide: Declined(code='quiet'")


def test_strategy_over_a_board_of_another_size_leads_without_being_compared() -> None:
    def deciding(name: str, *inputs: str) -> EnginePlan:
        opinions = [EvaluatorPlan(name=key, key=key, label=key, timeframe="1h", make=Sums) for key in inputs]
        return with_seat(
            name, evaluators=opinions, decide=lambda board: Declined(board.evaluations[len(inputs) - 1].code)
        )

    bot, after = Swapper(deciding("a", "one", "two")), deciding("b", "one")
    bot.candle(0, 100)
    bot.shadow(after)
    bot.candle(1, 101)
    bot.activate(after)
    bot.candle(2, 102)
    bot.settle()
    assert bot.steps() == [SwapStep.SHADOWING, SwapStep.ACTIVATED, SwapStep.SETTLED]
    assert bot.events(SwapStepped)[1].text == "alone: strategy of alpha"
    assert not bot.events(TentacleFailed)
    assert [event.declined.code for event in bot.events(DecisionDeclined)] == ["sum"] * 3


def test_second_swap_has_to_wait_for_the_first() -> None:
    bot = Swapper(version(Sums, "a"))
    bot.shadow(version(Sums, "b"))
    with pytest.raises(DataError, match="generation 3 cannot be shadowed: another swap is at work; end that first"):
        bot.shadow(version(Sums, "c"))


def test_shadow_of_a_plan_that_nobody_prepared_is_an_error() -> None:
    bot = Swapper(version(Sums, "a"))
    with pytest.raises(DataError, match="generation 2 cannot be shadowed: its plan was not prepared"):
        bot.feed(ShadowStarted(0, 2, (SlotVersion("x", "y", ""),)))


def test_evaluator_that_two_desks_share_is_exchanged_for_one_and_goes_on_for_the_other() -> None:
    def both(name: str, first: str) -> EnginePlan:
        def says(key: str, make: Callable[[], Any]) -> EvaluatorPlan:
            return EvaluatorPlan(name="sums", key=f"sums@{key}", label="sums", timeframe="1h", make=make)

        make = Sums if first == "a" else lambda: Sums(fails_at=105.0)
        desks = (desk(seat(evaluators=[says(first, make)])), desk(seat(evaluators=[says("a", Sums)]), name="beta"))
        return replace(plan(*desks), slots=(SlotVersion("both", name, ""),))

    bot, after = Swapper(both("1", "a")), both("2", "b")
    bot.candles(0, 3)
    bot.shadow(after)
    bot.activate(after)
    bot.candles(3, 7)
    values: dict[int, list[float]] = {}
    for ts, value in said(bot):
        values.setdefault(ts, []).append(value)
    assert all(len(set(each)) == 1 for each in values.values())
    assert [len(each) for each in values.values()] == [1, 1, 1, 2, 2, 2, 2]


class Ranged(Sums):
    """Wants history, and says how many candles it has seen."""

    warmup = 3

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_candle(self, candle: Candle) -> Evaluation:
        self.seen.append(candle.close)
        return Evaluation(0.0, "range", tuple(self.seen))


def ranged(name: str) -> EnginePlan:
    """The same evaluator, with settings of its own for each name."""
    says = EvaluatorPlan(name="sums", key=f"sums@{name}", label="sums", timeframe="1h", make=Ranged, settings=name)
    return replace(plan(desk(seat(evaluators=[says]))), slots=(SlotVersion("evaluator/sums", name, ""),))


def closes(first: int, end: int) -> tuple[Candle, ...]:
    """The candles of these hours, as `Swapper.candles` gives them."""
    bot = Bot(ranged("any"))
    records = [bot.candle(hour, 100 + hour) for hour in range(first, end)]
    return tuple(record.input for record in records if isinstance(record.input, Candle))


def test_evaluator_with_other_settings_gets_history_and_what_came_since_before_it_leads() -> None:
    bot, after = Swapper(ranged("short")), ranged("long")
    bot.candles(0, 4)
    bot.shadow(after)
    bot.candles(4, 6)  # gathered
    bot.feed(WarmUp(bot.engine.now_ns, BTC.id, "1h", closes(0, 5)))  # the last of these came in the shadow
    bot.candles(6, 7)
    bot.activate(after)
    bot.candles(7, 8)
    assert bot.events(Evaluated)[-1].evaluation.numbers == (102.0, 103.0, 104.0, 105.0, 106.0, 107.0)
    assert len(bot.events(Evaluated)) == 8  # one of each candle: the newcomer was not heeded before
    assert bot.steps() == [SwapStep.SHADOWING, SwapStep.ACTIVATED]


def test_evaluator_with_other_settings_goes_on_from_what_it_gathered_where_there_is_no_history() -> None:
    bot, after = Swapper(ranged("short")), ranged("long")
    bot.candles(0, 4)
    bot.shadow(after)
    bot.candles(4, 6)
    bot.activate(after)
    bot.candles(6, 7)
    assert bot.events(Evaluated)[-1].evaluation.numbers == (104.0, 105.0, 106.0)


def at_venue(name: str, make: Callable[[], Any], mode: Wishes, *, settings: str = "same") -> EnginePlan:
    """A desk with this version of the venue; its protection lies there."""
    venues = {"sim": VenuePlan(name="simulated", make=make, key=f"{name}#{settings}")}
    traded = seat(lambda: mode)
    return replace(plan(desk(traded)), venues=venues, slots=(SlotVersion("venue/simulated", name, ""),))


class BreaksAt(SimulatedVenue):
    """A version of the venue that fails at one price."""

    def on_candle(self, candle: Candle) -> Any:
        if candle.close == 96.0:
            raise RuntimeError("no match")
        return super().on_candle(candle)


def broken_venue() -> BreaksAt:
    return BreaksAt(SimulatedVenueSettings(**FREE), MakeContext(instruments=(BTC, PERP)))


@pytest.mark.parametrize(("make", "last"), [(free_venue, "settled"), (broken_venue, "rolled_back")])
def test_venue_is_exchanged_with_the_orders_that_lie_there_and_taken_back_when_it_fails(
    make: Callable[[], Any], last: str
) -> None:
    mode = Wishes()
    bot, after = Swapper(at_venue("a", free_venue, mode)), at_venue("b", make, mode)
    mode.wishes = [buy("2", stop="95")]
    bot.candles(0, 2)
    bot.shadow(after)
    bot.candle(2, 102)
    bot.activate(after)
    for hour, price in ((3, 98), (4, 96), (5, 94)):
        bot.candle(hour, price)
    if last == "settled":
        bot.settle()
    fills = [event.report for event in bot.events(OrderReported) if isinstance(event.report, Filled)]
    bought, stopped = fills
    assert (bought.quantity, stopped.price, stopped.quantity) == (2, 94, 2)  # the gap opens below the stop
    assert bot.steps()[-1] == SwapStep(last)
    assert bot.position() == 0


def voting(name: str, code: str) -> EnginePlan:
    """A bot whose desk decides at each new opinion, by a strategy of this version."""
    made = replace(seat(evaluators=[evaluator(Sums)], decide=lambda board: Declined(code)), strategy_key=f"vote@{name}")
    return replace(plan(desk(made, timeframe="")), slots=(SlotVersion("strategy/vote", name, ""),))


def test_desk_that_decides_at_new_opinions_asks_the_new_version_of_its_strategy_from_the_flip_on() -> None:
    bot, after = Swapper(voting("a", "old")), voting("b", "new")
    bot.candles(0, 3)
    bot.shadow(after)
    bot.activate(after)
    bot.settle()
    bot.candles(3, 6)
    assert [event.declined.code for event in bot.events(DecisionDeclined)] == ["old"] * 3 + ["new"] * 3
