"""The registry file: strict reading, atomic writing, a schema for editors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loligo.errors import ConfigError
from loligo.registry.registry_file import (
    SCHEMA_FILE,
    Registry,
    RegistryEntry,
    load_registry,
    previous_copy,
    publish_schema,
    save_registry,
)

ROOT = Path(__file__).resolve().parents[3]
HASH = "h1:" + "0" * 64


def entry(name: str, kind: str = "evaluator", **more: object) -> RegistryEntry:
    values = {"name": name, "kind": kind, "version": "1.0.0", "tree_hash": HASH, "path": f"tentacles/{name}"}
    return RegistryEntry.model_validate(values | more)


def test_what_is_saved_is_what_is_loaded_in_the_order_of_kind_and_name(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [entry("dca", "trading_mode"), entry("rsi", settings={"period": 7})])
    loaded = load_registry(path)
    assert [one.slot for one in loaded.tentacles] == ["evaluator rsi", "trading_mode dca"]
    assert loaded.tentacles[0].settings == {"period": 7}


def test_the_copy_before_the_last_save_is_kept_and_no_temporary_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [entry("rsi")])
    before = path.read_bytes()
    save_registry(path, [entry("macd")])
    assert previous_copy(path).read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([path, previous_copy(path)])


def test_a_save_that_cannot_finish_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [entry("rsi")])
    before = path.read_bytes()
    previous_copy(path).mkdir()  # a folder where the copy belongs: the copy cannot be written
    with pytest.raises(OSError, match=r"\.previous"):
        save_registry(path, [entry("macd")])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enable": False}, 'tentacles.0.enable = False: unknown key (did you mean "enabled"?)'),
        ({"enabled": "no"}, "tentacles.0.enabled = 'no': Input should be a valid boolean"),
        ({"path": "../rsi"}, "tentacles.0.path = '../rsi': expected a path below the registry file"),
        ({"path": "/opt/rsi"}, "expected a path below the registry file"),
        ({"tree_hash": "h1:12"}, "tentacles.0.tree_hash = 'h1:12'"),
        (
            {"source": "bundled", "tree_hash": None},
            "evaluator rsi is bundled and has no tree_hash: run `make registry`",
        ),
    ],
)
def test_a_wrong_entry_is_refused_with_file_key_and_value(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "tentacle_registry.json"
    values = json.loads(entry("rsi").model_dump_json()) | change
    path.write_text(json.dumps({"tentacles": [values]}))
    with pytest.raises(ConfigError) as refusal:
        load_registry(path)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}: ")


def test_two_entries_of_one_kind_and_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"listed twice: evaluator rsi; keep one entry"):
        Registry(tentacles=[entry("rsi"), entry("rsi")])


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no registry file; `loligo init"):
        load_registry(tmp_path / "tentacle_registry.json")


def test_broken_json_names_the_place_and_the_copy_before_it(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    path.write_text('{"tentacles": [}')
    with pytest.raises(ConfigError, match=r"not valid JSON: .*line 1 column 16.*\.previous"):
        load_registry(path)


def test_the_published_schema_is_that_of_the_reader(tmp_path: Path) -> None:
    assert publish_schema(tmp_path) == tmp_path / SCHEMA_FILE
    assert (ROOT / SCHEMA_FILE).read_bytes() == (tmp_path / SCHEMA_FILE).read_bytes()
    assert json.loads((ROOT / "tentacle_registry.json").read_bytes())["$schema"] == SCHEMA_FILE
