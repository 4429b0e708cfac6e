"""Rules: which messages a destination is told, when, and in which words.

The first rule of a destination that fits a message decides; none fits: it is not told. Without any rules all is told
but the frequent kinds. What must hold: a rule is judged by the message, the wall clock and what was told before,
never by what the bot does meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loligo.api import SECOND_NS, Message
from loligo_notify.kinds import FREQUENT, MEANING, Kind
from loligo_notify.templates import fault_of

Level = Literal["info", "warning", "problem"]
LEVELS = ("info", "warning", "problem")
CONSENT_LAPSED = "consent_lapsed"  # code of a refusal


def level_of(message: Message) -> Level:
    """Return how much a message matters; a level that nobody knows is a problem."""
    return message.level if message.level in LEVELS else "problem"  # type: ignore[return-value]


class QuietHours(BaseModel):
    """Hours in which people sleep: what comes then is told at their end, as one message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: time = Field(description='When they begin, such as "22:30".')
    ends: time = Field(description='When they end, such as "07:00"; earlier than the beginning: the next day.')
    time_zone: str = Field(default="UTC", description='Of these hours, as IANA names it: "Europe/Berlin".')
    breaks_through: Level = Field(default="problem", description="What is as important as this is told all the same.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError('expected a time zone as IANA names it, such as "Europe/Berlin" or "UTC"')
        return name

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.begins == self.ends:
            raise ValueError("quiet hours that end when they begin: give them a length, or leave them out")
        return self

    def until_ns(self, now_ns: int) -> int:
        """Return when the quiet hours at this time end, 0 when it is none."""
        zone = ZoneInfo(self.time_zone)
        now = datetime.fromtimestamp(now_ns / SECOND_NS, UTC).astimezone(zone)
        for day in (now.date() - timedelta(days=1), now.date()):
            begin = datetime.combine(day, self.begins, zone)
            end = datetime.combine(day + timedelta(days=self.ends < self.begins), self.ends, zone)
            if begin.timestamp() <= now.timestamp() < end.timestamp():
                return round(end.timestamp()) * SECOND_NS
        return 0


class Rule(BaseModel):
    """Which messages are told, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[Kind, ...] = Field(
        default=(), description="These kinds; empty: all but order, fill and entry_refused, which come often."
    )
    level: Level = Field(default="info", description="At least this important.")
    desks: tuple[str, ...] = Field(default=(), description="Only of these desks, and what belongs to none; empty: all.")
    tell: bool = Field(default=True, description="Off: what fits this rule is not told.")
    quiet: QuietHours | None = Field(default=None, description="Hours in which it waits.")
    group_s: float = Field(default=0.0, ge=0, le=86_400, description="Seconds in which more of it becomes one message.")
    per_minute: int = Field(default=0, ge=0, le=1_000, description="More in a minute are only counted; 0: no limit.")
    template: str = Field(
        default="", max_length=4_000, description="Words of its own (jinja); empty: those of the kind."
    )

    @model_validator(mode="after")
    def _renders(self) -> Self:
        if self.template and (fault := fault_of(self.template, self.kinds)):
            raise ValueError(f"template {self.template[:40]!r} {fault}")
        return self

    def fits(self, message: Message) -> bool:
        is_kind = message.kind in self.kinds if self.kinds else not is_frequent(message)
        is_desk = not self.desks or not message.desk or message.desk in self.desks
        return is_kind and is_desk and LEVELS.index(level_of(message)) >= LEVELS.index(self.level)

    def quiet_until_ns(self, message: Message, now_ns: int) -> int:
        """Return until when a message has to wait, 0: it need not."""
        if self.quiet is None or LEVELS.index(level_of(message)) >= LEVELS.index(self.quiet.breaks_through):
            return 0
        return self.quiet.until_ns(now_ns)

    def words(self) -> str:
        """Return the rule as a person says it."""
        what = ", ".join(kind.value.replace("_", " ") for kind in self.kinds) or "everything but what comes often"
        parts = [what if self.tell else f"not {what}"]
        if self.level != "info":
            parts.append("warnings and problems" if self.level == "warning" else "problems only")
        if self.desks:
            parts.append(f"of {', '.join(self.desks)}")
        if self.group_s:
            parts.append(f"what comes within {self.group_s:g} s in one message")
        if self.per_minute:
            parts.append(f"{self.per_minute} a minute at most")
        if self.quiet:
            hours = f"{self.quiet.begins:%H:%M} to {self.quiet.ends:%H:%M} {self.quiet.time_zone}"
            parts.append(f"quiet from {hours} but for {self.quiet.breaks_through}s")
        return "; ".join([*parts, "in words of its own"] if self.template else parts)


EVERYTHING = Rule()


def is_frequent(message: Message) -> bool:
    """Say whether a message is told only where a rule names its kind. An entry for which nobody gave the consent that
    was asked for is told to all who were asked."""
    return message.kind in FREQUENT and message.fields.get("code") != CONSENT_LAPSED


def rule_for(rules: Sequence[Rule], message: Message) -> Rule | None:
    """Return the rule by which a message is told, None when it is not."""
    found = next((rule for rule in rules or (EVERYTHING,) if rule.fits(message)), None)
    return found if found is not None and found.tell else None


def described(kinds: Sequence[Kind] = tuple(Kind)) -> list[str]:
    return [f"{kind}: {MEANING[kind]}" for kind in kinds]
