"""Verbs on automations: what there is and what it did, add, remove, switch, run now.

Which there are stands in the configuration, so adding, removing and switching change that file, are taken up by a swap,
and are undone as every other change. What must hold: settings are judged before anything is written; who tries an
automation can do no more by it than by themselves.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from functools import partial
from time import time_ns
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from loligo.errors import BadArguments, NotFound
from loligo.host import bundled_root
from loligo.log import masked
from loligo.ports.door import Answer, Role
from loligo.registry.faults import did_you_mean
from loligo_automation import AutomationSettings
from loligo_bot.automata.automaton import ADMIN, Automaton, granted_to, told_at
from loligo_bot.automata.book import Happened, book_of
from loligo_bot.door.automation_faults import faults_of, made_of
from loligo_bot.door.changing_settings import SettingsChange, SettingsChanged, settings
from loligo_bot.door.exchanging import Changing, Exchanged, Undo, because, exchanged
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.operating import Done
from loligo_bot.door.pages import Part, brief
from loligo_bot.door.problems import problems_of
from loligo_bot.door.tentacles import found, settings_model
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe
from loligo_bot.undo import undo_settings
from loligo_kit.bot_folder import BotFolder

SECTION = "automations"
T = TypeVar("T")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="its own, such as guard")]


class ActRow(Part):
    """One thing that it did, and what came of that."""

    verb: str
    is_done: bool
    text: str
    seq: int = Field(description="of the event that says so; `why` tells what followed; 0: of none")


class FiringRow(Part):
    """One time that it fired."""

    time: str
    why: str
    seq: int = Field(description="of the record that fired it; 0: the clock, or a person")
    by: str = Field(description="who ran it; empty: it fired by itself")
    is_trial: bool = Field(description="it only told what it would have done")
    acts: list[ActRow]


class AutomationRow(Part):
    """One automation as it is placed."""

    name: str
    tentacle: str
    place: str = Field(description="as `tentacle.settings` takes it")
    is_on: bool = Field(description="as the configuration says")
    is_at_work: bool
    is_trial: bool = Field(description="it only tells what it would do")
    may: str = Field(description="its role: trade, or admin where the registry grants it")
    words: str
    state: str
    next_at: str = Field(description='when it acts next, "" where nobody knows')
    most_per_day: int
    today: int = Field(description="firings within 24 hours")
    held_back: int = Field(description="firings that its limits did not let through")
    error: str
    settings: dict[str, Any]
    firings: list[FiringRow] = Field(description="newest first")


class Automations(Answer):
    """Every automation."""

    automations: list[AutomationRow]

    def lines(self) -> Sequence[str]:
        return [_line(one) for one in self.automations] or ["there is no automation; `automation.add` makes one"]


def _line(row: AutomationRow) -> str:
    last = f"; last {brief(row.firings[0].time)}" if row.firings else ""
    upcoming = f"; next {brief(row.next_at)}" if row.next_at else ""
    return f"{'on ' if row.is_on else 'off'} {row.name}: {row.words} ({row.state}{upcoming}{last})"


class OfAutomation(Arguments):
    """Which one."""

    name: str = Field(min_length=1, max_length=60, description="of the automation; see `automations`")


async def automations(inside: Inside, _asked: Asked, _given: Arguments) -> Automations:
    made, status = inside.edges.made(SECTION), inside.edges.status()
    known = placed(inside)
    granted = await asyncio.to_thread(_granted, inside, {item.tentacle for _, item in known})
    rows = []
    for place, (name, item) in enumerate(known):
        automaton = made.get(name)
        edge = status.get(f"{SECTION}/{name}", {})
        rows.append(_row(name, item, place, automaton, item.tentacle in granted, str(edge.get("error", ""))))
    return Automations(automations=rows)


def _granted(inside: Inside, names: set[str]) -> set[str]:
    """Return the tentacles that the registry lets exchange others."""
    registry = BotFolder(inside.home, bundled_root()).registry
    return {name for name in names if ADMIN in granted_to(registry, f"automation {name}")}


def placed(inside: Inside) -> list[tuple[str, Any]]:
    """Return name and entry of every automation of the running configuration."""
    return [(item.name or item.tentacle, item) for item in inside.config.automations]


def _row(name: str, item: Any, place: int, automaton: Any, is_admin: bool, error: str) -> AutomationRow:
    known = {"name": name, "tentacle": item.tentacle, "place": f"{SECTION}.{place}", "settings": masked(item.settings)}
    common = {**known, "may": "admin" if is_admin else "trade", "error": error}
    if not isinstance(automaton, Automaton):
        words = f"The tentacle {item.tentacle} is off" if automaton is None else "It gives commands of its own"
        return AutomationRow(
            **common,
            is_on=bool(item.settings.get("enabled", True)),
            is_at_work=automaton is not None,
            is_trial=False,
            words=words,
            state="off" if automaton is None else "at work",
            next_at="",
            most_per_day=0,
            today=0,
            held_back=0,
            firings=[],
        )
    standing, page, set_to = automaton.standing(), automaton.page, automaton.settings
    return AutomationRow(
        **common,
        is_on=set_to.enabled,
        is_at_work=set_to.enabled and not error,
        is_trial=set_to.dry_run,
        words=standing.words,
        state=standing.state if set_to.enabled else "off",
        next_at=told_at(standing.next_at_ns) if set_to.enabled else "",
        most_per_day=set_to.most_per_day,
        today=len(page.fired_ns),
        held_back=page.held_back,
        firings=[_firing(one) for one in reversed(page.happened)],
    )


def _firing(one: Happened) -> FiringRow:
    acts = [ActRow(verb=act.verb, is_done=act.is_done, text=act.text, seq=act.seq) for act in one.done]
    return FiringRow(time=told_at(one.at_ns), why=one.why, seq=one.seq, by=one.by, is_trial=one.is_trial, acts=acts)


class NewAutomation(Changing):
    """What is placed."""

    name: Name
    tentacle: str = Field(default="rule", min_length=1, description="of the kind automation: rule, schedule, ...")
    settings: dict[str, Any] = Field(default={}, description="its settings; the others have their defaults")


class Placed(Exchanged):
    """What came of it, with the sentence that it amounts to."""

    words: str = ""

    def lines(self) -> Sequence[str]:
        return [f"{self.words} ({self.message})" if self.words else self.message]


async def add(inside: Inside, asked: Asked, given: NewAutomation) -> Placed:
    """Place an automation under a name of its own."""
    if given.name in dict(await _wanted(inside)):
        raise BadArguments(_TAKEN.format(given.name), {"name": _TAKEN.format(given.name)})
    words = await inside.read(lambda: _judged(inside, given))
    book_of(str(inside.home), given.name).forget()  # one of that name may have been there before
    entry = {"tentacle": given.tentacle, "name": given.name, "settings": given.settings}
    undo = Undo(verb="automation.remove", arguments={"name": given.name})
    done = await _rewritten(inside, asked, given, f"automation {given.name} added", [entry], "", undo)
    return Placed(**done.model_dump(), words=words)


_TAKEN = 'name = "{}": there is an automation of that name; choose another, or remove that one first'


def _judged(inside: Inside, given: NewAutomation) -> str:
    """Return what it does in words; BadArguments has a sentence for each setting that is wrong."""
    entry = found(inside, f"automation/{given.tentacle}")
    model = settings_model(inside, entry)
    if model is None or not issubclass(model, AutomationSettings):
        said = f"the tentacle automation/{given.tentacle} is off; switch it on first"
        raise BadArguments(said, {"tentacle": said})
    try:
        judged = model.model_validate({**entry.settings, **given.settings})
    except ValidationError as exc:
        problems = problems_of(exc, model, "settings") | _of_the_whole(exc, model)
        problems.pop("settings", None)
        raise BadArguments(f"settings of {given.name}: {'; '.join(problems.values())}", problems) from exc
    made = made_of(inside, entry.slot, judged)
    if faults := faults_of(inside.reconciler.running.config, made, judged, "settings"):
        raise BadArguments(f"settings of {given.name}: {'; '.join(faults.values())}", faults)
    words: str = made.standing().words
    return words


def _of_the_whole(error: ValidationError, model: type[AutomationSettings]) -> dict[str, str]:
    """Return faults of several settings together, by the one that their text begins with."""
    texts = [str(one["msg"]).removeprefix("Value error, ") for one in error.errors() if not one["loc"]]
    named = {text.partition(":")[0].partition(" ")[0]: text for text in texts}
    return {f"settings.{name if name in model.model_fields else 'settings'}": text for name, text in named.items()}


class Removal(Changing):
    """Which one."""

    name: str = Field(min_length=1, max_length=60, description="of the automation; see `automations`")


async def remove(inside: Inside, asked: Asked, given: Removal) -> Exchanged:
    """Take an automation away, with what it remembers."""
    _, entry = _found(given.name, await _wanted(inside))
    settings_now = masked(entry.get("settings", {}))  # of the files: a change of them may not be taken up yet
    arguments = {"name": given.name, "tentacle": entry["tentacle"], "settings": settings_now}
    undo = Undo(verb="automation.add", arguments=arguments)
    return await _rewritten(inside, asked, given, f"automation {given.name} removed", [], given.name, undo)


async def _wanted(inside: Inside) -> list[tuple[str, dict[str, Any]]]:
    """Return name and entry of every automation that the files want, in their order."""
    config = (await asyncio.to_thread(recipe_now, inside.home)).config
    return [(one.get("name") or one["tentacle"], one) for one in config.get(SECTION, ())]


def _found(name: str, known: Sequence[tuple[str, T]]) -> tuple[int, T]:
    """Return place and entry of an automation. NotFound when there is none of that name."""
    for place, (one, item) in enumerate(known):
        if one == name:
            return place, item
    names = [one for one, _ in known]
    raise NotFound(
        f'there is no automation "{name}"{did_you_mean(name, names)}; there are {", ".join(names) or "none"}'
    )


async def _rewritten(
    inside: Inside, asked: Asked, given: Changing, what: str, added: list[dict[str, Any]], without: str, undo: Undo
) -> Exchanged:
    write = partial(_write, inside, added, without)
    why = because(what, given)
    _, swap = await inside.swap_of_files(write, by=asked.actor.name, why=why, patience_s=given.patience_s)
    return exchanged(swap, undo=undo, before=what)


def _write(inside: Inside, added: list[dict[str, Any]], without: str) -> None:
    now = recipe_now(inside.home)
    config = copy.deepcopy(now.config)
    kept = [one for one in config.get(SECTION, ()) if (one.get("name") or one["tentacle"]) != without]
    config[SECTION] = [*kept, *added]
    undo_settings(inside.home, now, Recipe(config, now.registry))


class Switching(Changing):
    """Which one, and how."""

    name: str = Field(min_length=1, max_length=60, description="of the automation; see `automations`")
    on: bool = Field(description="true: on, false: off")


async def switch(inside: Inside, asked: Asked, given: Switching) -> SettingsChanged:
    """Let one act, or not; it goes on seeing, so what happens meanwhile does not fire later."""
    place, entry = _found(given.name, await _wanted(inside))
    why = because(f"automation {given.name} {'on' if given.on else 'off'}", given)
    change = SettingsChange(
        name=f"automation/{entry['tentacle']}",
        place=f"{SECTION}.{place}",
        values={"enabled": given.on},
        why=why,
        patience_s=given.patience_s,
    )
    return await settings(inside, asked, change)


async def run(inside: Inside, asked: Asked, given: OfAutomation) -> Done:
    """Do now what an automation does, whatever its trigger, conditions and limits say."""
    _found(given.name, placed(inside))
    automaton = inside.edges.made(SECTION).get(given.name)
    if not isinstance(automaton, Automaton):
        raise NotFound(f'"{given.name}" is not at work: switch its tentacle on first')
    done = await automaton.run_now(asked.actor, asked.id or str(time_ns()))
    said = "; ".join(f"{'' if act.is_done else 'not done: '}{act.text}" for act in done.done)
    return Done(is_done=all(act.is_done for act in done.done), message=said, seq=done.done[0].seq if done.done else 0)


OFFERS: tuple[Offer, ...] = (
    looking("automations", "what happens by itself: when, what, and what it did", Arguments, Automations, automations),
    changing("automation.add", "place an automation", Role.ADMIN, NewAutomation, Placed, add),
    changing(
        "automation.remove", "take an automation away", Role.ADMIN, Removal, Exchanged, remove,
        confirm="Take this automation away?",
    ),
    changing("automation.switch", "let an automation act, or not", Role.ADMIN, Switching, SettingsChanged, switch),
    changing(
        "automation.run", "do now what an automation does, as a test", Role.TRADE, OfAutomation, Done, run,
        confirm="Do now what this automation does?",
    ),
)  # fmt: skip
