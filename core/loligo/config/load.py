"""Reads a bot's configuration: defaults, then the profile, the file, the environment, the command line.

What must hold: whatever is wrong is found before anything runs, all of it at once, each fault with the place where it
was set, its full key, its value, and what was expected.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from loligo.config.layers import (
    KeyPath,
    Layer,
    dotted,
    merged,
    origin_of,
    read_dotenv,
    read_environment,
    read_overrides,
    read_yaml,
    tree_of,
)
from loligo.config.schema import LoligoConfig
from loligo.errors import ConfigError
from loligo.log import MASK, is_secret_name
from loligo.registry.faults import did_you_mean

CONFIG_FILE = Path("config/loligo.yaml")
PROFILES = Path("config/profiles")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def load_config(
    home: Path,
    *,
    bundled_root: Path,
    file: Path | None = None,
    overrides: Mapping[str, Any] = _NOTHING,
    parts: Mapping[str, type[BaseModel]] = _NOTHING,
    environ: Mapping[str, str] | None = None,
) -> LoligoConfig:
    """Return the configuration of the bot in `home`. ConfigError lists everything that is wrong with it.

    `file` replaces HOME/config/loligo.yaml. `overrides` are values of the command line by dotted key. `parts` gives
    the classes of the sections that belong to other parts, such as {"journal": ...}.
    """
    settings = read_settings(home, bundled_root=bundled_root, file=file, overrides=overrides, environ=environ)
    return check_settings(settings, parts=parts, where=str(file or home / CONFIG_FILE))


def read_settings(
    home: Path,
    *,
    bundled_root: Path,
    file: Path | None = None,
    overrides: Mapping[str, Any] = _NOTHING,
    environ: Mapping[str, str] | None = None,
) -> Layer:
    """Return everything that was set, unchecked, each value with where that was."""
    file = file or home / CONFIG_FILE
    if not file.exists():
        raise ConfigError(f"{file}: no such file; `loligo init {home}` writes one")
    own = read_yaml(file, _label(file, home))
    above = _above(home, os.environ if environ is None else environ, overrides, own)
    chosen = merged([own, *above]).get(("bot", "profile"))
    if chosen is None or chosen.value is None:
        return merged([own, *above])
    beneath = [_profile(str(chosen.value), chosen.origin, home, bundled_root), own]
    return merged([*beneath, *above])


def check_settings(
    settings: Layer, *, parts: Mapping[str, type[BaseModel]] = _NOTHING, where: str = "configuration"
) -> LoligoConfig:
    """Return what was set as configuration. ConfigError lists everything that is wrong with it."""
    tree = tree_of(settings)
    faults = _faults(LoligoConfig, tree, (), settings)
    faults += _unknown_names(tree, settings)
    for pattern, model in parts.items():
        for path, part in _matches(tree, pattern.split("."), ()):
            faults += _faults(model, part, path, settings)
    if faults:
        count = "1 problem" if len(faults) == 1 else f"{len(faults)} problems"
        raise ConfigError("\n".join([f"{where}: {count}", *(f"  {fault}" for fault in faults)]))
    return LoligoConfig.model_validate(tree)


def _above(home: Path, environ: Mapping[str, str], overrides: Mapping[str, Any], own: Layer) -> list[Layer]:
    """Return the layers that stand above the file: .env, the environment, the command line."""
    dotenv = {name: text for name, text in read_dotenv(home / ".env").items() if name not in environ}
    return [
        read_environment(dotenv, own, label=".env"),
        read_environment(environ, own, label="environment variable"),
        read_overrides(overrides, own),
    ]


def _profile(name: str, origin: str, home: Path, bundled_root: Path) -> Layer:
    paths = [root / PROFILES / f"{name}.yaml" for root in (home, bundled_root)]
    for path in paths:
        if path.exists():
            return read_yaml(path, _label(path, home))
    known = sorted({found.stem for path in paths for found in path.parent.glob("*.yaml")})
    hint = did_you_mean(name, known)
    raise ConfigError(f'{origin}: bot.profile = "{name}": expected one of {", ".join(known) or "none"}{hint}')


def _label(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _faults(model: type[BaseModel], tree: Any, prefix: KeyPath, settings: Layer) -> list[str]:
    """Return what `model` has to say against a tree that stands at `prefix`, one line each."""
    try:
        model.model_validate(tree)
    except ValidationError as exc:
        return [
            _fault((*prefix, *_own_path(error["loc"])), _expectation(error, model), error["input"], settings)
            for error in exc.errors(include_url=False)
        ]
    return []


def _fault(path: KeyPath, expectation: str, value: Any, settings: Layer) -> str:
    shown = "" if isinstance(value, dict) else f" = {_shown(path, value)}"
    return f"{origin_of(settings, path)}: {dotted(path)}{shown}: {expectation}"


def _shown(path: KeyPath, value: Any) -> str:
    return MASK if is_secret_name(str(path[-1])) else f'"{value}"' if isinstance(value, str) else repr(value)


def _own_path(loc: tuple[int | str, ...]) -> KeyPath:
    return tuple(part for part in loc if part != "[key]")


def _expectation(error: Any, model: type[BaseModel]) -> str:
    loc = error["loc"]
    if error["type"] == "extra_forbidden":
        known = _keys_at(model, loc[:-1])
        return "unknown key" + (did_you_mean(str(loc[-1]), known) or f"; expected one of {', '.join(known)}")
    if error["type"] == "missing":
        return "missing; it has no default"
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"expected {text.removeprefix('Input should be ')}" if text.startswith("Input should be ") else text


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the class at a place below `model` has; mappings and lists are looked through."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def _matches(node: Any, pattern: list[str], path: KeyPath) -> list[tuple[KeyPath, Any]]:
    """Return the parts of a tree at a pattern such as venues.*.fills."""
    if not pattern:
        return [(path, node)] if node is not None else []
    if not isinstance(node, dict):
        return []
    keys = list(node) if pattern[0] == "*" else [key for key in pattern[:1] if key in node]
    return [match for key in keys for match in _matches(node[key], pattern[1:], (*path, key))]


def _unknown_names(tree: dict[str, Any], settings: Layer) -> list[str]:
    """Return a fault for every venue, account and instrument of a desk that no other section has.

    Looks at plain values, so that it can be told together with the faults of the classes.
    """
    faults: list[str] = []
    for path, desk in _matches(tree, ["desks", "*"], ()):
        desk = desk if isinstance(desk, dict) else {}
        symbols = desk.get("instruments")
        wanted = [("venue", desk.get("venue"), ["venues"]), ("account", desk.get("account"), ["accounts"])]
        for symbol in symbols if isinstance(symbols, list) else ():
            wanted.append(("instruments", symbol, ["venues", str(desk.get("venue")), "instruments"]))
        for key, name, place in wanted:
            known = [found[-1] for found, _entry in _matches(tree, [*place, "*"], ())]
            if isinstance(name, str) and name not in known and (known or len(place) == 1):
                listed = ", ".join(map(str, known)) or "nothing"
                expectation = f"not in {'.'.join(place)}, which has {listed}{did_you_mean(name, map(str, known))}"
                faults.append(_fault((*path, key), expectation, name, settings))
    return faults
