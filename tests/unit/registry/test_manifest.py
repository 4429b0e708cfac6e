"""The manifest: what is accepted, and what a refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from loligo.errors import TentacleError
from loligo.ports.hooks import KINDS
from loligo.registry.manifest import KIND_FOLDERS, Kind, Manifest, read_manifest
from tests.fakes.tentacle_folder import manifest_text


def read(text: str) -> Manifest:
    return read_manifest(Path("rsi"), {"tentacle.toml": text.encode(), "__init__.py": b""})


def test_a_complete_manifest_is_read() -> None:
    text = manifest_text("evaluator", "rsi", state_version="2")
    text += '[requires]\ntentacles = { ema = ">=1" }\npython = ["numpy>=1.26"]\n'
    manifest = read(text)
    assert (manifest.kind, manifest.name, manifest.state_version) == ("evaluator", "rsi", 2)
    assert manifest.requires.tentacles == {"ema": ">=1"}
    assert manifest.requires.python == ["numpy>=1.26"]


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
        ({"state_version": '"1"'}, "state_version = '1': Input should be a valid integer"),
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
