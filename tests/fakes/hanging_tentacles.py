"""Five tentacles that trade by the clock, one of which hangs at one instant: for tests of what ends a hang.

Every eight hours the strategy wants to be long for four hours and flat for four; the mode enters and leaves at the
market; all states are counters, so that a cold instance can be told from a warm one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fakes.tentacle_folder import write_registry, write_tentacle

LOOP = "while True: pass"
IN_C = "import time; time.sleep(3600)"
IN_C_WITH_LOCK = "import re; re.match('(a+)+$', 'a' * 60 + 'b')"  # takes longer than the universe is old
NAMES = {"evaluator": "counter", "strategy": "by_clock", "trading_mode": "at_market", "risk_rule": "limit"}

_HEAD = """
from decimal import Decimal
from loligo.api import (
    Declined, Direction, Evaluation, Factory, OrderKind, OrderRequest, OrderRole, Side, Signal, TentacleSettings, Tier,
    hookimpl, passed
)

class Settings(TentacleSettings):
    pass

class Counting:
    state_version = 1

    def __init__(self):
        self.asked = 0

    def export_state(self):
        return {"asked": self.asked}

    def restore_state(self, state):
        self.asked = state["asked"]

    def count(self, ts):
        if ts == HANGS_AT_NS:
            HANG
        self.asked += 1
"""
_BODIES = {
    "evaluator": """
class Made(Counting):
    warmup = 1

    def on_candle(self, candle):
        self.count(candle.ts)
        return Evaluation(1.0, "count", (float(self.asked),))
""",
    "strategy": """
class Made(Counting):
    def decide(self, board):
        self.count(board.ts)
        if board.evaluations[0] is None:
            return Declined("no_opinion")
        is_long = board.ts // 3_600_000_000_000 % 8 < 4
        return Signal(Direction.LONG if is_long else Direction.FLAT, 1.0, "clock")
""",
    "trading_mode": """
class Made(Counting):
    def on_signal(self, signal, view):
        self.count(view.ts)
        side, quantity = Side.BUY, Decimal("0.1")
        if signal.direction is Direction.FLAT:
            side, quantity = Side.SELL, view.position
        if not quantity or (side is Side.BUY and view.position):
            return ()
        stop = view.instrument.price(view.price * 0.9)
        terms = {"stop_loss_price": stop} if side is Side.BUY else {"role": OrderRole.EXIT}
        terms |= {"instrument": view.instrument.id, "side": side, "quantity": quantity, "kind": OrderKind.MARKET}
        return (OrderRequest(**terms),)
""",
    "risk_rule": """
class Made(Counting):
    tier = Tier.POSITION

    def check(self, request, view):
        self.count(view.ts)
        return passed("fine")
""",
}
_HOOK = """
@hookimpl
def {kind}() -> Factory:
    return Factory(settings=Settings, create=lambda settings, context: Made())
"""


def write_hanging(home: Path, kind: str, hangs_at_ns: int, how: str = LOOP) -> None:
    """Put the tentacles into a bot's folder and registry; the one of `kind` hangs at candles of this close."""
    for each, name in NAMES.items():
        head = _HEAD.replace("HANGS_AT_NS", str(hangs_at_ns if each == kind else 0)).replace("HANG", how)
        write_tentacle(home, each, name, code=head + _BODIES[each] + _HOOK.format(kind=each))
    write_registry(home)


def trade_with_them(config: dict[str, Any], since: str, until: str) -> None:
    """Let one desk of the bundled configuration trade with them over a part of its candles."""
    del config["desks"]["dips"]
    config["desks"]["trend"] |= {
        "evaluators": [{"tentacle": NAMES["evaluator"]}],
        "strategy": {"tentacle": NAMES["strategy"]},
        "mode": {"tentacle": NAMES["trading_mode"]},
        "risk_rules": [NAMES["risk_rule"], "confidence", "daily_loss"],
    }
    config["feeds"][0]["settings"] |= {"since": since, "until": until}
