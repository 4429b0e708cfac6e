"""The plain tentacles that fill the other places of a simulated desk: what they do is said in a line each.

They look only at what they are given, so the tentacle under test is the one thing that can surprise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import sin
from typing import Any

from loligo.api import (
    Board,
    Candle,
    ConfigError,
    Declined,
    DeskView,
    Direction,
    EngineVenue,
    Evaluation,
    Instrument,
    Intent,
    MakeContext,
    OrderRequest,
    OrderRole,
    RiskView,
    Side,
    Signal,
    Stateless,
    Tier,
    Verdict,
    passed,
    quantity_for_share,
)
from loligo.host import Host, LoadedTentacle, bundled_root
from loligo.registry.registry_file import REGISTRY_FILE, Registry, load_registry

_PERIOD_NS = 9 * 3_600_000_000_000


class Waves(Stateless):
    """An evaluator whose opinion goes up and down with time, between -1 and +1, whatever the candle."""

    warmup = 0

    def __init__(self, phase: float = 0.0) -> None:
        self._phase = phase

    def on_candle(self, candle: Candle) -> Evaluation:
        return Evaluation(sin(candle.ts / _PERIOD_NS + self._phase), "wave")


class FollowOpinions(Stateless):
    """A strategy that is long while the mean opinion is above 0.2, and flat while it is below -0.2."""

    def decide(self, board: Board) -> Signal | Declined:
        values = [each.value for each in board.evaluations if each is not None]
        mean = sum(values) / len(values) if values else 0.0
        if abs(mean) <= 0.2:
            return Declined("between", (mean,))
        return Signal(Direction.LONG if mean > 0 else Direction.FLAT, min(1.0, abs(mean)), "mean", (mean,))


class Script(Stateless):
    """A strategy that says what a test wrote down: the signal by the place of the candle, counted from 0."""

    def __init__(self, signals: Mapping[int, Signal]) -> None:
        self._signals = signals
        self._place = -1

    def decide(self, board: Board) -> Signal | Declined:
        self._place += 1
        return self._signals.get(self._place, Declined("not_in_script"))

    def export_state(self) -> dict[str, int]:
        return {"place": self._place}

    def restore_state(self, state: Mapping[str, int]) -> None:
        self._place = state["place"]


class BuyAndSell(Stateless):
    """A trading mode that buys a tenth of the desk at the market, stop 2 % below, and sells all when told to leave."""

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        common: dict[str, Any] = {"instrument": view.instrument.id, "strength": signal.strength, "code": signal.code}
        if any(order.role in (OrderRole.ENTRY, OrderRole.EXIT) for order in view.open_orders):
            return (Declined("order_pending"),)
        if signal.direction is Direction.LONG and not view.position:
            quantity = quantity_for_share(view.equity, 0.1, view.price, view.instrument)
            stop = view.instrument.price(view.price * 0.98)
            return (OrderRequest(side=Side.BUY, quantity=quantity, stop_loss_price=stop, **common),)
        if signal.direction is not Direction.LONG and view.position > 0:
            leave: dict[str, Any] = {"role": OrderRole.EXIT, "is_reduce_only": True, **common}
            return (OrderRequest(side=Side.SELL, quantity=view.position, **leave),)
        return (Declined("nothing_to_do"),)


class Passes(Stateless):
    """A risk rule that lets everything through. Without a rule in each tier nothing would be approved."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        return passed("passes")


def simulated_venue(instruments: Sequence[Instrument], **fills: object) -> EngineVenue:
    """Return the venue of backtest and paper; `fills` are its settings, such as `slippage_rate`."""
    loaded = bundled("venue", "simulated")
    settings = loaded.make_settings(fills, where="SimulatedDesk: fills")
    venue = loaded.create(settings, MakeContext(instruments=tuple(instruments)))
    assert isinstance(venue, EngineVenue)
    return venue


@cache
def bundled(kind: str, name: str) -> LoadedTentacle:
    """Return a tentacle that came with Loligo. ConfigError when there is none of that name."""
    root = bundled_root()
    entries = load_registry(root / REGISTRY_FILE).tentacles
    found = [entry for entry in entries if (entry.kind, entry.name) == (kind, name)]
    if not found:
        names = ", ".join(entry.name for entry in entries if entry.kind == kind)
        raise ConfigError(f'no {kind} "{name}" came with Loligo; there are: {names}')
    host = Host(root, root)
    host.load_all(registry=Registry(tentacles=found))
    return host.factory(kind, name)


Maker = Callable[[MakeContext], object]


def maker(loaded: LoadedTentacle, settings: Mapping[str, object] | None = None) -> Maker:
    """Return what makes instances of a loaded tentacle with these settings."""
    made = loaded.make_settings(settings or {})
    return lambda context: loaded.create(made, context)
