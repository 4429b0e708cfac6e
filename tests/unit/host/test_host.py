"""The host: what is on is loaded, what is off has a reason, home goes before bundled."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo.errors import ConfigError, TentacleError
from loligo.host import Host, LoadState, bundled_root
from loligo.registry.registry_file import load_registry, save_registry
from tests.fakes.tentacle_folder import write_registry, write_tentacle


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A bot folder with a tentacle that works, one that is broken and one that is switched off."""
    write_tentacle(tmp_path, "evaluator", "rsi")
    write_tentacle(tmp_path, "evaluator", "broken", code="raise ValueError('no')")
    write_tentacle(tmp_path, "notifier", "log")
    path = write_registry(tmp_path)
    registry = load_registry(path)
    entries = [entry.model_copy(update={"enabled": entry.name != "log"}) for entry in registry.tentacles]
    save_registry(path, entries)
    return tmp_path


def test_a_failing_tentacle_is_off_with_its_reason_and_the_others_work(home: Path) -> None:
    host = Host(home, home)
    assert [loaded.name for loaded in host.load_all()] == ["rsi"]
    rows = {row.name: (row.state, row.enabled, row.reason) for row in host.list()}
    assert rows["rsi"] == (LoadState.LOADED, True, "")
    assert rows["log"][:2] == (LoadState.OFF, False)
    assert rows["log"][2].startswith('switched off; set "enabled": true in ')
    assert rows["broken"][:2] == (LoadState.FAILED, True)
    assert "ValueError: no" in rows["broken"][2]


def test_asking_for_what_is_not_there_says_why_and_what_to_do(home: Path) -> None:
    host = Host(home, home)
    host.load_all()
    assert host.factory("evaluator", "rsi").name == "rsi"
    for kind, name, said in (
        ("evaluator", "broken", r"evaluator broken is off: .*ValueError: no"),
        ("notifier", "log", r'notifier log is off: switched off; set "enabled": true in'),
        ("evaluator", "rsy", r'has no evaluator rsy \(did you mean "rsi"\?\)'),
    ):
        with pytest.raises(TentacleError, match=said):
            host.factory(kind, name)


def test_a_folder_in_the_home_goes_before_the_bundled_one(tmp_path: Path) -> None:
    home, bundled = tmp_path / "home", tmp_path / "bundled"
    write_tentacle(bundled, "evaluator", "rsi")
    write_tentacle(bundled, "evaluator", "macd")
    write_registry(bundled)
    write_tentacle(home, "evaluator", "rsi")
    host = Host(home, bundled)
    assert host.registry_path == bundled / "tentacle_registry.json"
    folders = [loaded.folder for loaded in host.load_all()]
    assert folders == [bundled / "tentacles/evaluators/macd", home / "tentacles/evaluators/rsi"]


def test_the_registry_of_the_home_goes_before_the_bundled_one(tmp_path: Path) -> None:
    home, bundled = tmp_path / "home", tmp_path / "bundled"
    write_tentacle(bundled, "evaluator", "rsi")
    write_registry(bundled)
    write_tentacle(home, "notifier", "log")
    write_registry(home)
    assert [loaded.name for loaded in Host(home, bundled).load_all()] == ["log"]


def test_a_registry_that_is_a_link_to_nothing_is_not_replaced_by_the_bundled_one(tmp_path: Path) -> None:
    home, bundled = tmp_path / "home", tmp_path / "bundled"
    write_tentacle(bundled, "evaluator", "rsi")
    write_registry(bundled)
    home.mkdir()
    (home / "tentacle_registry.json").symlink_to(tmp_path / "unmounted" / "registry.json")
    with pytest.raises(ConfigError, match=r"home/tentacle_registry\.json: no registry file"):
        Host(home, bundled).load_all()


def test_a_tentacle_finds_the_data_it_brings_beside_its_file(tmp_path: Path) -> None:
    body = "from pathlib import Path\nTABLE = (Path(__file__).parent / 'table.txt').read_text()"
    write_tentacle(tmp_path, "evaluator", "rsi", body=body, files={"table.txt": "42"})
    write_registry(tmp_path)
    (loaded,) = Host(tmp_path, tmp_path).load_all()
    assert loaded.module.TABLE == "42"


def test_every_bundled_tentacle_loads() -> None:
    host = Host(bundled_root(), bundled_root())
    host.load_all()
    rows = host.list()
    assert len(rows) >= 10
    assert [(row.kind, row.name, row.reason) for row in rows if row.state is LoadState.FAILED] == []


def test_every_bundled_folder_is_listed() -> None:
    root = bundled_root()
    manifests = [*root.glob("tentacles/*/*/tentacle.toml"), root / "web/loligo_web/tentacle.toml"]
    folders = {path.parent.relative_to(root).as_posix() for path in manifests}
    listed = {entry.path for entry in load_registry(root / "tentacle_registry.json").tentacles}
    assert folders == listed, "run `make registry`, or take entries without a folder out"


def test_what_runs_and_is_still_wanted_is_taken_over_and_what_changed_is_loaded(tmp_path: Path) -> None:
    for name in ("rsi", "macd"):
        write_tentacle(tmp_path, "evaluator", name)
    path = write_registry(tmp_path)
    entries = load_registry(path).tentacles
    save_registry(path, [entry.model_copy(update={"tree_hash": None}) for entry in entries])
    running = {item.name: item for item in Host(tmp_path, tmp_path).load_all()}
    code = tmp_path / "tentacles/evaluators/macd/__init__.py"
    code.write_text(code.read_text() + "CHANGED = True\n")
    wanted = {item.name: item for item in Host(tmp_path, tmp_path).load_all(running=tuple(running.values()))}
    assert wanted["rsi"] is running["rsi"]
    assert wanted["macd"].module.CHANGED
    assert wanted["macd"].tree_hash != running["macd"].tree_hash


def test_tentacle_whose_entry_changed_is_loaded_anew(home: Path) -> None:
    running = Host(home, home).load_all()
    path = home / "tentacle_registry.json"
    entries = load_registry(path).tentacles
    save_registry(path, [entry.model_copy(update={"settings": {"period": 5}}) for entry in entries])
    (wanted,) = Host(home, home).load_all(running=running)
    assert wanted.make_settings({}).model_dump() == {"period": 5}


def test_host_that_lets_go_still_lists_what_it_had_loaded(home: Path) -> None:
    host = Host(home, home)
    host.load_all()
    rows = host.list()
    host.let_go()
    assert (host.list(), host.loaded) == (rows, ())
