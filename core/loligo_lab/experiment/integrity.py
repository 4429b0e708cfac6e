"""Were the arms treated alike? Asked before any result is shown; what is not answered with yes makes a test invalid.

What must hold: a fault stays, whatever comes after it: an edit or an outage on one side restarts the test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from loligo.api import DAY_NS, timeframe_ns
from loligo_lab.experiment.days import ArmDay
from loligo_lab.experiment.judgement import Check
from loligo_lab.experiment.plan import Arm

OPINIONS = "opinions"  # begins what stands in place of a timeframe where every new opinion makes an arm decide


def config_hash(tree_hashes: Mapping[str, str], settings: object) -> str:
    """Return what names the code and settings of an arm, as 64 hexadecimal digits. Settings are plain data."""
    whole = msgspec.json.encode({"tree_hashes": tree_hashes, "settings": settings}, order="sorted")
    return hashlib.sha256(whole).hexdigest()


class Treatment:
    """What two arms were given, day by day."""

    def __init__(self, control: Arm, challenger: Arm, *, downtime_tolerance_s: float) -> None:
        self._names = (control.name, challenger.name)
        self._configs = [control.config_hash, challenger.config_hash]
        self._tolerance_s = downtime_tolerance_s
        self._events = (0, 0)
        self._timeframes = ("", "")
        self._faults: dict[str, Check] = {}

    @property
    def fault(self) -> Check | None:
        """Return the first fault."""
        return next(iter(self._faults.values()), None)

    def add(self, number: int, control: ArmDay, challenger: ArmDay) -> None:
        """Look at day `number`, from 1."""
        first, second = self._names
        self._events = (self._events[0] + control.events, self._events[1] + challenger.events)
        self._timeframes = (control.timeframe, challenger.timeframe)
        for side, day in enumerate((control, challenger)):
            self._configs[side] = self._configs[side] or day.config_hash
            if day.config_hash and day.config_hash != self._configs[side]:
                changed = f"Code or settings of {self._names[side]} were changed on day {number}"
                self._fail("config", number, _with(changed, day.changed))
        for name, own, other in ((first, control, challenger), (second, challenger, control)):
            if own.by_hand and own.by_hand != other.by_hand:
                self._fail("by_hand", number, f"{_done(own.by_hand, name)} by hand on day {number} ({own.by_hand})")
            if own.failed and own.failed != other.failed:
                self._fail("failures", number, _with(f"Tentacles of {name} failed on day {number}", own.failed))
        if abs(control.down_s - challenger.down_s) > self._tolerance_s:
            down = (
                f"{first} did not work for {control.down_s:,.0f} s on day {number}, {second} {challenger.down_s:,.0f} s"
            )
            who = control.down_by if control.down_s > challenger.down_s else challenger.down_by
            self._fail("downtime", number, _with(down, who))
        if _are_asked_unlike(control, challenger):
            given = f"{first} was given {control.events:,} events on day {number}, {second} {challenger.events:,}"
            self._fail("events", number, given)
        if control.fee_schedule != challenger.fee_schedule:
            self._fail("fee_schedule", number, f"{first} and {second} paid by different fee schedules on day {number}")

    def _fail(self, name: str, day: int, words: str) -> None:
        self._faults.setdefault(name, Check(name=name, is_met=False, day=day, words=words))

    def checks(self) -> tuple[Check, ...]:
        """Return the answer to each question."""
        met = {
            "events": self._asked_alike(),
            "fee_schedule": "Both arms paid by the same fee schedule",
            "config": "Neither arm was changed",
            "downtime": "Neither arm was down alone",
            "failures": "No tentacle failed in one arm alone",
            "by_hand": "Nobody decided over an order or a position of one arm alone",
        }
        return tuple(
            self._faults.get(name) or Check(name=name, is_met=True, day=None, words=words)
            for name, words in met.items()
        )

    def _asked_alike(self) -> str:
        (first, second), (one, other), timeframes = self._names, self._events, self._timeframes
        if timeframes[0] == timeframes[1]:
            return f"Both arms were given the same {one:,} events"
        if any(map(_is_of_opinions, timeframes)):
            return f"Both arms were asked by the same data: {first} {one:,} times, {second} {other:,} times"
        asked = f"{first} {one:,} times at candles of {timeframes[0]}, {second} {other:,} times at {timeframes[1]}"
        return f"Both arms were asked over the same time: {asked}"


def _are_asked_unlike(one: ArmDay, other: ArmDay) -> bool:
    """Say whether one arm was asked where the other was not. With candles of other lengths the time that they cover is
    compared, in which the longer ones may be short of one. How often new opinions come depends on what an arm runs:
    beside them candles must only not be missing."""
    if one.timeframe == other.timeframe:
        return one.events != other.events
    if _is_of_opinions(one.timeframe) or _is_of_opinions(other.timeframe):
        return _lacks_candles(one, other) or _lacks_candles(other, one)
    longest, covered = 0, [0, 0]
    for side, day in enumerate((one, other)):
        length = timeframe_ns(day.timeframe)
        longest, covered[side] = max(longest, length * day.instruments), length * day.events
    return abs(covered[0] - covered[1]) > longest


def _is_of_opinions(timeframe: str) -> bool:
    return timeframe.startswith(OPINIONS)


def _lacks_candles(day: ArmDay, other: ArmDay) -> bool:
    """Say whether an arm had no candle on a day on which the other was asked."""
    is_daily = not _is_of_opinions(day.timeframe) and timeframe_ns(day.timeframe) <= DAY_NS
    return is_daily and day.events == 0 < other.events


def _with(words: str, more: str) -> str:
    return f"{words}: {more}" if more else words


def _done(by_hand: str, name: str) -> str:
    """Return what people did to an arm, by the commands that its day names."""
    done = {one.partition(" ")[0] for one in by_hand.split(", ")}
    if done & {"cancel", "close"}:
        return f"An order or a position of {name} alone was taken back"
    if "resume" in done:
        return f"A pause that a limit had put on {name} alone was ended"
    return f"An entry of {name} alone was agreed to or refused"
