"""What the risk stage says and the limits it holds desks and accounts to. Shares and rates are fractions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum

import msgspec

from loligo.model.evaluation import Numbers


class Tier(StrEnum):
    """Where a rule stands: on one position, on one desk's strategy, or on the whole account."""

    POSITION = "position"
    STRATEGY = "strategy"
    ACCOUNT = "account"


class Outcome(StrEnum):
    """What a rule makes of a request; the strictest of all rules wins."""

    PASSED = "passed"
    REDUCED = "reduced"
    REFUSED = "refused"


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """A rule's answer to a request, with numbers: (value, limit) in the order its text names them."""

    outcome: Outcome
    code: str
    numbers: Numbers = ()
    quantity: Decimal | None = None  # what is left of a reduced request, base units


def passed(code: str, *numbers: float) -> Verdict:
    """Return a verdict that lets the request through."""
    return Verdict(Outcome.PASSED, code, numbers)


def reduced(quantity: Decimal, code: str, *numbers: float) -> Verdict:
    """Return a verdict that lets `quantity` base units through."""
    return Verdict(Outcome.REDUCED, code, numbers, quantity)


def refused(code: str, *numbers: float) -> Verdict:
    """Return a verdict that lets nothing through."""
    return Verdict(Outcome.REFUSED, code, numbers)


class ActionKind(StrEnum):
    """What a watching rule may order, mildest first."""

    TIGHTEN = "tighten"  # move the stops of the desk's open positions to `price`, never away from the market
    PAUSE = "pause"  # no new entries
    FLATTEN = "flatten"  # close everything of the desk or account, and pause


class RiskAction(msgspec.Struct, frozen=True, array_like=True):
    """What a watching rule wants done. `until_ns` 0 means until a person resumes; `price` is for TIGHTEN."""

    kind: ActionKind
    code: str
    numbers: Numbers = ()
    until_ns: int = 0
    instrument: str = ""
    price: float = 0.0


class KillLevel(IntEnum):
    """The kill switch: each level includes the ones below. Exits and reduce-only orders always pass."""

    OFF = 0
    NO_ENTRIES = 1
    CANCEL_ORDERS = 2
    FLATTEN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLimits:
    """Limits of one desk: the position tier and the strategy tier."""

    stop_loss: float = 0.02  # largest distance of the stop from the entry, share of the price
    take_profit: float = 0.05  # distance of the target from the entry where a signal brings none
    trailing_stop: float | None = None  # distance of a trailing stop that every entry gets, share of the price
    max_position_share: float = 0.10  # of the desk's equity in one position
    max_leverage: float = 1.0
    max_consecutive_losses: int = 3
    loss_pause_s: int = 86_400  # pause after that many losses; 0 means until a person resumes
    min_confidence: float = 0.7
    max_trades_per_day: int = 20  # entries in one UTC day
    max_open_positions: int = 3
    cooldown_s: int = 0  # no entry into an instrument for this long after leaving it
    stop_guard_count: int = 4  # this many stops within the window lock the desk
    stop_guard_window_s: int = 86_400
    stop_guard_pause_s: int = 21_600
    lock_below_profit: float = -0.05  # an instrument whose trades in the window lost this share of equity is locked
    lock_window_s: int = 604_800
    lock_pause_s: int = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """Limits over all desks of one account."""

    max_daily_loss: float = 0.05  # of the equity at the start of the UTC day, open positions included
    max_exposure: float = 0.80  # gross position value, open entries included, share of equity
    max_drawdown: float = 0.15  # from the highest equity ever seen; pauses until a person resumes
    max_orders_per_minute: int = 120
    price_collar: float = 0.05  # largest distance of a limit price from the last price
    minimum_balance: float = 0.0  # quote units that always stay free
