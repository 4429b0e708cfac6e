"""What is wrong with the settings that belong to tentacles, and what only the whole configuration shows, told as every
other fault of the configuration is: file and line, full key, value, what was expected, all of it at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loligo.config.layers import KeyPath, Setting, dotted
from loligo.config.load import CONFIG_FILE, fault_line, faults_of
from loligo.config.schema import LoligoConfig
from loligo.errors import ConfigError, TentacleError
from loligo.host import Host
from loligo.model.instrument import InstrumentKind
from loligo.registry.faults import did_you_mean
from loligo_automation import AutomationSettings
from loligo_bot.experiment_config import check_experiments
from loligo_bot.folder_settings import folder_settings
from loligo_chat import ChatSettings
from loligo_notify import CourierSettings


def check_tentacle_settings(
    home: Path, config: LoligoConfig, host: Host, *, file: Path | None = None, settings: Setting | None = None
) -> None:
    """ConfigError lists every fault. A tentacle that is missing or off is for whoever needs it to say.

    `settings` is what `config` was made of where that is not the home's file, nor this one.
    """
    settings = settings or folder_settings(home, file=file)
    faults = [*_unknown_money(config, settings)]
    others = _Others()
    for path, kind, name, given in sections(config):
        try:
            loaded = host.factory(kind, name)
        except TentacleError:
            continue
        # What the registry sets counts as well; alone it was judged where it stands, when the tentacle was loaded.
        found = faults_of(loaded.factory.settings, {**loaded.entry.settings, **given}, path, settings)
        faults += [f"{fault} ({kind} {name})" for fault in found]
        if not found and issubclass(model := loaded.factory.settings, AutomationSettings | CourierSettings):
            judged = model.model_validate({**loaded.entry.settings, **given})
            beyond = _beyond(config, judged, path, others)
            faults += [f"{fault_line(at, said, value, settings)} ({kind} {name})" for at, value, said in beyond]
    if faults:
        count = "1 problem" if len(faults) == 1 else f"{len(faults)} problems"
        where = file or home / CONFIG_FILE
        raise ConfigError("\n".join([f"{where}: {count}", *(f"  {fault}" for fault in faults)]))
    check_experiments(config)


def sections(config: LoligoConfig) -> Iterator[tuple[KeyPath, str, str, dict[str, Any]]]:
    """Yield where settings of tentacles stand, whose they are, and what is given there."""
    for name, venue in config.venues.items():
        yield ("venues", name, "fills"), "venue", venue.kind, venue.fills
    for name, desk in config.desks.items():
        path: KeyPath = ("desks", name)
        yield (*path, "strategy", "settings"), "strategy", desk.strategy.tentacle, desk.strategy.settings
        yield (*path, "mode", "settings"), "trading_mode", desk.mode.tentacle, desk.mode.settings
        for place, item in enumerate(desk.evaluators):
            yield (*path, "evaluators", place, "settings"), "evaluator", item.tentacle, item.settings
    for section, kind in _EDGES.items():
        for place, edge in enumerate(getattr(config, section)):
            yield (section, place, "settings"), kind, edge.tentacle, edge.settings


def tentacle_at(config: Mapping[str, Any], way: Sequence[str]) -> str:
    """Return KIND/NAME whose setting stands at a way of a configuration, "" where none does."""
    is_of_desk = way[0] == "desks" and len(way) > 2
    kind, depth = _OF_DESK.get(way[2], ("", 0)) if is_of_desk else (_BESIDE.get(way[0], ""), 2)
    if not kind or way[depth : depth + 1] not in (("settings",), ("fills",)):
        return ""
    node: Any = config
    for part in way[:depth]:
        is_list = isinstance(node, list)
        node = dict(enumerate(node)).get(int(part), {}) if is_list else node.get(part, {})
    name = node.get("kind" if kind == "venue" else "tentacle", "")
    return f"{kind}/{name}" if name else ""


@dataclass(frozen=True, slots=True)
class _Others:
    """Notifiers and chats that were judged before: where their outboxes are, and who has which account."""

    outboxes: dict[str, KeyPath] = field(default_factory=dict)
    accounts: dict[tuple[type, str], tuple[KeyPath, ChatSettings]] = field(default_factory=dict)


def _beyond(
    config: LoligoConfig, judged: AutomationSettings | CourierSettings, path: KeyPath, others: _Others
) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield what only the other sections show: where, the value, and what is wrong with it."""
    if isinstance(judged, CourierSettings):
        yield from _taken(judged, path, others.outboxes)
        if isinstance(judged, ChatSettings) and judged.account():
            yield from _unread(judged, path, others)
    elif judged.enabled:
        yield from not_there(config, judged, path)


def _taken(judged: CourierSettings, path: KeyPath, outboxes: dict[str, KeyPath]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where a notifier or chat has the outbox of an earlier one; `outboxes` are those before, by name."""
    for name, way in judged.outboxes().items():
        place = (*path, *way)
        first = outboxes.setdefault(name, place)
        if first != place:
            if way[-1] == "name":
                said = f"expected a name of its own, {dotted(first)} is the same and only one of the two would be told"
                mend = "give one of them another"
            else:
                said = f"expected once with one token, {dotted(first)} has it and only one of the two would be told"
                mend = "keep one of them"
            yield place, name.rpartition("/")[2], f"{said}; {mend}"


def _unread(judged: ChatSettings, path: KeyPath, others: _Others) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where a chat has the account of an earlier one and either lets somebody ask: only one of the two reads."""
    at, first = others.accounts.setdefault((type(judged), judged.account()), (path, judged))
    if at != path and (judged.allowed or first.allowed):
        said = f"expected one entry with one token, {dotted(at)} has it and only one of the two reads what is asked"
        yield (*path, "allowed"), ", ".join(judged.allowed) or "nobody", f"{said}; put chats and people into one"


def not_there(config: LoligoConfig, settings: AutomationSettings, path: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where an automation names a desk or a market that there is not, that name, and what was expected: what
    watches nothing never fires."""
    instruments = [f"{venue}:{symbol}" for venue, one in config.venues.items() for symbol in one.instruments]
    desks = [*config.desks, *(f"account:{name}" for name in config.accounts), "*"]
    known = {"desk": desks, "instrument": instruments}
    for place, value in _leaves(settings.model_dump(mode="json"), path):
        expected = known.get(str(place[-1]))
        if expected and value and value not in expected and "arguments" not in place:
            meant = did_you_mean(str(value), expected) or f"; expected one of {', '.join(expected)}"
            yield place, str(value)[:60], f"the bot has none of that name{meant}"


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def used_at(config: LoligoConfig, slot: str) -> list[str]:
    """Return the places of a configuration that use the tentacle of this kind and name."""
    kind, _, name = slot.partition(" ")
    places = [".".join(map(str, path[:-1])) for path, *of, _ in sections(config) if of == [kind, name]]
    rules = [f"desks.{desk}.risk_rules" for desk, one in config.desks.items() if name in one.risk_rules]
    return [*places, *(rules if kind == "risk_rule" else ())]


_EDGES = {"feeds": "feed", "notifiers": "notifier", "interfaces": "interface", "automations": "automation"}
_BESIDE = {**_EDGES, "venues": "venue"}
_OF_DESK = {
    "evaluators": ("evaluator", 4),
    "strategy": ("strategy", 3),
    "mode": ("trading_mode", 3),
}  # how deep it stands
KINDS_AT = {**_BESIDE, **{section: kind for section, (kind, _) in _OF_DESK.items()}}  # of what sections name


def _unknown_money(config: LoligoConfig, settings: Setting) -> Iterator[str]:
    """Yield what is wrong about fees and capital."""
    for name, venue in config.venues.items():
        for symbol, terms in venue.instruments.items():
            if terms.kind is InstrumentKind.PERPETUAL and terms.fee_in == "base":
                path: KeyPath = ("venues", name, "instruments", symbol, "fee_in")
                yield fault_line(path, "expected quote: a perpetual settles in the quote asset", "base", settings)
    for name, desk in config.desks.items():
        if not desk.capital and not desk.balances:
            path = ("desks", name, "capital")
            yield fault_line(path, "expected more than 0, or balances: a desk needs money", 0, settings)
        account = config.accounts.get(desk.account)
        if account is not None and account.reference in desk.balances:
            path, given = ("desks", name, "balances", account.reference), str(desk.balances[account.reference])
            yield fault_line(path, "expected other assets; of the reference it gets its capital", given, settings)
