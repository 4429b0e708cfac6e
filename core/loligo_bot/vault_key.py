"""Which settings a vault can keep: those of tentacles beside the engine, as far as they are texts.

All else is read while the vault is locked, by every command and every job: a journal's address or a desk's capital that
only the running bot knows would make their answers wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loligo.config import LoligoConfig, check_settings
from loligo.config.layers import WEB, KeyPath, Setting, dotted, spelt_as
from loligo.config.load import CONFIG_FILE, PROFILES, faults_of
from loligo.errors import ConfigError, TentacleError
from loligo.host import Host, bundled_root
from loligo.log import register_secret
from loligo.registry.faults import did_you_mean
from loligo.registry.registry_file import load_registry
from loligo_bot.folder_config import PARTS
from loligo_bot.folder_settings import folder_settings
from loligo_bot.settings_check import sections
from loligo_bot.vault import ORIGIN, entry_for
from loligo_kit.lock import admission

LISTS = {"interfaces": "interface", "notifiers": "notifier", "feeds": "feed", "automations": "automation"}
VENUES, FILLS = "venues", "fills"
EXAMPLE = "interfaces.telegram.token"


@dataclass(frozen=True, slots=True)
class Place:
    """A setting that the vault can keep."""

    name: str  # its dotted key, what stands in a list by its name
    path: KeyPath
    above: str = ""  # where it is set, too, so that the vault's value does not count
    beneath: str = ""  # where it stands in the clear


def place_of(home: Path, key: str) -> Place:
    """Return the place of a key. ConfigError says what is wrong with it."""
    parts = ("interfaces", *key.split(".")) if key.partition(".")[0] == WEB else tuple(key.split("."))
    if parts[0] not in (*LISTS, VENUES):
        listed = f"expected a setting of a tentacle, such as {EXAMPLE}{did_you_mean(parts[0], [*LISTS, VENUES])}"
        raise ConfigError(
            f'"{key}": {listed}; all else is read while the vault is locked, too: a secret there belongs into .env'
        )
    settings = folder_settings(home)
    known = _names(home, settings, parts[0])
    name = parts[1] if len(parts) > 1 else ""
    if name not in known and not (name.isdigit() and parts[0] in LISTS):
        expected = did_you_mean(name, known) or f"; expected one of {', '.join(known) or 'none, for there are none'}"
        raise ConfigError(f'"{key}": there is no "{name}" in {parts[0]}{expected}')
    if parts[0] in LISTS and PROFILES.as_posix() in (origin := settings.origin_of((parts[0],))):
        raise ConfigError(f'"{key}": {parts[0]} stands in the profile ({origin}); name them in {CONFIG_FILE} instead')
    path = spelt_as(parts, settings, f'"{key}"')
    depth = 3
    if len(path) <= depth or (parts[0] == VENUES and path[2] != FILLS):
        example = EXAMPLE if parts[0] in LISTS else f"{VENUES}.{name}.{FILLS}.api_key"
        raise ConfigError(f'"{key}": expected the key of a single setting, such as {example}')
    origin = settings.origin_of(path) if settings.at(path) is not None else ORIGIN
    is_above = origin.startswith((".env", "environment variable"))
    beneath = "" if is_above or origin == ORIGIN else origin
    return Place(_named(settings, path), path, origin if is_above else "", beneath)


def check_value(home: Path, place: Place, value: str) -> None:
    """ConfigError when the tentacle does not take this value, or none can stand in for it while the vault is locked."""
    register_secret(value)
    said = _refusal(home, place, value)
    if said:
        raise ConfigError(f"{place.name}: {said}")
    said = _refusal(home, place, entry_for(place.name, value).stand_in)
    if said:
        reason = f"while it is locked a text stands in its place, and the tentacle wants more of it ({said})"
        raise ConfigError(f"{place.name}: the vault cannot keep it: {reason}; put it into .env")


def _refusal(home: Path, place: Place, value: str) -> str:
    """Return what the tentacle has to say against a value."""
    settings = folder_settings(home)
    spelt_as(place.name.split("."), settings, place.name)  # adds an interface that is not there yet
    settings.place(place.path, Setting(value, ORIGIN))
    config = check_settings(settings, parts=PARTS, where="with this value")
    path, kind, name, given = _section(config, place)
    host = Host(home, bundled_root(), admission(home))
    registry = load_registry(host.registry_path)
    entries = [one.model_copy(update={"enabled": True}) for one in registry.tentacles if one.slot == f"{kind} {name}"]
    host.load_all(registry=registry.model_copy(update={"tentacles": entries}))  # one that is off is judged, too
    try:
        loaded = host.factory(kind, name)
    except TentacleError as exc:
        return str(exc)
    found = faults_of(loaded.factory.settings, {**loaded.entry.settings, **given}, path, settings)
    start = f"{ORIGIN}: {dotted(place.path)}"
    return "; ".join(one.removeprefix(start).lstrip(":= ") for one in found if one.startswith(start))


def _section(config: LoligoConfig, place: Place) -> tuple[KeyPath, str, str, dict[str, Any]]:
    found = [one for one in sections(config) if one[0] == place.path[: len(one[0])]]
    if not found:
        raise ConfigError(f"{place.name}: no tentacle has settings there; see `loligo config get {place.name}`")
    return found[0]


def _names(home: Path, settings: Setting, section: str) -> list[str]:
    """Return what a section has by name; interfaces that could be added as well."""
    found = settings.at((section,))
    if section == VENUES:
        return list(found.plain() or ()) if found is not None else []
    entries: Sequence[Any] = (found.plain() or ()) if found is not None else ()
    named = [str(one.get("name") or one.get("tentacle", "")) for one in entries if isinstance(one, dict)]
    if section != "interfaces":
        return named
    registry = load_registry(Host(home, bundled_root()).registry_path)
    return list(dict.fromkeys([*named, *(one.name for one in registry.tentacles if one.kind == LISTS[section])]))


def _named(settings: Setting, path: KeyPath) -> str:
    """Return a path as a key in which the entry of a list stands by its name, where that is its own."""
    section, place, *rest = path
    entries = settings.at((section,))
    if section == VENUES or entries is None or rest[:1] != ["settings"]:
        return dotted(path)
    names = [str(one.get("name") or one.get("tentacle", "")) for one in entries.plain()]
    name = names[int(place)]
    return dotted((section, name, *rest[1:])) if names.count(name) == 1 else dotted(path)
