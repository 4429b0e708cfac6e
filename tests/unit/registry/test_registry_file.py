"""The registry file: strict reading, atomic writing, a schema for editors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loligo.errors import ConfigError
from loligo.registry.registry_file import Registry, RegistryEntry, editing, load_registry, previous_copy, save_registry

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
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_save_that_cannot_finish_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [entry("rsi")])
    before = path.read_bytes()
    previous_copy(path).mkdir()  # a folder where the copy belongs: the copy cannot be written
    with pytest.raises(OSError, match=r"\.previous"):
        save_registry(path, [entry("macd")])
    assert path.read_bytes() == before


def overwrite(path: Path, *entries: RegistryEntry) -> None:
    """Write as an editor does, which takes no turn."""
    values = [json.loads(one.model_dump_json()) for one in entries]
    path.write_text(json.dumps({"tentacles": values}))


def test_an_edit_keeps_what_an_editor_wrote_to_other_entries_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [entry("macd"), entry("rsi")])
    with editing(path) as entries:
        entries["evaluator rsi"] = entry("rsi", enabled=False)
        overwrite(path, entry("macd", pin=True), entry("rsi"), entry("ema"))
    found = {one.name: (one.enabled, one.pin) for one in load_registry(path).tentacles}
    assert found == {"ema": (True, False), "macd": (True, True), "rsi": (False, False)}


def test_an_edit_of_an_entry_that_an_editor_changed_meanwhile_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [entry("rsi")])
    with pytest.raises(ConfigError, match=r"somebody else changed evaluator rsi meanwhile"), editing(path) as entries:
        del entries["evaluator rsi"]
        overwrite(path, entry("rsi", pin=True))
        wanted = path.read_bytes()
    assert path.read_bytes() == wanted


def test_an_edit_that_fails_or_changes_nothing_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    overwrite(path, entry("rsi"))
    before = path.read_bytes()
    with editing(path):
        pass
    with pytest.raises(KeyError), editing(path) as entries:
        del entries["evaluator rsi"]
        raise KeyError
    assert path.read_bytes() == before


def test_no_change_of_several_processes_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    save_registry(path, [])
    program = (
        "import sys; from pathlib import Path\n"
        "from loligo.registry.registry_file import RegistryEntry, editing\n"
        "for number in range(10):\n"
        "    one = RegistryEntry(name=f'{sys.argv[2]}{number}', kind='feed', version='1.0', path='x')\n"
        "    with editing(Path(sys.argv[1])) as entries: entries[one.slot] = one\n"
    )
    environment = {"PYTHONPATH": str(ROOT / "core")}
    writers = [subprocess.Popen([sys.executable, "-c", program, path, who], env=environment) for who in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(load_registry(path).tentacles) == 30


def test_what_a_killed_writer_left_is_swept_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    (leftover := tmp_path / f".{path.name}.4711.tmp").write_text('{"tenta')
    save_registry(path, [entry("rsi")])
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enable": False}, 'evaluator rsi: enable = False: unknown key (did you mean "enabled"?)'),
        ({"enabled": "no"}, "evaluator rsi: enabled = 'no': Input should be a valid boolean"),
        ({"path": "../rsi"}, "evaluator rsi: path = '../rsi': expected a path below the registry file"),
        ({"path": "/opt/rsi"}, "expected a path below the registry file"),
        ({"tree_hash": "h1:12"}, "evaluator rsi: tree_hash = 'h1:12'"),
        ({"path": None, "tree_hash": None}, "evaluator rsi has no path: expected one, or the tree_hash of installed"),
        ({"path": None, "source": "bundled"}, "evaluator rsi has no path"),
        ({"permissions": ["everything"]}, "evaluator rsi: permissions.0 = 'everything': expected one of keys, net"),
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


def test_faults_of_several_entries_are_told_by_kind_and_name_and_by_number_where_these_lack(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    rsi, macd, nameless = (json.loads(entry(name).model_dump_json()) for name in ("rsi", "macd", "nameless"))
    del nameless["name"]
    wrong = [rsi | {"pin": 1, "version": "new"}, macd | {"kind": "evaluators"}, nameless, "ema"]
    path.write_text(json.dumps({"tentacles": wrong, "formats": 1}))
    with pytest.raises(ConfigError) as refusal:
        load_registry(path)
    first, version, second, third, fourth, unknown = str(refusal.value).removeprefix(f"{path}: ").split("; ")
    assert version.startswith("pin = 1") and first.startswith("evaluator rsi: version = 'new': expected a version")
    assert second.startswith("evaluators macd: kind = 'evaluators': Input should be 'evaluator'")
    assert (third, fourth[:21]) == ("tentacles.2.name is missing", "tentacles.3 = 'ema': ")
    assert unknown == 'formats = 1: unknown key (did you mean "format"?)'


def test_a_file_that_is_a_link_stays_one_and_what_it_leads_to_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    real, path = tmp_path / "dotfiles" / "registry.json", tmp_path / "bot" / "tentacle_registry.json"
    for file in (real, path):
        file.parent.mkdir()
    save_registry(real, [entry("rsi")])
    real.chmod(0o600)
    path.symlink_to(real)
    before = real.read_bytes()
    (leftover := real.with_name(f".{real.name}.4711.tmp")).write_text("half")
    with editing(path) as entries:
        entries["evaluator rsi"] = entry("rsi", enabled=False)
    assert (path.is_symlink(), path.read_bytes(), real.stat().st_mode & 0o777) == (True, real.read_bytes(), 0o600)
    assert (load_registry(path).tentacles[0].enabled, previous_copy(path).read_bytes()) == (False, before)
    assert not leftover.exists() and not list(tmp_path.glob("*/.*.tmp"))


def test_two_entries_of_one_kind_and_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"listed twice: evaluator rsi; keep one entry"):
        Registry(tentacles=[entry("rsi"), entry("rsi")])


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no registry file; `loligo init"):
        load_registry(tmp_path / "tentacle_registry.json")


def test_broken_json_names_the_place_and_the_copy_before_it(tmp_path: Path) -> None:
    path = tmp_path / "tentacle_registry.json"
    path.write_text('{"tentacles": [}')
    with pytest.raises(ConfigError, match=r"not valid JSON: .*line 1 column 16.*; put it right there$"):
        load_registry(path)
    save_registry(path, [])
    path.write_text('{"tentacles": [}')
    with pytest.raises(ConfigError, match=r"not valid JSON: .*line 1 column 16.*\.previous$"):
        load_registry(path)
