"""The manifest: what is accepted, and what a refusal says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, Field

from loligo.errors import TentacleError
from loligo.ports.hooks import KINDS
from loligo.registry.manifest import (
    KIND_FOLDERS,
    PERMISSIONS,
    Kind,
    Manifest,
    read_manifest,
    settings_schema,
    settings_text,
)
from loligo_kit.package import changelog_text
from loligo_verifier.trial import read_settings_schema
from tests.fakes.tentacle_folder import manifest_text


def read(text: str) -> Manifest:
    return read_manifest(Path("rsi"), {"tentacle.toml": text.encode(), "__init__.py": b""})


def test_a_complete_manifest_is_read() -> None:
    text = manifest_text("evaluator", "rsi", behaviour='"same"', isolation='"process"', permissions='["net:*"]')
    text += '[requires]\ntentacles = { ema = ">=1" }\npython = ["numpy>=1.26"]\n'
    text += (
        '[state]\nversion = 2\nmode = "rebuild"\ncandles = 15\n[resources]\ncpu_ms_per_event = 0.5\nmemory_mb = 64\n'
    )
    manifest = read(text)
    assert (manifest.id, manifest.behaviour, manifest.isolation) == ("evaluator/rsi", "same", "process")
    assert (manifest.state_version, manifest.state.mode, manifest.state.candles) == (2, "rebuild", 15)
    assert (manifest.resources.cpu_ms_per_event, manifest.resources.memory_mb) == (0.5, 64.0)
    assert manifest.requires.tentacles == {"ema": ">=1"}
    assert manifest.requires.python == ["numpy>=1.26"]


def test_numbers_are_named_in_their_order_with_a_place_in_charts() -> None:
    manifest = read(manifest_text("evaluator", "rsi") + '[draw]\nslow = "price"\nfast = "pane"\ngap = "none"\n')
    assert list(manifest.draw.items()) == [("slow", "price"), ("fast", "pane"), ("gap", "none")]
    with pytest.raises(TentacleError, match=r"draw\.slow = 'prize': Input should be 'price', 'pane', 'bars' or 'none'"):
        read(manifest_text("evaluator", "rsi") + '[draw]\nslow = "prize"\n')


def test_every_kind_of_the_hooks_has_a_folder() -> None:
    assert sorted(KINDS) == sorted(get_args(Kind)) == sorted(KIND_FOLDERS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sumary": '"x"'}, "sumary = 'x': unknown key (did you mean \"summary\"?)"),
        ({"author": ""}, "author is missing"),
        ({"kind": '"evaluater"'}, "kind = 'evaluater': Input should be 'evaluator'"),
        ({"version": '"one"'}, "version = 'one': expected a version such as \"1.0.0\""),
        ({"api": '"1 or more"'}, 'expected a version range such as ">=1.0,<2"'),
        ({"state": '{ version = "1" }'}, "state.version = '1': Input should be a valid integer"),
        ({"state": "{ versoin = 1 }"}, "state.versoin = 1: unknown key"),
        ({"state": '{ mode = "rebuild" }'}, 'candles = None with mode "rebuild": "rebuild" needs it'),
        ({"state": "{ candles = 3 }"}, 'candles = 3 with mode "export": "rebuild" needs it, no other takes it'),
        ({"behaviour": '"equal"'}, "behaviour = 'equal': Input should be 'same' or 'changed'"),
        ({"resources": "{ memory_mb = 0 }"}, "resources.memory_mb = 0: Input should be greater than 0"),
        ({"permissions": '["fils"]'}, 'environment, threads, process, admin, native (did you mean "files"?)'),
        ({"permissions": '["net"]'}, "permissions.0 = 'net': expected a host behind"),
        ({"permissions": '["files:/etc"]'}, "and nothing behind any other"),
        ({"changelog": '"CHANGES.md"'}, "changelog = 'CHANGES.md': no such file beside it"),
        ({"requires": '{ python = ["numpy >>1"] }'}, 'expected a requirement such as "numpy>=1.26"'),
        ({"permissions": '["keys"]'}, 'only a venue may hold the permission "keys", rsi is of kind evaluator'),
    ],
)
def test_a_wrong_key_is_refused_with_file_key_and_expectation(changes: dict[str, str], said: str) -> None:
    with pytest.raises(TentacleError) as refusal:
        read(manifest_text("evaluator", "rsi", **changes))
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("rsi/tentacle.toml: ")


def test_broken_toml_is_refused_with_its_line() -> None:
    with pytest.raises(TentacleError, match=r"rsi/tentacle.toml: not valid TOML: .*line 2"):
        read('name = "rsi"\nkind = \n')


def test_every_permission_is_known_with_one_line_for_the_person_who_grants_it() -> None:
    assert sorted(PERMISSIONS) == ["admin", "environment", "files", "keys", "native", "net", "process", "threads"]
    assert all(line and "\n" not in line for line in PERMISSIONS.values())


def test_a_changelog_is_text_or_a_file_that_is_brought() -> None:
    text = manifest_text("evaluator", "rsi", changelog='"CHANGES.md"').encode()
    files = {"tentacle.toml": text, "__init__.py": b"", "CHANGES.md": b"1.0.0 first"}
    assert changelog_text(read_manifest(Path("rsi"), files), files) == "1.0.0 first"
    assert changelog_text(read(manifest_text("evaluator", "rsi", changelog='"1.0.0 first"')), {}) == "1.0.0 first"


class Settings(BaseModel):
    share: Decimal = Field(Decimal("0.1"), gt=0, description="Of equity.")
    stop: Decimal | None = None
    timeframes: tuple[str, ...] = ("1h",)


def test_the_settings_schema_keeps_the_order_of_the_class_and_says_of_a_decimal_that_text_is_one_too() -> None:
    schema = settings_schema(Settings)
    assert list(schema["properties"]) == ["share", "stop", "timeframes"]
    share = schema["properties"]["share"]
    assert share["anyOf"] == [{"exclusiveMinimum": 0.0, "type": "number"}, {"type": "string"}]
    assert (share["default"], share["description"]) == ("0.1", "Of equity.")
    assert read_settings_schema(Path("rsi"), {"settings.schema.json": settings_text(Settings)}) == schema


def test_a_settings_schema_that_is_no_json_is_refused_and_a_missing_one_says_nothing() -> None:
    with pytest.raises(TentacleError, match=r"rsi/settings.schema.json: not valid JSON: .*; generate it anew"):
        read_settings_schema(Path("rsi"), {"settings.schema.json": b"{"})
    assert read_settings_schema(Path("rsi"), {}) is None
