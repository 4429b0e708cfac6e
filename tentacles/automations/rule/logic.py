"""When something happens, and conditions hold, do something. Time is that of the records, so a replay fires the same.

    record ─► value ─► beyond the level, and armed ─► all conditions hold ─► fire, disarm ─► value went back ─► armed

What must hold: it fires once per excursion beyond its level, also when the condition becomes true during it; after a
restart or a swap it goes on where it was, but begins anew when what it watches is another thing now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim

from loligo.api import SECOND_NS, Candle, Record, iso
from loligo.api.automation import Act, Firing, Standing, World

from . import values, words
from .settings import Action, Condition, Settings

_WATCHED = ("trigger", "instrument", "desk", "relation", "level", "unit", "every_hours", "at", "zone", "measure")
_VERBS = {"cancel_orders": "cancel.entries", "pause": "pause", "resume": "resume", "flatten": "flatten"}
_LAST_MINUTE, _MIDNIGHT = "23:59", "24:00"
_JOBS = {"backtest": "backtest.start", "report": "report.write", "retry": "jobs.retry"}


class Rule:
    """The automation."""

    state_version = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._about = "|".join(str(getattr(settings, name)) for name in (*_WATCHED, "candles", "timeframe"))
        self._is_armed = True
        self._side = 0  # of the level, for crosses: -1 below, 1 above, 0 not known yet
        self._due_ns = 0  # of a period
        self._value: float | None = None
        self._bars: deque[values.Bar] = deque(maxlen=settings.candles + 1)

    # Hearing

    def on_record(self, record: Record, world: World) -> Firing | None:
        if self._settings.trigger == "period":
            is_met = self._is_due(record.input.ts)
        else:
            self._value = self._valued(record, world)
            is_met = self._is_beyond(self._value)
        if not is_met or not all(_holds(one, world) for one in self._settings.conditions):
            return None
        self._is_armed = False
        why = words.why(self._settings, self._value, record.input.ts)
        return Firing(key=f"seq {record.seq}", why=why, acts=self._acts(why, iso(record.input.ts)))

    def _valued(self, record: Record, world: World) -> float | None:
        wanted, given = self._settings, record.input
        if wanted.trigger == "price":
            return world.prices.get(wanted.instrument)
        if wanted.trigger == "drawdown":
            return values.drawdown(world, wanted.desk)
        if wanted.trigger == "holding":
            return values.hours_held(world, wanted.desk, wanted.instrument)
        if wanted.trigger == "profit":
            return self._profit(world)
        if isinstance(given, Candle) and (given.instrument, given.timeframe) == (wanted.instrument, wanted.timeframe):
            self._bars.append((given.high, given.low, given.close))
            return values.volatility(self._bars, wanted.candles, wanted.measure)
        return self._value

    def _profit(self, world: World) -> float | None:
        wanted = self._settings
        if not wanted.instrument:
            return values.profit_of_desk(world, wanted.desk, wanted.unit)
        held = world.holdings.get(wanted.desk, {}).get(wanted.instrument)
        return None if held is None else values.profit_of_position(world, held, wanted.instrument, wanted.unit)

    def _is_beyond(self, value: float | None) -> bool:
        """Say whether it is to fire, and arm it again once the value has gone back."""
        wanted = self._settings
        if value is None:
            self._is_armed = True  # the position is gone: another one is another story
            return False
        if wanted.relation == "crosses":
            return self._has_crossed(value)
        above = wanted.relation == "above"
        if (value > wanted.level) if above else (value < wanted.level):
            return self._is_armed
        back = abs(wanted.level) * wanted.re_arm / 100
        if (value <= wanted.level - back) if above else (value >= wanted.level + back):
            self._is_armed = True
        return False

    def _has_crossed(self, value: float) -> bool:
        """Say whether the value has come to the other side, by more than what re-arms."""
        wanted = self._settings
        off = abs(wanted.level) * wanted.re_arm / 100 if self._side else 0.0
        side = 1 if value > wanted.level + off else -1 if value < wanted.level - off else self._side
        before, self._side = self._side, side
        return before != 0 and side != before

    def _is_due(self, now_ns: int) -> bool:
        """Say whether a period ended; what passed unseen counts once."""
        if self._due_ns and now_ns < self._due_ns:
            return False
        is_first, self._due_ns = not self._due_ns, self._next_ns(now_ns)
        return not is_first

    def _next_ns(self, now_ns: int) -> int:
        wanted = self._settings
        if wanted.every_hours:
            step = int(wanted.every_hours * values.HOUR_NS)
            return (now_ns // step + 1) * step
        hour, _, minute = wanted.at.partition(":")
        now = datetime.fromtimestamp(now_ns // SECOND_NS, ZoneInfo(wanted.zone))
        return int(next(CronSim(f"{int(minute)} {int(hour)} * * *", now)).timestamp()) * SECOND_NS

    # Acting

    def acts(self) -> Sequence[Act]:
        """Return what it does, for one who tries it."""
        return self._acts("a test", "")

    def _acts(self, why: str, time: str) -> Sequence[Act]:
        return [self._act(one, why, time) for one in self._settings.actions]

    def _act(self, action: Action, why: str, time: str) -> Act:
        target = action.desk or "*"
        if action.do == "notify":
            named = {"why": why, "value": words.number(self._value), "level": words.number(self._settings.level)}
            text = words.filled(action.text or "{why}", {**named, "time": time, "name": words.short(self._settings)})
            return Act(verb="automation.tell", arguments={"text": text, "level": action.level})
        if action.do == "switch":
            return Act(verb="tentacle.switch", arguments={"name": action.tentacle, "on": action.on})
        if action.instrument:
            return Act(verb="close", arguments={"desk": action.desk, "instrument": action.instrument})
        if action.do in _JOBS:
            return Act(verb=_JOBS[action.do], arguments=action.arguments)
        return Act(verb=_VERBS[action.do], arguments={"target": target})

    # For people, and for the next version

    def standing(self) -> Standing:
        if self._settings.trigger == "period":
            return Standing(words=words.sentence(self._settings), state="waiting", next_at_ns=self._due_ns)
        is_armed = self._is_armed or self._settings.relation == "crosses"
        seen = "" if self._value is None else f", now {words.number(self._value)}"
        return Standing(words=words.sentence(self._settings), state=("armed" if is_armed else "fired") + seen)

    def export_state(self) -> dict[str, Any]:
        return {
            "about": self._about,
            "is_armed": self._is_armed,
            "side": self._side,
            "due_ns": self._due_ns,
            "value": self._value,
            "bars": [list(one) for one in self._bars],
        }

    def restore_state(self, state: dict[str, Any]) -> None:
        """Take it back, if it is of what is watched now."""
        if state.get("about") != self._about:
            return
        self._is_armed, self._side, self._due_ns = state["is_armed"], state["side"], state["due_ns"]
        self._value = state["value"]
        self._bars.extend((high, low, close) for high, low, close in state["bars"])


def _holds(condition: Condition, world: World) -> bool:
    if condition.kind == "position":
        return bool(world.held(condition.desk, condition.instrument)) == condition.is_held
    if condition.kind == "desk":
        return world.is_paused(condition.desk) == (condition.state == "paused")
    if condition.kind == "hours":
        now = datetime.fromtimestamp(world.now_ns // SECOND_NS, UTC).astimezone(ZoneInfo(condition.zone))
        clock = f"{now:%H:%M}"
        ends = _MIDNIGHT if condition.ends == _LAST_MINUTE else condition.ends  # nobody means a day without it
        if condition.begins <= ends:
            return condition.begins <= clock < ends
        return clock >= condition.begins or clock < ends
    value = _value(condition, world)
    if value is None:
        return False
    return value > condition.level if condition.relation == "above" else value < condition.level


def _value(condition: Condition, world: World) -> float | None:
    if condition.value == "price":
        return world.prices.get(condition.instrument)
    if condition.value == "profit":
        return values.profit_of_desk(world, condition.desk, "percent")
    if condition.value == "drawdown":
        return values.drawdown(world, condition.desk)
    worth = world.worth.get(condition.desk)
    return None if worth is None else worth.equity
