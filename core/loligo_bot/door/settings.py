"""Verbs on the configuration as it is and was: config.show, config.history, config.diff. Secrets are masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from loligo.errors import ConfigError, NotFound
from loligo.log import masked
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import LARGEST, Part, brief
from loligo_bot.past import past_of, recipe_now, settings_at
from loligo_bot.recipe import differences


class SettingsAsked(Arguments):
    """Which settings."""

    key: str = Field(default="", description="those at or below this key, such as desks.trend.limits; empty: all")


class Setting(Part):
    """One setting."""

    key: str
    value: Any = Field(description="what it is set to")
    origin: str = Field(description="file and line, profile, environment, or default")


class Settings(Answer):
    """What everything is set to, as the files say now."""

    settings: list[Setting]

    def lines(self) -> Sequence[str]:
        return [f"{one.key} = {one.value} ({one.origin})" for one in self.settings]


def show(inside: Inside, given: SettingsAsked) -> Settings:
    try:
        found = settings_at(inside.home, given.key)
    except ConfigError as exc:
        if given.key and given.key in str(exc):
            raise NotFound(str(exc)) from exc
        raise
    shown = [(key, masked(value, key.rpartition(".")[2]), origin) for key, value, origin in found]
    return Settings(settings=[Setting(key=key, value=value, origin=origin) for key, value, origin in shown])


class PastAsked(Arguments):
    """Which generations."""

    limit: int = Field(default=20, ge=1, le=500, description="generations at most, the newest")
    before: int | None = Field(default=None, ge=1, le=LARGEST, description="only generations of smaller numbers")


class PastSettings(Part):
    """The settings of one generation against those before it."""

    number: int
    time: str
    by: str
    why: str
    phase: str
    changed: list[str]
    lost: str = Field(description="why its settings are no longer known")


class ConfigHistory(Answer):
    """Which settings ran, newest first; generations that changed none are left out."""

    generations: list[PastSettings]
    next_before: int | None = Field(description="`before` of the next, older page; null: there is none")

    def lines(self) -> Sequence[str]:
        return [
            f"{one.number} {brief(one.time)} {one.by}: {', '.join(one.changed) or one.lost or 'the first'}"
            for one in self.generations
        ]


def history(inside: Inside, given: PastAsked) -> ConfigHistory:
    told = [PastSettings.model_validate(one) for one in past_of(inside.home, inside.rows).told()]
    found = [one for one in reversed(told) if given.before is None or one.number < given.before]
    shown = found[: given.limit]
    return ConfigHistory(generations=shown, next_before=shown[-1].number if len(found) > len(shown) else None)


class DiffAsked(Arguments):
    """Between what."""

    number: int = Field(ge=1, le=LARGEST, description="a generation; `config.history` lists them")
    other: int | None = Field(default=None, ge=1, le=LARGEST, description="another one; null: what the files say now")


class Difference(Part):
    """One setting that differs; null where there is none."""

    key: str
    before: Any = Field(description="in the first")
    after: Any = Field(description="in the other")


class Differences(Answer):
    """What differs between the settings of two generations, the registry included."""

    differences: list[Difference]

    def lines(self) -> Sequence[str]:
        return [f"{one.key}: {one.before} → {one.after}" for one in self.differences] or ["nothing differs"]


def diff(inside: Inside, given: DiffAsked) -> Differences:
    past = past_of(inside.home, inside.rows)
    other = recipe_now(inside.home) if given.other is None else past.recipe(given.other)
    found = differences(past.recipe(given.number), other)
    return Differences(differences=[Difference(key=".".join(o.way), before=o.before, after=o.after) for o in found])


OFFERS: tuple[Offer, ...] = (
    reading("config.show", "what everything is set to, and where", SettingsAsked, Settings, show),
    reading("config.history", "which settings ran, when, who wanted them and why", PastAsked, ConfigHistory, history),
    reading("config.diff", "what differs between the settings of two generations", DiffAsked, Differences, diff),
)
