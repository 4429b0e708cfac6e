"""Which edges a generation has: a plan for each feed, notifier, interface and automation that the configuration names.

Plans with equal `place` and `key` are the same code with the same settings, so what runs there can stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from loligo.config import LoligoConfig, TentacleConfig
from loligo.errors import TentacleOff
from loligo.host import Host
from loligo.model.command import SlotVersion
from loligo.ports.door import Door
from loligo.ports.tentacles import MakeContext
from loligo.registry.registry_file import Registry
from loligo.runtime.clock import SystemClock
from loligo_bot.automata.automaton import automaton_of
from loligo_bot.automata.book import book_of
from loligo_bot.plan import settings_hash

FEED, NOTIFIER, INTERFACE, AUTOMATION = "feed", "notifier", "interface", "automation"
EXPERIMENT = "experiment"  # beside the engine, too: it is judged from the journal
KINDS = {"feeds": FEED, "notifiers": NOTIFIER, "interfaces": INTERFACE, "automations": AUTOMATION}  # by section


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePlan:
    """One tentacle of the edge in its place."""

    place: str  # section and name, such as "feeds/replay", in slots, log and status
    name: str  # of a feed: by which the journal knows how far it was read
    kind: str
    key: str  # code and settings
    make: Callable[[], Any] = field(compare=False)  # TentacleError when it raises


def edge_plans(
    config: LoligoConfig,
    host: Host,
    home: str,
    overrides: Mapping[str, Any] | None = None,
    kinds: Collection[str] = tuple(KINDS.values()),
    door: Door | None = None,
) -> list[EdgePlan]:
    """Return what is on, section by section in the order of the configuration; `overrides` apply to settings of feeds
    that have them, the door is for interfaces. TentacleError or ConfigError says what cannot be."""
    plans = []
    for section, name, item in _items(config):
        kind = KINDS[section]
        if kind not in kinds:
            continue
        try:
            loaded = host.factory(kind, item.tentacle)
        except TentacleOff:
            continue
        known = loaded.factory.settings.model_fields
        over = {key: value for key, value in (overrides or {}).items() if kind == FEED and key in known}
        settings = loaded.make_settings({**item.settings, **over}, where=f"{section}.{name}.settings")
        make = partial(loaded.create, settings, MakeContext(home=home, door=door if kind == INTERFACE else None))
        if kind == AUTOMATION:
            make = partial(
                automaton_of, make, settings, name=name, slot=loaded.entry.slot, book=partial(book_of, home, name),
                door=door, registry=host.registry_path, clock=SystemClock(),
            )  # fmt: skip
        plans.append(
            EdgePlan(
                place=f"{section}/{name}",
                name=name,
                kind=kind,
                key=f"{loaded.tree_hash}#{settings_hash(settings.model_dump(mode='json'))}",
                make=make,
            )
        )
    return plans


def is_of_edges(slot: SlotVersion) -> bool:
    """Say whether a slot is the code or the settings of an edge, with which the engine has nothing to do."""
    return slot.tentacle.partition("/")[0] in (*KINDS, *KINDS.values(), EXPERIMENT)


def edge_slots(config: LoligoConfig, registry: Registry) -> tuple[SlotVersion, ...]:
    """Return the settings of every edge, as slots of a generation; its code is a slot like that of any tentacle."""
    return (*_slots(config, registry), *(_experiment_slot(*item) for item in sorted(config.experiments.items())))


def _experiment_slot(name: str, section: Mapping[str, Any]) -> SlotVersion:
    return SlotVersion(f"{EXPERIMENT}/{name}", "", settings_hash(section))


def _slots(config: LoligoConfig, registry: Registry) -> tuple[SlotVersion, ...]:
    basis = {entry.slot: entry.settings for entry in registry.tentacles}
    return tuple(
        SlotVersion(
            f"{section}/{name}",
            "",
            settings_hash({**basis.get(f"{KINDS[section]} {item.tentacle}", {}), **item.settings}),
        )
        for section, name, item in sorted(_items(config), key=lambda found: found[:2])
    )


def _items(config: LoligoConfig) -> Iterator[tuple[str, str, TentacleConfig]]:
    """Yield section, name and entry; entries of one tentacle without a name are numbered from the second on."""
    for section in KINDS:
        seen: dict[str, int] = {}
        for item in getattr(config, section):
            name = getattr(item, "name", None) or item.tentacle
            seen[name] = count = seen.get(name, 0) + 1
            yield section, name if count == 1 else f"{name}#{count}", item
