"""Limits of one desk or account: what each does and how much of it is used, and a form that changes them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from loligo.api import BadArguments

from ..forms import Field, fields_of, settings_from
from ..rest import DOOR
from .acting import act
from .page import ask, offers, show

PLAIN = (
    "max_consecutive_losses",
    "max_trades_per_day",
    "max_open_positions",
    "max_orders_per_minute",
    "stop_guard_count",
)
NO_SHARES = frozenset({*PLAIN, "max_leverage", "min_confidence", "minimum_balance"})
EFFECTS = {  # of a limit that is reached; those that only say how long are told with the one that they belong to
    "stop_loss": "An entry without a stop, or with one further away, is refused.",
    "take_profit": "Where a signal brings no target, this is it.",
    "trailing_stop": "Every entry gets a stop that follows the price at this distance.",
    "max_position_share": "An entry is made smaller, down to nothing.",
    "max_leverage": "An entry above it is refused.",
    "max_consecutive_losses": "The desk opens nothing for the loss pause.",
    "min_confidence": "A weaker signal is refused.",
    "max_trades_per_day": "No more entries until 00:00 UTC.",
    "max_open_positions": "One more entry is refused.",
    "cooldown_s": "No entry for this long after leaving a market.",
    "stop_guard_count": "So many stops in the window: the desk opens nothing for the pause.",
    "lock_below_profit": "A market that lost this share of the equity in the window is locked for the pause.",
    "max_daily_loss": "No desk of the account opens anything until 00:00 UTC.",
    "max_exposure": "An entry is made smaller, down to nothing.",
    "max_drawdown": "No desk of the account opens anything until a person resumes.",
    "max_orders_per_minute": "Entries are refused until the minute is over.",
    "price_collar": "An entry priced further from the last price is refused.",
    "price_age_s": "An entry is refused when what it follows from came later, as after an outage.",
    "minimum_balance": "An entry is made smaller so that this much stays free.",
}
TERMS = {
    "loss_pause_s": "How long that pause lasts, seconds; 0: until a person resumes.",
    "stop_guard_window_s": "The window of the stop guard, seconds.",
    "stop_guard_pause_s": "How long its pause lasts, seconds.",
    "lock_window_s": "The window in which a market's results are added up, seconds.",
    "lock_pause_s": "How long it stays locked, seconds.",
}
ROUND = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Slide:
    """A limit in the form: its field, the ends of its slider, and how much of it is used, None where nothing counts."""

    field: Field
    label: str
    unit: str  # share, seconds, or "" for a plain number
    low: float
    high: float
    step: float
    used: float | None
    limit: float | None


def routes() -> list[web.RouteDef]:
    return [web.get("/risk/limits/{scope}", _shown_now), web.post("/risk/limits/{scope}", _set)]


async def _shown_now(request: web.Request) -> web.Response:
    return await _shown(request, {}, {}, None)


async def _set(request: web.Request) -> web.Response:
    """Say what a form of limits would change, or change it."""
    form = {key: str(value) for key, value in (await request.post()).items()}
    wanted = await ask(request, "risk.limits", scope=request.match_info["scope"])
    fields = fields_of(wanted.limits_schema, wanted.limits, {})
    values, faults = settings_from(fields, form)
    unset = [one.name for one in fields if one.is_set and one.name not in values]
    is_trial = form.get("do") != "save"
    answer = None
    if not faults:
        verb = request.app[DOOR].verbs["limits.set"]
        arguments = {"scope": wanted.scope, "values": values, "unset": unset, "dry_run": is_trial}
        try:
            answer = await act(request, verb, arguments, {} if is_trial else form)
        except BadArguments as exc:
            faults = {path.removeprefix("values.").partition(".")[0]: text for path, text in exc.problems.items()}
            if not faults.keys() & {one.name for one in fields}:
                raise
    return await _shown(request, form, faults, answer, is_saved=not is_trial and not faults)


async def _shown(
    request: web.Request, typed: Mapping[str, str], faults: Mapping[str, str], answer: Any, *, is_saved: bool = False
) -> web.Response:
    scope = request.match_info["scope"]
    wanted, risk = await asyncio.gather(ask(request, "risk.limits", scope=scope), ask(request, "risk"))
    used = {one.name: one for one in risk.limits if one.scope == scope}
    fields = [
        replace(one, value=typed.get(one.name, one.value), hint=EFFECTS.get(one.name) or TERMS.get(one.name, ""))
        for one in fields_of(wanted.limits_schema, wanted.limits, faults)
    ]
    more = {
        "scope": scope,
        "slides": [_slide(one, used.get(one.name)) for one in fields],
        "faults": faults,
        "answer": answer,
        "is_saved": is_saved,
        "can_set": offers(request, "limits.set"),
    }
    return await show(request, "limits.html", {"wanted": wanted}, more=more, status=422 if faults else 200)


def _slide(field: Field, use: Any) -> Slide:
    """Return a field with a slider that reaches well beyond its default, its value and its use."""
    unit = "seconds" if field.name.endswith("_s") else "" if field.name in NO_SHARES else "share"
    default, value = _number(field.default), _number(field.value)
    used = use.used if use is not None else None
    reach = 3 * max(abs(default), abs(value), abs(used or 0.0), 0.01 if unit == "share" else 1.0)
    low, high = (-_rounded(reach), 0.0) if default < 0 else (0.0, _rounded(reach))
    low = max(low, _number(field.minimum, low))
    high = min(high, _number(field.maximum, high))
    step = 1.0 if field.step == "1" else _rounded(reach) / 200
    label = field.label.removesuffix(" s") if unit == "seconds" else field.label
    return Slide(field, label, unit, low, high, step, used, use.limit if use is not None else None)


def _number(text: str, otherwise: float = 0.0) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise


def _rounded(value: float) -> float:
    """Return the next number up that is easy to read, such as 0.2, 0.25 or 50."""
    power = 10.0 ** (len(str(int(value))) - 1 if value >= 1 else -next(p for p in range(1, 9) if value * 10**p >= 1))
    return next(float(f"{one * power:.6g}") for one in ROUND if one * power >= value)
