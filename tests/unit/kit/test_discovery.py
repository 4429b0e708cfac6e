"""Discovery and refresh: the registry file follows the folders and keeps what a person chose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.registry_file import load_registry, save_registry
from loligo.registry.tree import read_tree, tree_hash
from loligo_bot.cli.command_line import run
from loligo_kit.discovery import discover, refresh_hashes
from tests.fakes.tentacle_folder import manifest_text, write_registry, write_tentacle


def test_new_folders_are_added_with_their_hash_and_known_ones_stay_as_they_are(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    path = write_registry(tmp_path)
    registry = load_registry(path)
    off = registry.tentacles[0].model_copy(update={"enabled": False})
    save_registry(path, [off])
    write_tentacle(tmp_path, "notifier", "log")
    assert discover(path) == ("notifier log",)
    rsi, log = load_registry(path).tentacles
    assert (rsi.enabled, rsi.path, rsi.tree_hash) == (False, "tentacles/evaluators/rsi", tree_hash(read_tree(folder)))
    assert (log.enabled, log.source, log.version) == (True, "local", "1.0.0")


def test_refresh_takes_hash_and_version_of_changed_folders_only(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    write_tentacle(tmp_path, "evaluator", "macd")
    path = write_registry(tmp_path)
    (folder / "tentacle.toml").write_text(manifest_text("evaluator", "rsi", version='"1.1.0"'))
    assert refresh_hashes(path) == ("evaluator rsi",)
    assert refresh_hashes(path) == ()
    rsi = load_registry(path).tentacles[1]
    assert (rsi.version, rsi.tree_hash) == ("1.1.0", tree_hash(read_tree(folder)))


def test_a_local_tentacle_without_a_hash_stays_without_one(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    path = write_registry(tmp_path)
    registry = load_registry(path)
    loose = registry.tentacles[0].model_copy(update={"tree_hash": None})
    save_registry(path, [loose])
    assert refresh_hashes(path) == ()
    assert load_registry(path).tentacles == [loose]


def test_permissions_are_granted_to_bundled_tentacles_only(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "feed", "news", manifest={"permissions": '["net:example.org"]'})
    discover(tmp_path / "bundled.json", source="bundled")
    discover(tmp_path / "local.json", source="local")
    assert load_registry(tmp_path / "bundled.json").tentacles[0].permissions == ["net:example.org"]
    assert load_registry(tmp_path / "local.json").tentacles[0].permissions == []


def test_a_manifest_that_names_another_place_is_refused(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    (folder / "tentacle.toml").write_text(manifest_text("strategy", "rsi"))
    with pytest.raises(TentacleError, match=r"a strategy rsi belongs into .*tentacles/strategies/rsi"):
        write_registry(tmp_path)


def test_the_command_prints_what_it_did_and_reports_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    refresh = ["--home", str(tmp_path), "--json", "tentacle", "refresh"]
    assert run([*refresh, "--bundled"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "added": ["evaluator rsi"], "changed": []}
    assert load_registry(tmp_path / "tentacle_registry.json").tentacles[0].source == "bundled"
    (folder / "notes.txt").write_text("new")
    assert run(refresh) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "added": [], "changed": ["evaluator rsi"]}
    (folder / "tentacle.toml").unlink()
    assert run(refresh) == 1
    assert "rsi has no tentacle.toml" in json.loads(capsys.readouterr().out)["error"]["message"]
