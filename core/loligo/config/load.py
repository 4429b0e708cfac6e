"""Reads a bot's configuration: defaults, then the profile, the file, a vault, the environment, the command line.

What must hold: whatever is wrong is found before anything runs, all of it at once, each fault with the place where it
was set, its full key, its value, and what was expected.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError

from loligo.config import layers
from loligo.config.layers import KeyPath, Setting, dotted
from loligo.config.schema import LoligoConfig
from loligo.errors import ConfigError
from loligo.log import masked
from loligo.registry.faults import did_you_mean

CONFIG_FILE = Path("config/loligo.yaml")
PROFILES = Path("config/profiles")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def read_settings(
    home: Path,
    *,
    bundled_root: Path,
    file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    kept: Mapping[str, str] = _NOTHING,
) -> Setting:
    """Return everything that was set, unchecked, each value with where that was.

    `file` replaces HOME/config/loligo.yaml; `kept` are secrets of a vault by their dotted keys.
    """
    file = file or home / CONFIG_FILE
    if not file.exists():
        raise ConfigError(f"{file}: no such file; `loligo init {home}` writes one")
    dotenv = {name: text for name, text in layers.read_dotenv(home / ".env").items() if name not in environ}
    settings = layers.read_yaml(file, _label(file, home))
    layers.lay_kept(kept, settings, label="vault")
    layers.lay_environment(dotenv, settings, label=".env")
    layers.lay_environment(environ, settings, label="environment variable")
    if (chosen := settings.at(("bot", "profile"))) is not None and chosen.value is not None:
        settings = _profile(str(chosen.value), chosen.origin, home, bundled_root).under(settings)
    layers.spread_every(settings)
    return settings


def check_settings(
    settings: Setting, *, parts: Mapping[str, type[BaseModel]] = _NOTHING, where: str = "configuration"
) -> LoligoConfig:
    """Return what was set as configuration. ConfigError lists everything that is wrong with it.

    `parts` gives the classes of sections that belong to other parts, such as {"journal": ...}.
    """
    tree = settings.plain()
    faults = faults_of(LoligoConfig, tree, (), settings) + _unknown_names(settings)
    for section, model in parts.items():
        faults += faults_of(model, tree.get(section) or {}, (section,), settings)
    if faults:
        count = "1 problem" if len(faults) == 1 else f"{len(faults)} problems"
        raise ConfigError("\n".join([f"{where}: {count}", *(f"  {fault}" for fault in faults)]))
    return LoligoConfig.model_validate(tree)


def _profile(name: str, origin: str, home: Path, bundled_root: Path) -> Setting:
    """Return the layer of a profile, the home's own before a bundled one."""
    found = {path.stem: path for root in (bundled_root, home) for path in sorted((root / PROFILES).glob("*.yaml"))}
    if name in found:
        return layers.read_yaml(found[name], _label(found[name], home))
    expected = f"expected one of {', '.join(sorted(found)) or 'none'}{did_you_mean(name, sorted(found))}"
    raise ConfigError(f'{origin}: bot.profile = "{name}": {expected}')


def _label(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def faults_of(model: type[BaseModel], tree: Any, prefix: KeyPath, settings: Setting) -> list[str]:
    """Return what `model` has to say against a tree that stands at `prefix`, one line each."""
    faults: list[str] = []
    try:
        model.model_validate(tree)
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            path = (*prefix, *(part for part in error["loc"] if part != "[key]"))
            faults.append(fault_line(path, _expectation(error, model), error["input"], settings))
    return faults


def fault_line(path: KeyPath, expectation: str, value: Any, settings: Setting) -> str:
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    shown = "" if isinstance(value, dict) else f" = {masked(text, str(path[-1]))}"
    return f"{settings.origin_of(path)}: {dotted(path)}{shown}: {masked(expectation)}"


def _expectation(error: Any, model: type[BaseModel]) -> str:
    loc = error["loc"]
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _keys_at(model, loc[:-1])
        return "unknown key" + (did_you_mean(str(loc[-1]), known) or f"; expected one of {', '.join(known)}")
    if error["type"] == "missing":
        return "missing; it has no default"
    text = str(error["msg"]).removeprefix("Value error, ").replace("a valid tuple", "a list")
    return f"expected {text.removeprefix('Input should be ')}" if text.startswith("Input should be ") else text


def _keys_at(model: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the class at a place below `model` has; mappings and lists are looked through."""
    for part in loc:
        if part in _fields_of(model):
            model = _class_in(get_type_hints(model)[str(part)]) or model
    return _fields_of(model)


def _fields_of(kind: Any) -> list[str]:
    return list(getattr(kind, "model_fields", getattr(kind, "__dataclass_fields__", ())))


def _class_in(annotation: Any) -> Any:
    """Return the class with fields in a type such as `dict[str, DeskConfig]`."""
    return annotation if _fields_of(annotation) else next(filter(None, map(_class_in, get_args(annotation))), None)


def _unknown_names(settings: Setting) -> list[str]:
    """Return a fault for every venue, account and instrument of a desk that no other section has.

    Looks at what was set, so that it can be told together with the faults of the classes.
    """
    faults: list[str] = []
    for desk in _names(settings, ("desks",)):
        path: KeyPath = ("desks", desk)
        venue = next(iter(_names(settings, (*path, "venue"))), "")
        instruments = ("venues", venue, "instruments")
        for key, place in (("venue", ("venues",)), ("account", ("accounts",)), ("instruments", instruments)):
            known = _names(settings, place)
            for name in _names(settings, (*path, key)):
                if name not in known and (known or place != instruments):
                    listed = ", ".join(known) or "nothing"
                    expectation = f"not in {dotted(place)}, which has {listed}{did_you_mean(name, known)}"
                    faults.append(fault_line((*path, key), expectation, name, settings))
    return faults


def _names(settings: Setting, path: KeyPath) -> list[str]:
    """Return the names at a path: the keys of a mapping, what a list holds, or a single one."""
    found = settings.at(path)
    value = None if found is None else found.plain()
    return [name for name in (value if isinstance(value, dict | list) else [value]) if isinstance(name, str)]
