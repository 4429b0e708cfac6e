"""A rule in words: the sentence of the whole, and why it fired."""

from __future__ import annotations

import re
from collections.abc import Mapping

from loligo.api import iso

from .settings import Action, Condition, Settings

_FIELD = re.compile(r"\{(\w+)\}")
_UNIT = {"drawdown": " %", "volatility": " %", "holding": " h", "price": ""}


def sentence(settings: Settings) -> str:
    """Return such as "When BTC/USD falls below 9,000 and main holds BTC/USD: flatten main; at most once a day"."""
    conditions = "".join(f" and {_condition(one)}" for one in settings.conditions)
    actions = ", ".join(_action(one) for one in settings.actions)
    most = settings.most_per_day
    times = "once" if most == 1 else "twice" if most == 2 else f"{most} times"
    return f"{_trigger(settings)}{conditions}: {actions}, at most {times} a day"


def short(settings: Settings) -> str:
    """Return what is watched."""
    where = settings.instrument.rpartition(":")[2]
    if settings.trigger == "price":
        return where
    if settings.trigger == "volatility":
        return f"the volatility of {where}"
    if settings.trigger == "holding":
        return f"{settings.desk} holds {where or 'a position'}"
    if settings.trigger == "profit" and where:
        return f"the profit of {settings.desk} in {where}"
    return f"the {settings.trigger} of {settings.desk.replace('account:', 'account ')}"


def _trigger(settings: Settings) -> str:
    if settings.trigger == "period":
        if not settings.every_hours:
            return f"Every day at {settings.at} {settings.zone}"
        return "Every hour" if settings.every_hours == 1 else f"Every {number(settings.every_hours)} hours"
    if settings.trigger == "holding":
        return f"When {short(settings)} for more than {number(settings.level)} h"
    moves = {"above": "rises above", "below": "falls below", "crosses": "crosses"}[settings.relation]
    return f"When {short(settings)} {moves} {number(settings.level)}{_unit(settings)}"


def _unit(settings: Settings) -> str:
    return _UNIT.get(settings.trigger, " %" if settings.unit == "percent" else "")


def _condition(condition: Condition) -> str:
    what = condition.instrument.rpartition(":")[2]
    if condition.kind == "position":
        who = condition.desk or "some desk"
        return f"{who} {'holds' if condition.is_held else 'does not hold'} {what or 'a position'}"
    if condition.kind == "desk":
        return f"{condition.desk} is {condition.state}"
    if condition.kind == "hours":
        return f"it is {condition.begins} to {condition.ends} {condition.zone}"
    named = what if condition.value == "price" else f"the {condition.value} of {condition.desk}"
    return f"{named} is {condition.relation} {number(condition.level)}"


def _action(action: Action) -> str:
    target = "everything" if action.desk in ("", "*") else action.desk.replace("account:", "account ")
    if action.do == "switch":
        return f"switch {action.tentacle.rpartition('/')[2]} {'on' if action.on else 'off'}"
    if action.instrument:
        return f"close {action.instrument.rpartition(':')[2]} of {target}"
    plain = {"notify": "tell", "backtest": "start a backtest", "report": "write a report", "retry": "retry failed jobs"}
    return (
        plain.get(action.do) or f"{action.do.replace('_', ' ')}{' of' if action.do == 'cancel_orders' else ''} {target}"
    )


def why(settings: Settings, value: float | None, at_ns: int) -> str:
    """Return why it fired, with the number."""
    if settings.trigger == "period":
        return f"{_trigger(settings)}, it is {iso(at_ns)[:16]}"
    if settings.trigger == "holding":
        return f"{short(settings)} for {number(value)} h, more than {number(settings.level)}"
    unit = _unit(settings)
    relation = {"above": "above", "below": "below", "crosses": "across"}[settings.relation]
    return f"{short(settings)} at {number(value)}{unit}, {relation} {number(settings.level)}{unit}"


def number(value: float | None) -> str:
    """Return a number as people read it: six digits, thousands apart."""
    if value is None:
        return "?"
    text = f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def filled(template: str, named: Mapping[str, str]) -> str:
    """Return a text with its {names} filled; one that nobody knows stays as it is written."""
    return _FIELD.sub(lambda found: named.get(found[1], found[0]), template)
