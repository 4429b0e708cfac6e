"""Discovery and refresh: the registry file follows the folders and keeps what a person chose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from loligo.registry.registry_file import REGISTRY_FILE, SCHEMA_FILE, bundled_root, load_registry, save_registry
from loligo.registry.tree import read_tree, tree_hash
from loligo_bot.cli.command_line import run
from loligo_kit.discovery import publish_schema, refresh
from tests.fakes.tentacle_folder import manifest_text, write_registry, write_tentacle


def test_new_folders_are_added_with_their_hash_and_known_ones_stay_as_they_are(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    path = write_registry(tmp_path)
    registry = load_registry(path)
    off = registry.tentacles[0].model_copy(update={"enabled": False})
    save_registry(path, [off])
    write_tentacle(tmp_path, "notifier", "log")
    assert (found := refresh(path)).added == ("notifier log",) and not found.changed
    rsi, log = load_registry(path).tentacles
    assert (rsi.enabled, rsi.path, rsi.tree_hash) == (False, "tentacles/evaluators/rsi", tree_hash(read_tree(folder)))
    assert (log.enabled, log.source, log.version) == (True, "local", "1.0.0")


def test_refresh_takes_hash_and_version_of_changed_folders_only(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    write_tentacle(tmp_path, "evaluator", "macd")
    path = write_registry(tmp_path)
    (folder / "tentacle.toml").write_text(manifest_text("evaluator", "rsi", version='"1.1.0"'))
    assert refresh(path).changed == ("evaluator rsi",)
    assert refresh(path).changed == ()
    rsi = load_registry(path).tentacles[1]
    assert (rsi.version, rsi.tree_hash) == ("1.1.0", tree_hash(read_tree(folder)))


def test_a_local_tentacle_without_a_hash_stays_without_one(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    path = write_registry(tmp_path)
    registry = load_registry(path)
    loose = registry.tentacles[0].model_copy(update={"tree_hash": None})
    save_registry(path, [loose])
    assert refresh(path).changed == ()
    assert load_registry(path).tentacles == [loose]


def test_permissions_are_granted_to_bundled_tentacles_only(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "feed", "news", manifest={"permissions": '["net:example.org"]'})
    refresh(tmp_path / "bundled.json", source="bundled")
    refresh(tmp_path / "local.json", source="local")
    assert load_registry(tmp_path / "bundled.json").tentacles[0].permissions == ["net:example.org"]
    assert load_registry(tmp_path / "local.json").tentacles[0].permissions == []


def test_what_was_taken_back_of_a_bundled_tentacle_stays_so_until_its_content_changes(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "feed", "news", manifest={"permissions": '["net:example.org"]'})
    path = tmp_path / "tentacle_registry.json"
    refresh(path, source="bundled")
    (shipped,) = load_registry(path).tentacles
    save_registry(path, [shipped.model_copy(update={"permissions": []})])
    assert refresh(path).changed == ()
    (folder / "notes.txt").write_text("new")
    assert refresh(path).changed == ("feed news",)
    assert load_registry(path).tentacles[0].permissions == ["net:example.org"]


def test_folders_that_cannot_be_taken_up_are_told_and_those_that_are_fine_are_taken_up(tmp_path: Path) -> None:
    """Even one that others put behind the wrong ones, and of one that is listed its entry stays as it was."""
    listed = write_tentacle(tmp_path, "evaluator", "aroon")
    path = write_registry(tmp_path)
    (before,) = load_registry(path).tentacles
    (listed / "tentacle.toml").write_text("version = ")
    (write_tentacle(tmp_path, "evaluator", "rsi") / "tentacle.toml").write_text(manifest_text("strategy", "rsi"))
    (write_tentacle(tmp_path, "evaluator", "macd") / "loop").symlink_to(tmp_path)
    write_tentacle(tmp_path, "notifier", "log")
    found = refresh(path)
    assert (found.added, found.changed, len(found.faults)) == (("notifier log",), (), 3)
    assert (
        f"a strategy rsi belongs into {tmp_path}/tentacles/strategies/rsi" in found.faults["tentacles/evaluators/rsi"]
    )
    assert "not valid TOML" in found.faults["tentacles/evaluators/aroon"]
    assert "a link inside a tentacle" in found.faults["tentacles/evaluators/macd"]
    assert load_registry(path).tentacles[0] == before


@pytest.mark.parametrize("with_hash", [True, False])
def test_a_folder_that_is_listed_and_gone_is_told_but_not_one_that_lies_where_loligo_does(
    tmp_path: Path, with_hash: bool
) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "mine")
    path = write_registry(tmp_path)
    (mine,) = load_registry(path).tentacles
    mine = mine if with_hash else mine.model_copy(update={"tree_hash": None})
    (rsi,) = (one for one in load_registry(bundled_root() / REGISTRY_FILE).tentacles if one.slot == "evaluator rsi")
    save_registry(path, [mine, rsi])
    shutil.rmtree(folder)
    found = refresh(path)
    assert list(found.faults) == ["tentacles/evaluators/mine"]
    assert "`loligo tentacle remove evaluator/mine`" in found.faults["tentacles/evaluators/mine"]
    assert load_registry(path).tentacles == [mine, rsi]


def test_the_command_begins_with_what_was_in_force_where_a_bot_has_no_registry(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "mine")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "loligo.yaml").write_text("")
    refresh_verb = ["--home", str(tmp_path), "--quiet", "tentacle", "refresh"]
    assert run(refresh_verb) == 0
    path, shipped = tmp_path / REGISTRY_FILE, load_registry(bundled_root() / REGISTRY_FILE).tentacles
    found = load_registry(path).tentacles
    assert [entry for entry in found if entry.name != "mine"] == shipped
    assert len(found) == len(shipped) + 1
    path.unlink()
    path.symlink_to(tmp_path / "nothing")
    assert run(refresh_verb) == 3
    assert not path.exists()


def test_the_command_prints_what_it_did_and_reports_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    words = ["--home", str(tmp_path), "--json", "tentacle", "refresh"]
    assert run([*words, "--bundled"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "added": ["evaluator rsi"], "changed": []}
    assert load_registry(tmp_path / "tentacle_registry.json").tentacles[0].source == "bundled"
    (folder / "notes.txt").write_text("new")
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "added": [], "changed": ["evaluator rsi"]}
    (folder / "tentacle.toml").unlink()
    write_tentacle(tmp_path, "evaluator", "macd")
    assert run(words) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["added"], told["changed"]) == (False, ["evaluator macd"], [])
    assert told["refused"] == [f"tentacles/evaluators/rsi: {folder} has no tentacle.toml"]


def test_the_published_schema_is_that_of_the_reader(tmp_path: Path) -> None:
    assert publish_schema(tmp_path) == tmp_path / SCHEMA_FILE
    assert (bundled_root() / SCHEMA_FILE).read_bytes() == (tmp_path / SCHEMA_FILE).read_bytes()
    assert json.loads((bundled_root() / REGISTRY_FILE).read_bytes())["$schema"] == SCHEMA_FILE
