"""The layers of a configuration: a YAML file, a vault, the environment, the command line. Each value knows where it was
set.

Laying one layer over another goes key by key through mappings and replaces all else. In `venues`, `accounts` and
`desks` the name "*" holds what every entry gets unless it says otherwise itself.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from loligo.errors import ConfigError
from loligo.log import is_secret_name, register_secret

PREFIX = "LOLIGO__"
INTERFACES, WEB = "interfaces", "web"  # the page is known by its name alone: LOLIGO__WEB__PORT
NAMED_SECTIONS = ("venues", "accounts", "desks")
EVERY = "*"

KeyPath = tuple[str | int, ...]


@dataclass(slots=True)
class Setting:
    """A value and where it was set, such as "config/loligo.yaml:12". Mappings and lists hold settings in their turn."""

    value: Any
    origin: str
    is_way: bool = False  # a mapping that only leads to what is set, so it replaces no list and no origin

    def plain(self) -> Any:
        """Return the value without origins."""
        if isinstance(self.value, dict):
            return {key: inner.plain() for key, inner in self.value.items()}
        return [inner.plain() for inner in self.value] if isinstance(self.value, list) else self.value

    def way_to(self, path: KeyPath) -> list[Setting]:
        """Return this setting and those that lead down to a path, as far as there are any."""
        way = [self]
        for key in path:
            content = way[-1].value
            if isinstance(content, list):
                content = dict(enumerate(content))
            if not isinstance(content, dict) or key not in content:
                break
            way.append(content[key])
        return way

    def at(self, path: KeyPath) -> Setting | None:
        """Return what is set at a path."""
        way = self.way_to(path)
        return way[-1] if len(way) > len(path) else None

    def origin_of(self, path: KeyPath) -> str:
        """Return where a path was set, or else what is around it."""
        return self.way_to(path)[-1].origin

    def place(self, path: KeyPath, setting: Setting) -> None:
        """Lay a setting over what stands at a path."""
        for key in reversed(path):
            setting = Setting({key: setting}, setting.origin, is_way=True)
        self.value = self.under(setting).value

    def under(self, above: Setting) -> Setting:
        """Return what comes of laying `above` over this."""
        is_list = isinstance(self.value, list) and above.is_way
        both = dict(enumerate(self.value)) if is_list else self.value
        if isinstance(both, dict) and above.value is None:
            return self  # a section whose every line is commented out says nothing
        if not isinstance(both, dict) or not isinstance(above.value, dict):
            return above
        both = both | {key: both[key].under(inner) if key in both else inner for key, inner in above.value.items()}
        return Setting(list(both.values()) if is_list else both, self.origin if above.is_way else above.origin)


@lru_cache(maxsize=4)  # tens of milliseconds in which no other thread gets far, and a bot at work reads it at each swap
def _parsed(text: str) -> Any:
    return YAML().load(text)


def read_yaml(path: Path, label: str) -> Setting:
    """Return the layer of a file. ConfigError when it cannot be read, is not YAML, or holds a key twice."""
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as exc:
        line = f":{exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise ConfigError(f"{label}{line}: not valid YAML: {exc.problem or exc.context}") from exc
    except (YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{label}: not valid YAML: {exc}") from exc
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{label}: expected sections such as desks: and venues:, found {str(content)[:40]!r}")
    return _settings(content or {}, f"{label}:1", label)


def lay_environment(environ: Mapping[str, str], below: Setting, *, label: str) -> None:
    """Lay all variables LOLIGO__SECTION__KEY over the settings `below`, which tell how existing names are spelt.

    Values are read as YAML; a name that ends in _FILE names a file whose text is the value, as it stands.
    """
    origins: dict[KeyPath, str] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        origin = f"{label} {name}"
        path = spelt_as(name.removeprefix(PREFIX).lower().split("__"), below, origin)
        last = str(path[-1])
        is_file = last.endswith("_file") and below.at(path) is None
        if is_file:
            path = (*path[:-1], last.removesuffix("_file"))
        value = _value_of(origin, text, is_file)
        if is_file or is_secret_name(last):
            register_secret(str(value))
        if path in origins:
            raise ConfigError(f"{origin}: {dotted(path)} is already set by {origins[path]}; keep one of them")
        origins[path] = origin
        below.place(path, _settings(value, origin))


def lay_kept(kept: Mapping[str, str], below: Setting, *, label: str) -> None:
    """Lay secrets by their dotted keys, names spelt as in variables, over the settings `below`, as they stand."""
    for key, text in sorted(kept.items()):
        register_secret(text)
        below.place(spelt_as(key.split("."), below, f"{label} {key}"), Setting(text, label))


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the KEY=VALUE lines of an .env file, none if there is no file. ConfigError for any other line."""
    values: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        match = re.fullmatch(r"(\w+)\s*=\s*(\"(?P<a>.*)\"|'(?P<b>.*)'|(?P<c>.*))", text)
        if match is None:
            raise ConfigError(f"{path}:{number}: expected KEY=VALUE")  # the line may hold a secret: not repeated
        values[match[1]] = match["a"] or match["b"] or match["c"] or ""
    return values


def spread_every(settings: Setting) -> None:
    """Give all entries of the named sections what stands under "*"."""
    for section in NAMED_SECTIONS:
        entries = settings.at((section,))
        if entries is not None and isinstance(entries.value, dict) and EVERY in entries.value:
            every = entries.value.pop(EVERY)
            entries.value = {name: every.under(entry) for name, entry in entries.value.items()}


def dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _settings(node: Any, origin: str, label: str = "") -> Setting:
    """Return what ruamel.yaml has read as settings; with a `label`, the origin is the line in that file."""
    if not isinstance(node, dict | list):
        return Setting(_scalar(node), origin)
    inner = {}
    for key, item in node.items() if isinstance(node, dict) else enumerate(node):
        if label and isinstance(node, CommentedMap | CommentedSeq):
            line = (node.lc.data or {}).get(key, [node.lc.line])[0]  # what comes of a merge key has no line
            inner[str(key)] = _settings(item, f"{label}:{line + 1}", label)
        else:
            inner[str(key)] = _settings(item, origin)
    return Setting(inner if isinstance(node, dict) else list(inner.values()), origin)


def _scalar(node: Any) -> Any:
    """Return a scalar of ruamel.yaml as str, int, float, bool or None."""
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, datetime.date):  # datetime too: YAML reads unquoted times, settings want their text
        return node.isoformat()
    return next((kind(node) for kind in (int, float, str) if isinstance(node, kind)), node)


def spelt_as(parts: Sequence[str], settings: Setting, origin: str) -> KeyPath:
    """Return the path with each name spelt as the settings spell it: BTC_USD is BTC/USD, 0 in a list an index, and a
    name in a list leads to the settings of what is called so there; an interface that is not there yet is added."""
    path: KeyPath = ()
    for part in (INTERFACES, *parts) if parts[0] == WEB else parts:
        found = settings.at(path)
        content = None if found is None else found.value
        entries = content or []
        if path == (INTERFACES,) and type(entries) is list and not (part.isdigit() or _place_in(entries, part)):
            settings.place(path, Setting([*entries, Setting({"tentacle": Setting(part, origin)}, origin)], origin))
            path += (len(entries), "settings")
        elif content is None or isinstance(content, dict):
            path += (next((known for known in content or () if _folded(known) == _folded(part)), part),)
        elif isinstance(content, list) and (place := _place_in(content, part)):
            path += place
        else:
            size = f"a list of {len(content)}, numbered or named" if isinstance(content, list) else "a single value"
            raise ConfigError(f'{origin}: {dotted(path)} is {size}: it has no "{part}"')
    return path


def _place_in(entries: Sequence[Setting], part: str) -> KeyPath:
    """Return where a number or a name leads to in a list of tentacles, () for nowhere."""
    names = [(entry.at(("name",)) or entry.at(("tentacle",)) or entry).value for entry in entries]
    known: dict[str, KeyPath] = {_folded(str(name)): (index, "settings") for index, name in enumerate(names)}
    return (known | {str(index): (index,) for index in range(len(names))}).get(_folded(part), ())


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9*]+", "_", name.lower())


def _value_of(origin: str, text: str, is_file: bool) -> Any:
    try:
        return Path(text).read_text(encoding="utf-8").strip() if is_file else YAML(typ="safe", pure=True).load(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{origin}: cannot read the file {text}: {exc}") from exc
    except YAMLError as exc:
        raise ConfigError(f"{origin}: not a YAML value; put it in quotes") from exc
