"""Random lives of small bots: scripts of what modes want, of what tentacles fail at, and of what the market does.

A script is plain data, drawn from a seed, and every tentacle here keeps its place in its script as exportable state, so
that a bot can be cut in two anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from loligo.engine.plan import EnginePlan, RulePlan, SeatPlan
from loligo.model.command import CommandKind, OperatorCommand, TimeAdvanced
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import Input
from loligo.model.instrument import Instrument
from loligo.model.market import Candle, ExternalSignal, FundingRate, InstrumentStatus, Quote, Side, Trade
from loligo.model.order import OrderKind, OrderRequest, OrderRole, TimeInForce
from loligo.model.risk import ActionKind, RiskAction, Tier, Verdict, passed, reduced, refused
from loligo.model.timeframe import HOUR_NS, SECOND_NS
from loligo.ports.tentacles import AmendIntent, CancelIntent, PlainState, TimerIntent
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.desks import account, desk, evaluator, plan, seat
from tests.fakes.venue_scene import BTC, PERP
from tests.fakes.venue_scene import venue as free_venue

START_NS = 20 * HOUR_NS  # so that a day ends early in every story


class _Scripted:
    """Counts its calls: each reads the next line of its script, round and round."""

    state_version = 1
    warmup = 0

    def __init__(self, script: Sequence[Any]) -> None:
        self._script = script
        self._count = 0

    def _next(self) -> Any:
        self._count += 1
        return self._script[(self._count - 1) % len(self._script)] if self._script else None

    def export_state(self) -> PlainState:
        return {"count": self._count}

    def restore_state(self, state: PlainState) -> None:
        self._count = state["count"]


class Opinions(_Scripted):
    """An evaluator of everything: a line is a value (beyond 1 it is a fault), None for no opinion, or "raise"."""

    def on_candle(self, item: Any) -> Evaluation | None:
        line = self._next()
        if line == "raise":
            raise ValueError("evaluator")
        return None if line is None else Evaluation(line, "script", (float(self._count),))

    on_trade = on_quote = on_external = on_candle


class Follows(_Scripted):
    """A strategy: the sum of its board is a signal; a line may make it raise or answer nonsense."""

    def decide(self, board: Any) -> Any:
        line = self._next()
        if line == "raise":
            raise ValueError("strategy")
        total = sum(evaluation.value for evaluation in board.evaluations if evaluation is not None)
        if line == "nonsense":
            return Signal(Direction.LONG, float("nan"), "nonsense")
        if abs(total) < 0.3:
            return Declined("quiet", (total,))
        return Signal(Direction.LONG if total > 0 else Direction.SHORT, min(abs(total), 1.0), "sum", (total,))


class Acts(_Scripted):
    """A trading mode that does at each call what the next line of its script says."""

    def on_signal(self, signal: Signal, view: Any) -> list[Any]:
        return [Declined("seen", (signal.strength,))]

    def on_candle(self, candle: Any, view: Any) -> list[Any]:
        return [intent for action in self._next() or () for intent in _intents(action, view)]

    def on_fill(self, order: Any, fill: Any, view: Any) -> list[Any]:
        line = self._next() or ()
        return [
            intent for action in line if action[0] in ("exit", "cancel", "raise") for intent in _intents(action, view)
        ]

    def on_timer(self, timer: Any, view: Any) -> list[Any]:
        return [intent for action in self._next() or () for intent in _intents(action, view)]


def _intents(action: tuple[Any, ...], view: Any) -> list[Any]:
    match action:
        case ("entry", terms):
            return [_entry(terms, view)] if view.price else []
        case ("exit", tenths, offset):
            return _exit(tenths, offset, view)
        case ("cancel", place):
            return [
                CancelIntent(order.id) for order in _nth(view, place) if order.role in (OrderRole.ENTRY, OrderRole.EXIT)
            ]
        case ("amend", place, thousandths):
            quantity = Decimal(thousandths).scaleb(-3)
            return [AmendIntent(order.id, quantity) for order in _nth(view, place)]
        case ("timer", name, seconds):
            return [TimerIntent(name, view.ts + seconds * SECOND_NS)]
        case ("raise",):
            raise ValueError("mode")
    raise AssertionError(action)


def _nth(view: Any, place: int) -> list[Any]:
    return list(view.open_orders)[place : place + 1]


def _entry(terms: dict[str, Any], view: Any) -> OrderRequest:
    side, quantity = Side(terms["side"]), Decimal(terms["quantity"]).scaleb(-3)
    kind = OrderKind(terms["kind"])
    price = view.instrument.price(view.price) + Decimal(terms["offset"]).scaleb(-2)
    away = side.sign * view.price / 100
    target = terms["target"]
    return OrderRequest(
        instrument=view.instrument.id,
        side=side,
        quantity=quantity.normalize() if terms["is_short"] else quantity,
        kind=kind,
        limit_price=price if kind is OrderKind.LIMIT else None,
        trigger_price=price if kind is OrderKind.STOP else None,
        time_in_force=TimeInForce(terms["tif"]),
        expires_at_ns=view.ts + terms["lifetime_s"] * SECOND_NS,
        stop_loss_price=view.instrument.price(view.price - terms["stop"] * away),
        take_profit_price=view.instrument.price(view.price + target * away) if target else None,
        trailing_stop_rate=Decimal("0.03") if terms["is_trailing"] else None,
        is_whole_position_stop=terms["is_whole"],
        leverage=Decimal(10) if view.instrument.is_perpetual else Decimal(1),
    )


def _exit(tenths: int, offset: int | None, view: Any) -> list[OrderRequest]:
    quantity = view.instrument.quantity(abs(view.position) * tenths / 10)
    if not quantity:
        return []
    limit = None if offset is None else view.instrument.price(view.price) + Decimal(offset).scaleb(-2)
    return [
        OrderRequest(
            instrument=view.instrument.id,
            side=Side.SELL if view.position > 0 else Side.BUY,
            quantity=quantity,
            kind=OrderKind.MARKET if limit is None else OrderKind.LIMIT,
            role=OrderRole.EXIT,
            limit_price=limit,
        )
    ]


class Judges(_Scripted):
    """A risk rule of one tier. Lines: "pass", "refuse", "raise", or a largest quantity in thousandths."""

    def __init__(self, tier: Tier, script: Sequence[Any]) -> None:
        super().__init__(script)
        self.tier = tier

    def check(self, request: OrderRequest, view: Any) -> Verdict:
        line = self._next()
        if line == "raise":
            raise ValueError("rule")
        if line == "refuse":
            return refused("script", view.account_equity, view.account_exposure)
        if line == "pass" or line is None:
            return passed("script", float(view.available), float(view.open_positions), float(view.orders_last_minute))
        return reduced(Decimal(line).scaleb(-3), "script", float(view.pending_entries))


class Guards(Judges):
    """Watches and counts, too: every line that is an action is taken."""

    def watch(self, view: Any) -> RiskAction | None:
        line = self._next()
        if line == "raise":
            raise ValueError("watch")
        return _action(line, view)

    def on_trade_closed(self, trade: Any, view: Any) -> RiskAction | None:
        return _action(self._next(), view)


def _action(line: Any, view: Any) -> RiskAction | None:
    match line:
        case ("pause", hours):
            return RiskAction(ActionKind.PAUSE, "script", (view.equity,), until_ns=view.ts + hours * HOUR_NS)
        case ("flatten",):
            return RiskAction(ActionKind.FLATTEN, "script", until_ns=view.ts + HOUR_NS)
        case ("tighten", share):
            return RiskAction(ActionKind.TIGHTEN, "script", instrument=view.instrument.id, price=view.price * share)
    return None


# What is drawn: from a seed, since such lives are dense, and drawing them one value at a time is slow


def random_bot(seed: int) -> dict[str, Any]:
    """Return the scripts of three desks and the settings of their venue."""
    dice = Random(seed)
    return {
        "modes": [
            _script(dice, lambda: [_action_of(dice) for _ in range(dice.choice((0, 1, 1, 2)))]) for _ in range(3)
        ],
        "opinions": _script(dice, lambda: dice.choice((0.4, -0.7, 0.0, 1.0, -0.2, None, "raise", 1.5))),
        "strategies": _script(dice, lambda: dice.choice((None, None, None, "raise", "nonsense"))),
        "judgements": [_script(dice, lambda: dice.choice((*["pass"] * 6, "refuse", "raise", 1_000))) for _ in range(3)],
        "guards": _script(dice, lambda: _guard_of(dice), most=25),
        "max_volume_share": dice.choice((None, Decimal("0.05"))),
        "is_pessimistic": dice.random() < 0.5,
        "latency_ms": dice.choice((0, 0, 90_000)),
    }


def _script(dice: Random, line: Callable[[], Any], most: int = 8) -> tuple[Any, ...]:
    return tuple(line() for _ in range(dice.randint(1, most)))


def _action_of(dice: Random) -> tuple[Any, ...]:
    match dice.choice(("entry", "entry", "entry", "exit", "cancel", "amend", "timer", "raise")):
        case "entry":
            return ("entry", _entry_of(dice))
        case "exit":
            return ("exit", dice.randint(1, 10), dice.choice((None, dice.randint(-200, 200))))
        case "amend":
            return ("amend", dice.randint(0, 4), dice.randint(100, 3_000))
        case "cancel":
            return ("cancel", dice.randint(0, 4))
        case "timer":
            return ("timer", dice.choice("ab"), dice.randint(1, 9_000))
    return ("raise",)


def _entry_of(dice: Random) -> dict[str, Any]:
    return {
        "side": dice.choice(("buy", "buy", "sell")),
        "quantity": dice.randint(200, 3_000),
        "is_short": dice.random() < 0.5,  # written with as few digits as it has
        "kind": dice.choice(("market", "market", "limit", "limit", "stop")),
        "offset": dice.randint(-400, 400),
        "stop": dice.choice((1, 2, 5)),
        "target": dice.choice((None, 1, 3)),
        "is_trailing": dice.random() < 0.3,
        "is_whole": dice.random() < 0.4,
        "tif": dice.choice(("gtc", "gtc", "gtd", "ioc")),
        "lifetime_s": dice.randint(60, 9_000),
    }


def _guard_of(dice: Random) -> Any:
    if dice.random() < 0.85:
        return "pass"
    choices = (("pause", dice.randint(1, 5)), ("flatten",), ("tighten", dice.choice((0.97, 0.99))), "raise")
    return dice.choice(choices)


def random_story(seed: int, length: int, *, is_flat: bool = False) -> list[Input]:
    """Return inputs in time order: mostly candles that wander and jump, or that all stand at 100 when flat."""
    dice = Random(seed)
    ts, price = START_NS, {BTC.id: 10_000, PERP.id: 10_000}
    made: list[Input] = []
    for number in range(length):
        name = dice.choice((BTC.id, PERP.id))
        match dice.choice((*["candle"] * 12, "funding", "trade", "quote", "news", "wait", "halt", "command")):
            case "candle":
                ts += HOUR_NS
                made.append(_candle_of(dice, name, ts, price, is_flat=is_flat))
            case "funding":
                made.append(FundingRate(PERP.id, ts, dice.randint(-50, 50) / 10_000))
            case "trade":
                made.append(Trade(name, ts, price[name] / 100, 1.0, Side.BUY))
            case "quote":
                made.append(Quote(name, ts, price[name] / 100, price[name] / 100 + 0.01, 1.0, 1.0))
            case "news":
                made.append(ExternalSignal("press", ts, "topic", dice.choice(("", BTC.id))))
            case "wait":
                ts += dice.randint(1, 40_000) * SECOND_NS
                made.append(TimeAdvanced(ts))
            case "halt":
                made.append(InstrumentStatus(name, ts, dice.random() < 0.3))
            case "command":
                kind = dice.choice((*CommandKind, CommandKind.RESUME, CommandKind.RESUME, CommandKind.RESUME))
                target = dice.choice(("*", "*", "alpha", "gamma", "account:paper", "nobody"))
                made.append(OperatorCommand(f"c{number}", ts, kind, target, level=dice.randint(0, 4)))
    return made


def _candle_of(dice: Random, name: str, ts: int, price: dict[str, int], *, is_flat: bool) -> Candle:
    if is_flat:
        return Candle(name, "1h", ts - HOUR_NS, ts, 100.0, 100.0, 100.0, 100.0, float(dice.randint(1, 60)))
    jump = dice.choice((0, 0, 0, 0, dice.randint(-600, 600), dice.randint(-1_500, 1_500)))
    open_ = max(price[name] + jump, 2_000)
    close = max(open_ + dice.randint(-300, 300), 2_000)
    high, low = max(open_, close) + dice.randint(0, 200), min(open_, close) - dice.randint(0, 200)
    price[name] = close
    shape = (open_ / 100, high / 100, low / 100, close / 100)
    return Candle(name, "1h", ts - HOUR_NS, ts, *shape, float(dice.randint(1, 60)))


def random_plan(
    bot: dict[str, Any], order: Sequence[int] = (0, 1, 2), *, is_tame: bool = False, spot: Instrument = BTC
) -> EnginePlan:
    """Two spot desks on one account and a perpetual desk on another, given in any order. Tame: no rule acts. `spot` is
    what the spot desks trade, by the name of BTC."""
    scripts, judgements = bot["modes"], bot["judgements"]

    def seat_of(number: int, instrument: Instrument) -> SeatPlan:
        shared = evaluator(lambda: Opinions(bot["opinions"]), "shared", key=f"shared {instrument.id}")
        on_ticks = evaluator(lambda: Opinions(bot["opinions"]), "ticks", timeframe="", key=f"ticks {instrument.id}")
        made = seat(lambda: Acts(scripts[number]), evaluators=(shared, on_ticks), instrument=instrument)
        return replace(made, make_strategy=lambda: Follows(bot["strategies"]))

    def rules(number: int) -> tuple[RulePlan, ...]:
        judge = ("pass",) if is_tame else judgements[number]
        watch = ("pass",) if is_tame else bot["guards"]
        return (
            RulePlan(name="position", make=lambda: Judges(Tier.POSITION, judge)),
            RulePlan(name="strategy", make=lambda: Guards(Tier.STRATEGY, watch)),
        )

    over_all = RulePlan(
        name="account", make=lambda: Guards(Tier.ACCOUNT, ("pass",) if is_tame else bot["guards"][::-1])
    )
    desks = (
        desk(seat_of(0, spot), name="alpha", rules=rules(0)),
        desk(seat_of(1, spot), name="beta", rules=rules(1), tick_ns=1_700 * SECOND_NS),
        desk(seat_of(2, PERP), name="gamma", account="margin", rules=rules(2), timeframe="1h"),
    )
    accounts = (account("paper", rules=(over_all,)), account("margin", rules=(over_all,)))
    return plan(*(desks[i] for i in order), accounts=accounts, venue=random_venue(bot, spot))


def random_venue(bot: dict[str, Any], spot: Instrument = BTC) -> SimulatedVenue:
    names = ("max_volume_share", "is_pessimistic", "latency_ms")
    return free_venue(spot, **{name: bot[name] for name in names})
