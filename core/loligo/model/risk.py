"""What the risk stage says and the limits it holds desks and accounts to. Shares and rates are fractions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated

import msgspec
from annotated_types import Ge, Gt, Interval

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


_PASSED = Outcome.PASSED  # an enum's members are slow to look up


def passed(code: str, *numbers: float) -> Verdict:
    """Return a verdict that lets the request through."""
    return Verdict(_PASSED, code, numbers)


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


# Bounds hold for what a person sets: the configuration is checked against them.
Share = Annotated[float, Interval(ge=0, le=1)]
OpenShare = Annotated[float, Interval(gt=0, lt=1)]
Positive = Annotated[float, Gt(0)]  # above 1 with leverage
Count = Annotated[int, Ge(0)]  # or seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLimits:
    """Limits of one desk: the position tier and the strategy tier."""

    stop_loss: OpenShare = 0.02  # largest distance of the stop from the entry, share of the price
    take_profit: Positive = 0.05  # distance of the target from the entry where a signal brings none
    trailing_stop: OpenShare | None = None  # distance of a trailing stop that every entry gets, share of the price
    max_position_share: Positive = 0.10  # of the desk's equity in one position
    max_leverage: Annotated[float, Interval(ge=1, le=125)] = 1.0
    max_consecutive_losses: Count = 3
    loss_pause_s: Count = 86_400  # pause after that many losses; 0 means until a person resumes
    min_confidence: Share = 0.7
    max_trades_per_day: Count = 20  # entries in one UTC day
    max_open_positions: Count = 3
    cooldown_s: Count = 0  # no entry into an instrument for this long after leaving it
    stop_guard_count: Count = 4  # this many stops within the window lock the desk
    stop_guard_window_s: Count = 86_400
    stop_guard_pause_s: Count = 21_600
    lock_below_profit: Annotated[
        float, Interval(ge=-1, le=0)
    ] = -0.05  # an instrument whose trades in the window lost this share of equity is locked
    lock_window_s: Count = 604_800
    lock_pause_s: Count = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """Limits over all desks of one account."""

    max_daily_loss: Share = 0.05  # of the equity at the start of the UTC day, open positions included
    max_exposure: Positive = 0.80  # gross position value, open entries included, share of equity
    max_drawdown: Share = 0.15  # from the highest equity ever seen; pauses until a person resumes
    max_orders_per_minute: Count = 120
    price_collar: Positive = 0.05  # largest distance of a limit price from the last price
    price_age_s: Positive = 60.0  # by which what an entry follows from may have come late
    minimum_balance: Annotated[float, Ge(0)] = 0.0  # of the account, always stays free; its reference currency
