"""The layers of a configuration: a YAML file, the environment, the command line. Each value knows where it was set.

A layer is a flat map from key path to value; an empty dict or list stands for a mapping or list whose content has paths
of its own. Merging lays one layer over the other: mappings key by key, all else replaced. In `venues`, `accounts` and
`desks` the name "*" holds what every entry gets unless its own section or a higher layer says otherwise.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from loligo.errors import ConfigError
from loligo.log import is_secret_name, register_secret

PREFIX = "LOLIGO__"
NAMED_SECTIONS = ("venues", "accounts", "desks")
EVERY = "*"

KeyPath = tuple[str | int, ...]


class Setting(NamedTuple):
    """A value and where it was set, such as "config/loligo.yaml:12"."""

    value: Any
    origin: str


Layer = dict[KeyPath, Setting]


def read_yaml(path: Path, label: str) -> Layer:
    """Return the layer of a file. ConfigError when it cannot be read, is not YAML, or holds a key twice."""
    try:
        content = YAML().load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as exc:
        line = f":{exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise ConfigError(f"{label}{line}: not valid YAML: {exc.problem or exc.context}") from exc
    except (YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{label}: not valid YAML: {exc}") from exc
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{label}: expected sections such as desks: and venues:, found {str(content)[:40]!r}")
    return dict(_flat(content or {}, (), label, f"{label}:1"))


def read_environment(environ: Mapping[str, str], below: Layer, *, label: str) -> Layer:
    """Return the layer of all variables LOLIGO__SECTION__KEY; `below` tells how existing names are spelt.

    Values are read as YAML; a name that ends in _FILE names a file whose text is the value, as it stands.
    """
    layer: Layer = {}
    tree = tree_of(below)
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        origin = f"{label} {name}"
        path = _spelt_as(name[len(PREFIX) :].lower().split("__"), tree, origin)
        last = str(path[-1])
        is_file = last.endswith("_file") and path not in below
        if is_file:
            path = (*path[:-1], last.removesuffix("_file"))
        value = _text_of(origin, text) if is_file else _parsed(origin, text)
        if is_file or is_secret_name(last):
            register_secret(str(value))
        if path in layer:
            raise ConfigError(f"{origin}: {dotted(path)} is already set by {layer[path].origin}; keep one of them")
        layer.update(_flat(value, path, "", origin))
    return layer


def read_overrides(overrides: Mapping[str, Any], below: Layer) -> Layer:
    """Return the layer of values given by dotted key, such as {"log.level": "debug"}."""
    layer: Layer = {}
    for key, value in overrides.items():
        path = _spelt_as(key.split("."), tree_of(below), f"command line {key}")
        layer.update(_flat(value, path, "", "command line"))
    return layer


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the KEY=VALUE lines of an .env file, none if there is no file. ConfigError for any other line."""
    values: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        match = re.fullmatch(r"(\w+)\s*=\s*(?:\"(.*)\"|'(.*)'|(.*))", text)
        if match is None:
            raise ConfigError(f"{path}:{number}: expected KEY=VALUE")  # the line may hold a secret: not repeated
        values[match[1]] = next((value for value in match.groups()[1:] if value is not None), "")
    return values


def merged(layers: Sequence[Layer]) -> Layer:
    """Return all layers as one, the last on top."""
    names = {path[:2]: None for layer in layers for path in layer if len(path) > 1 and path[0] in NAMED_SECTIONS}
    result: Layer = {}
    for layer in layers:
        for path, setting in [*_for_every(layer, list(names)), *layer.items()]:
            if path[1:2] == (EVERY,) and path[0] in NAMED_SECTIONS:
                continue
            inner = [known for known in result if known[: len(path)] == path]
            is_mapping = bool(inner) and (path not in result or result[path].value == {})
            if setting.value is None and is_mapping:
                continue  # a section whose every line is commented out says nothing
            if not (setting.value == {} and is_mapping):
                for known in inner:
                    del result[known]
            result[path] = setting
    return result


def tree_of(layer: Layer) -> dict[str, Any]:
    """Return a layer as nested mappings and lists."""
    tree: dict[str, Any] = {}
    for path, setting in layer.items():
        node: Any = tree
        for part in path[:-1]:
            if isinstance(node, dict) and node.get(part) is None:
                node[part] = {}
            node = node[part]
        value = type(setting.value)() if isinstance(setting.value, dict | list) else setting.value
        if isinstance(node, list) and path[-1] == len(node):
            node.append(value)
        elif value != {} or isinstance(node, list) or not node.get(path[-1]):  # its content may have come first
            node[path[-1]] = value
    return tree


def origin_of(layer: Layer, path: KeyPath) -> str:
    """Return where a path was set, or else something below or around it; "defaults" if nowhere."""
    for length in range(len(path), 0, -1):
        near = (setting.origin for known, setting in layer.items() if known[:length] == path[:length])
        if (origin := next(near, None)) is not None:
            return layer[path[:length]].origin if path[:length] in layer else origin
    return "defaults"


def dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _for_every(layer: Layer, names: list[KeyPath]) -> Iterator[tuple[KeyPath, Setting]]:
    """Yield what a layer says under "*", once for each name."""
    for section, name in names:
        for path, setting in layer.items():
            if path[:2] == (section, EVERY) and name != EVERY:
                yield (section, name, *path[2:]), setting


def _flat(node: Any, path: KeyPath, label: str, origin: str) -> Iterator[tuple[KeyPath, Setting]]:
    """Yield a node and all below it; with a `label`, the origin is the line in that file."""
    is_container = isinstance(node, dict | list)
    if path:
        yield path, Setting(({} if isinstance(node, dict) else []) if is_container else _scalar(node), origin)
    if not is_container:
        return
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
        place = origin
        if isinstance(node, CommentedMap | CommentedSeq) and label:
            mark = node.lc.key(key) if isinstance(node, CommentedMap) else node.lc.item(key)
            place = f"{label}:{mark[0] + 1}"
        yield from _flat(inner, (*path, key if isinstance(node, list) else str(key)), label, place)


def _scalar(node: Any) -> Any:
    """Return a scalar of ruamel.yaml as str, int, float, bool or None."""
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, datetime.date):  # datetime too: YAML reads unquoted times, settings want their text
        return node.isoformat()
    return next((kind(node) for kind in (int, float, str) if isinstance(node, kind)), node)


def _spelt_as(parts: Sequence[str], tree: Any, origin: str) -> KeyPath:
    """Return the path with each name spelt as the tree spells it: TREND is trend, BTC_USD is BTC/USD, 0 an index."""
    path: list[str | int] = []
    for part in parts:
        key: str | int = part
        if isinstance(tree, dict):
            key = next((known for known in tree if _folded(known) == _folded(part)), part)
            tree = tree.get(key)
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            key = int(part)
            tree = tree[key]
        elif tree is not None:
            size = f"a list of {len(tree)}, numbered from 0" if isinstance(tree, list) else "a single value"
            raise ConfigError(f'{origin}: {dotted(tuple(path))} is {size}: it has no "{part}"')
        path.append(key)
    return tuple(path)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9*]+", "_", name.lower())


def _text_of(origin: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{origin}: cannot read the file {file}: {exc}") from exc


def _parsed(origin: str, text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as exc:
        raise ConfigError(f"{origin}: not a YAML value; put it in quotes") from exc
