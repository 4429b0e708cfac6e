"""Profiles of a bot folder: layers of settings in `config/profiles/NAME.yaml`, beneath the file that a person keeps.

In and out they travel as one file. What must hold: no file that leaves or comes in holds a secret; one that comes in is
judged with the whole configuration by the loader's own rules before anything is written; names lead nowhere else.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from loligo.config import LoligoConfig
from loligo.config.layers import EVERY, NAMED_SECTIONS, PREFIX, KeyPath, Setting, dotted, read_yaml
from loligo.config.load import PROFILES, check_settings, faults_of
from loligo.errors import ConfigError, NotFound
from loligo.host import bundled_root
from loligo.log import is_secret_name, masked
from loligo.registry.durable import write_file
from loligo.registry.faults import did_you_mean
from loligo_bot.folder_config import PARTS
from loligo_bot.folder_settings import folder_settings
from loligo_bot.undo import CONFIG_FILE, patched
from loligo_bot.vault import ORIGIN

NAME = r"^[a-z][a-z0-9_-]{0,31}$"
LONGEST = 65_536  # characters of a file that comes in
DEEPEST = 30  # mappings and lists inside of each other
_CHOICE = f"{PREFIX}BOT__PROFILE"
_OF_MACHINE = ("environment variable", ".env", ORIGIN)  # how origins begin that belong to this machine alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile; `is_own` says that its file lies in the bot folder."""

    name: str
    file: Path
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A profile as a file of its own; what it must not hold is named."""

    text: str
    left_out: list[str]


def profiles_of(home: Path) -> dict[str, Profile]:
    """Return every profile by name; one of the folder stands for a bundled one of the same name."""
    found: dict[str, Profile] = {}
    for root in (bundled_root(), home):
        for file in sorted((root / PROFILES).glob("*.yaml")):
            if re.match(NAME, file.stem):
                found[file.stem] = Profile(name=file.stem, file=file, is_own=root == home)
    return dict(sorted(found.items()))


def found_profile(home: Path, name: str) -> Profile:
    """Return one. NotFound when there is none of that name."""
    known = profiles_of(home)
    if name not in known:
        hint = did_you_mean(name, list(known))
        raise NotFound(f'there is no profile "{name[:40]}"{hint}; there are: {", ".join(known) or "none"}')
    return known[name]


def chosen_profile(home: Path) -> tuple[str, str]:
    """Return the name of the one in use, "" for none, and where it was chosen."""
    settings = folder_settings(home)
    chosen = settings.at(("bot", "profile"))
    return ("", "") if chosen is None or chosen.value is None else (str(chosen.value), chosen.origin)


def layer_of(profile: Profile) -> Setting:
    """Return what a profile sets."""
    return read_yaml(profile.file, profile.file.name)


def leaves(node: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every single setting of plain data with its place."""
    if isinstance(node, Mapping) and node:
        for key, inner in node.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(node, list) and any(isinstance(item, Mapping) for item in node):
        for place, inner in enumerate(node):
            yield from leaves(inner, (*path, place))
    else:
        yield path, node


# What would be


def settings_with(home: Path, name: str, *, root: Path | None = None) -> Setting:
    """Return all settings as they were with a profile chosen, or none (""); `root` holds one that is not there yet."""
    environ = {**os.environ, _CHOICE: name or "null"}
    return folder_settings(home, root=root, environ=environ)


def config_of(settings: Setting) -> LoligoConfig:
    """Return the configuration. ConfigError lists everything that is wrong with it."""
    return check_settings(settings, parts=PARTS)


def overridden(home: Path, profile: Profile, settings: Setting) -> list[str]:
    """Return what a profile sets without effect, because the file or the environment says otherwise."""
    label = profile.file.relative_to(home).as_posix() if profile.file.is_relative_to(home) else str(profile.file)
    found = []
    for path, value in leaves(layer_of(profile).plain()):
        for place in _spread(path, settings):
            stands = settings.at(place)
            if stands is not None and not stands.origin.startswith(label) and stands.plain() != value:
                found.append(f"{dotted(place)} ({stands.origin})")
    return found


def _spread(path: KeyPath, settings: Setting) -> list[KeyPath]:
    """Return the places that a path stands for, "*" for each entry of its section."""
    if len(path) < 2 or path[0] not in NAMED_SECTIONS or path[1] != EVERY:
        return [path]
    entries = settings.at((path[0],))
    names = entries.value if entries is not None and isinstance(entries.value, dict) else {}
    return [(path[0], name, *path[2:]) for name in names]


# Changes


def choose(home: Path, name: str) -> tuple[bytes, bytes]:
    """Write into config/loligo.yaml which profile counts; return the file as it was and as it is.

    ConfigError when the file does not decide that, or was changed meanwhile.
    """
    path = home / CONFIG_FILE
    before = path.read_bytes()
    now, origin = chosen_profile(home)
    if origin.startswith(_OF_MACHINE):
        raise ConfigError(
            f'{origin}: bot.profile = "{now}" is set there, which counts before the file; change it there'
        )
    old = {"bot": {"profile": now} if now else {}}
    new = {"bot": {"profile": name} if name else {}}
    after = patched(path, old, new, lambda value: value, []).encode()
    _replace(path, before, after)
    return before, after


def put_back(home: Path, before: bytes, after: bytes) -> None:
    """Take a choice back, unless somebody has changed the file since."""
    path = home / CONFIG_FILE
    if path.read_bytes() == after:
        _replace(path, after, before)


def _replace(path: Path, before: bytes, after: bytes) -> None:
    real = path.resolve()  # a link stays one
    trial = real.with_name(f".{real.name}.{os.getpid()}.profile.tmp")
    try:
        write_file(trial, after, path.stat().st_mode & 0o777)
        if path.read_bytes() != before:
            raise ConfigError(f"{path} was changed meanwhile by somebody else; look at it and try again")
        trial.replace(real)
    finally:
        trial.unlink(missing_ok=True)


def add_profile(home: Path, name: str, text: str) -> Path:
    """Write a new profile, whole or not at all. ConfigError when there is one of that name."""
    known = profiles_of(home).get(name)
    target = home / PROFILES / f"{name}.yaml"
    target.parent.mkdir(parents=True, exist_ok=True)
    trial = target.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        write_file(trial, text.encode(), 0o600)
        if known is not None:
            raise FileExistsError
        os.link(trial, target)  # fails where a rename would replace what somebody else has just written
    except FileExistsError:
        raise ConfigError(f'name = "{name}": there is a profile of that name; choose another, or remove it') from None
    finally:
        trial.unlink(missing_ok=True)
    return target


def remove_profile(home: Path, name: str) -> None:
    """Delete the file of a profile that is not in use. ConfigError when it is, or came with Loligo."""
    profile, (chosen, origin) = found_profile(home, name), chosen_profile(home)
    if chosen == name:
        raise ConfigError(f'profile "{name}" is in use ({origin}); switch to another one first')
    if not profile.is_own:
        raise ConfigError(f'profile "{name}" came with Loligo and is not in this folder; it cannot be removed')
    profile.file.unlink()


# Files that leave and come in


def export_profile(home: Path, name: str) -> Exported:
    """Return a profile as a file, or ("") all that is set now but by the environment; without secrets."""
    if name:
        what, tree = f"profile {name}", layer_of(found_profile(home, name)).plain()
    else:
        what, tree = "the settings of a bot", _set_here(folder_settings(home))
        tree = {section: content for section, content in tree.items() if section != "bot" and content is not None}
    left_out: list[str] = []
    clean = _clean(tree, (), left_out)
    yaml, text = YAML(typ="safe", pure=True), StringIO()
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = False, False  # type: ignore[assignment]
    yaml.dump(clean, text)
    head = [f"# Loligo: {what}. It lies beneath config/loligo.yaml when it is chosen: `profile: NAME` under bot:."]
    head += [f"# Left out, for it may be a secret: {', '.join(left_out)}"] if left_out else []
    return Exported(text="\n".join([*head, text.getvalue()]), left_out=left_out)


def _set_here(settings: Setting) -> Any:
    """Return plain settings without those of the environment."""
    if isinstance(settings.value, dict):
        kept = {key: inner for key, inner in settings.value.items() if not _is_of_machine(inner)}
        return {key: _set_here(inner) for key, inner in kept.items()}
    if isinstance(settings.value, list):
        return [_set_here(inner) for inner in settings.value]
    return settings.value


def _is_of_machine(settings: Setting) -> bool:
    if settings.is_way and isinstance(settings.value, dict):
        return all(_is_of_machine(inner) for inner in settings.value.values())
    return settings.origin.startswith(_OF_MACHINE)


def _clean(node: Any, path: KeyPath, left_out: list[str]) -> Any:
    """Return plain data without secrets, and note where they were."""
    if isinstance(node, Mapping):
        kept = {}
        for key, inner in node.items():
            if _is_secret(str(key), inner):
                left_out.append(dotted((*path, key)))
            else:
                kept[key] = _clean(inner, (*path, key), left_out)
        return kept
    return (
        [_clean(inner, (*path, place), left_out) for place, inner in enumerate(node)]
        if isinstance(node, list)
        else node
    )


def _is_secret(name: str, value: Any) -> bool:
    """Say whether a value must not leave: by its name, or because it holds what the log would mask."""
    if value is None or isinstance(value, Mapping):
        return False
    return is_secret_name(name) or (isinstance(value, str) and masked(value) != value)


def judge_import(home: Path, name: str, text: str) -> Setting:
    """Return all settings as they were with this text as the profile chosen. ConfigError says what is wrong with it.

    Nothing is written into the bot folder.
    """
    _check_text(name, text)
    with tempfile.TemporaryDirectory(prefix="loligo-profile-") as folder:
        file = Path(folder, PROFILES, f"{name}.yaml")
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        try:
            settings = settings_with(home, name, root=Path(folder))
            config_of(settings)
            _check_alone(read_yaml(file, file.name), settings)
        except ConfigError as exc:
            raise ConfigError(str(exc).replace(str(file), file.name)) from exc
    return settings


def _check_alone(layer: Setting, settings: Setting) -> None:
    """Refuse what is wrong in a profile itself, also where it has no effect because the file says otherwise."""
    label = layer.origin.rpartition(":")[0]
    for section in NAMED_SECTIONS:
        own, known = layer.at((section,)), settings.at((section,))
        if own is not None and isinstance(own.value, dict) and EVERY in own.value:
            every = own.value.pop(EVERY)
            names = [*own.value, *(known.value if known is not None and isinstance(known.value, dict) else ())]
            own.value = {name: every.under(own.value[name]) if name in own.value else every for name in names}
    over = settings.under(layer)
    faults = [fault for fault in faults_of(LoligoConfig, over.plain(), (), over) if fault.startswith(f"{label}:")]
    if faults:
        raise ConfigError("; ".join(dict.fromkeys(faults)))


def _check_text(name: str, text: str) -> None:
    """Refuse what no honest profile is: before it is built, so that nothing grows without bound."""
    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
                raise ConfigError(f"{name}.yaml: anchors and aliases (& and *) are not taken; write the values out")
            if getattr(event, "tag", None):
                raise ConfigError(f"{name}.yaml: tag {str(event.tag)[:40]!a} is not taken; write plain values")
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > DEEPEST:
                raise ConfigError(f"{name}.yaml: more than {DEEPEST} levels deep; no setting is")
        tree = YAML(typ="safe", pure=True).load(text)
    except YAMLError as exc:
        raise ConfigError(f"{name}.yaml: not valid YAML: {getattr(exc, 'problem', None) or exc}") from exc
    if not isinstance(tree, dict) or not tree:
        raise ConfigError(f"{name}.yaml: expected sections such as desks: and venues:, found {str(tree)[:40]!r}")
    if isinstance(tree.get("bot"), dict) and "profile" in tree["bot"]:
        raise ConfigError(f"{name}.yaml: bot.profile: a profile chooses no other one; leave it out")
    secrets: list[str] = []
    _clean(tree, (), secrets)
    if secrets:
        raise ConfigError(
            f"{name}.yaml: {', '.join(secrets[:5])}: a profile holds no secrets; leave them out, they belong into the "
            "vault (`loligo vault set`) or .env"
        )
