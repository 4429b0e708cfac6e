"""What is wrong with the settings that belong to tentacles, and what only the whole configuration shows, told as every
other fault of the configuration is: file and line, full key, value, what was expected, all of it at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loligo.config.layers import KeyPath, Setting, dotted
from loligo.config.load import CONFIG_FILE, fault_line, faults_of, read_settings
from loligo.config.schema import LoligoConfig
from loligo.errors import ConfigError, TentacleError
from loligo.host import Host, bundled_root
from loligo.model.instrument import InstrumentKind
from loligo.registry.faults import did_you_mean
from loligo_automation import AutomationSettings
from loligo_bot.experiment_config import check_experiments
from loligo_notify import CourierSettings


def check_tentacle_settings(
    home: Path, config: LoligoConfig, host: Host, *, file: Path | None = None, settings: Setting | None = None
) -> None:
    """ConfigError lists every fault. A tentacle that is missing or off is for whoever needs it to say.

    `settings` is what `config` was made of where that is not the home's file, nor this one.
    """
    settings = settings or read_settings(home, bundled_root=bundled_root(), file=file)
    faults = [*_unknown_money(config, settings)]
    outboxes: dict[str, KeyPath] = {}
    for path, kind, name, given in sections(config):
        try:
            loaded = host.factory(kind, name)
        except TentacleError:
            continue
        # What the registry sets counts as well, but is judged where it stands.
        found = faults_of(loaded.factory.settings, {**loaded.entry.settings, **given}, path, settings)
        places = tuple(f": {'.'.join(map(str, (*path, key)))}" for key in given)
        faults += [f"{fault} ({kind} {name})" for fault in found if any(place in fault for place in places)]
        if not found and issubclass(model := loaded.factory.settings, AutomationSettings | CourierSettings):
            judged = model.model_validate({**loaded.entry.settings, **given})
            beyond = _beyond(config, judged, path, outboxes)
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


def _beyond(
    config: LoligoConfig, judged: AutomationSettings | CourierSettings, path: KeyPath, outboxes: dict[str, KeyPath]
) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield what only the other sections show: where, the value, and what is wrong with it."""
    if isinstance(judged, CourierSettings):
        yield from _taken(judged, path, outboxes)
    elif judged.enabled:
        yield from not_there(config, judged, path)


def _taken(judged: CourierSettings, path: KeyPath, outboxes: dict[str, KeyPath]) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where a notifier has the outbox of an earlier one; `outboxes` are those before, by name."""
    for name, way in judged.outboxes().items():
        place = (*path, *way)
        first = outboxes.setdefault(name, place)
        if first != place:
            said = f"expected a name of its own, {dotted(first)} is the same and only one of the two would be told"
            yield place, name.rpartition("/")[2], f"{said}; give one of them another"


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
