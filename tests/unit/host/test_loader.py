"""Loading one tentacle: each refusal names what is wrong and what to do."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from loligo.api import API_VERSION, MakeContext
from loligo.errors import ConfigError, TentacleError
from loligo.host.finder import NAMESPACE
from loligo.host.host import Host, LoadState
from loligo.host.loader import Sources, load_tentacle
from loligo.registry.registry_file import load_registry, save_registry
from loligo.registry.tree import hash12
from tests.fakes.tentacle_folder import write_registry, write_tentacle

SPLIT = "from loligo.api import Factory, TentacleSettings, hookimpl\n"


def reason(root: Path, kind: str = "evaluator", name: str = "rsi") -> str:
    """Load everything below `root` and return why this tentacle is off, "" when it is not."""
    if not (root / "tentacle_registry.json").exists():
        write_registry(root)
    host = Host(root, root)
    host.load_all()
    return next(row.reason for row in host.list() if (row.kind, row.name) == (kind, name))


def change(root: Path, **values: object) -> None:
    path = write_registry(root)
    registry = load_registry(path)
    entries = [entry.model_copy(update=values) for entry in registry.tentacles]
    save_registry(path, entries)


def test_a_tentacle_is_loaded_under_a_private_name_and_makes_instances(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    write_registry(tmp_path)
    (loaded,) = Host(tmp_path, tmp_path).load_all()
    assert loaded.module.__name__ == f"{NAMESPACE}.evaluator_rsi__{hash12(loaded.tree_hash)}"
    assert loaded.create(loaded.make_settings({"period": 7}), MakeContext()) == ("rsi", 7)


def test_settings_come_from_the_desk_over_the_registry_over_the_defaults(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    write_registry(tmp_path)
    assert Host(tmp_path, tmp_path).load_all()[0].make_settings({}).model_dump() == {"period": 14}
    change(tmp_path, settings={"period": 9})
    (loaded,) = Host(tmp_path, tmp_path).load_all()
    assert loaded.make_settings({}).model_dump() == {"period": 9}
    assert loaded.make_settings({"period": 3}).model_dump() == {"period": 3}


def test_a_wrong_setting_names_place_tentacle_key_value_and_hint(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    write_registry(tmp_path)
    (loaded,) = Host(tmp_path, tmp_path).load_all()
    with pytest.raises(ConfigError) as refusal:
        loaded.make_settings({"perod": 3}, where="desks.btc.evaluators.0")
    assert str(refusal.value) == (
        'desks.btc.evaluators.0 of evaluator rsi: perod = 3: unknown key (did you mean "period"?)'
    )
    with pytest.raises(ConfigError, match=r"period = 'x': Input should be a valid integer"):
        loaded.make_settings({"period": "x"})


def test_wrong_settings_in_the_registry_switch_the_tentacle_off(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    change(tmp_path, settings={"period": "long"})
    assert "settings in the registry: period = 'long'" in reason(tmp_path)


def test_changed_content_is_refused_with_both_hashes_and_the_command(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    write_registry(tmp_path)
    assert reason(tmp_path) == ""
    wanted = hash12(Host(tmp_path, tmp_path).load_all()[0].tree_hash)
    (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + "\n")
    said = reason(tmp_path)
    assert f"the registry wants {wanted}" in said
    assert "make registry" in said


def test_a_local_tentacle_without_a_hash_is_loaded_as_it_is(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    change(tmp_path, tree_hash=None)
    (folder / "notes.txt").write_text("edited")
    assert reason(tmp_path) == ""


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"api": '">=2"'}, f"needs loligo.api >=2, this is {API_VERSION}"),
        ({"requires": '{ python = ["numpy<1"] }'}, "needs the package numpy<1, numpy "),
        (
            {"requires": '{ python = ["no-such-thing"] }'},
            "which is not there; `loligo tentacle packages rsi` brings it",
        ),
        ({"requires": '{ tentacles = { ema = ">=1" } }'}, "needs the tentacle ema >=1, which is not in the registry"),
        ({"requires": '{ tentacles = { rsi = ">=2" } }'}, "needs the tentacle rsi >=2, the registry has 1.0.0"),
        ({"permissions": '["net:example.org"]'}, "`loligo tentacle grant rsi net:example.org` grants it"),
        ({"hooks": '["evaluator", "bot_started"]'}, "its code has ['evaluator']"),
        ({"isolation": '"process"'}, 'its manifest wants isolation "process", which is not there yet'),
    ],
)
def test_wishes_that_are_not_met_are_named(tmp_path: Path, manifest: dict[str, str], said: str) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi", manifest=manifest)
    assert said in reason(tmp_path)


def test_a_package_wished_for_another_system_only_is_not_missed(tmp_path: Path) -> None:
    requires = "{ python = [\"no-such-thing; sys_platform == 'none'\"] }"
    write_tentacle(tmp_path, "evaluator", "rsi", manifest={"requires": requires})
    assert reason(tmp_path) == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nonsense_module", "__init__.py, line 1: imports nonsense_module, which requires.python of"),
        ("from . import missing", "ImportError: cannot import name 'missing'"),
        ("x = 1\ndef broken(:", "__init__.py, line 2: SyntaxError: invalid syntax"),
        ("raise SystemExit(1)", "SystemExit: 1 (__init__.py, line 1)"),
        ("", "has the hooks of the kinds: none; expected evaluator()"),
        (SPLIT + "@hookimpl\ndef evaluator():\n    return 3", "evaluator() returned int, expected a Factory"),
        (SPLIT + "@hookimpl\ndef evaluator():\n    pass", "evaluator() returned NoneType, expected a Factory"),
        (SPLIT + "@hookimpl\ndef evaluator():\n    1 / 0", "ZeroDivisionError: division by zero (__init__.py, line 4)"),
        (SPLIT + "@hookimpl\nasync def evaluator():\n    pass", "hook evaluator is `async def`"),
        (
            SPLIT + "@hookimpl\ndef evaluator():\n    return Factory(settings=dict, create=print)",
            "expected a subclass of TentacleSettings",
        ),
    ],
)
def test_code_that_does_not_keep_its_contract_is_off_with_the_reason(tmp_path: Path, code: str, said: str) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi", code=code)
    assert said in reason(tmp_path)


def test_a_refused_tentacle_leaves_no_module_behind(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "refused_one", body="@hookimpl\ndef bot_startd(): pass")
    assert "unknown hook" in reason(tmp_path, name="refused_one")
    assert [name for name in sys.modules if "refused_one" in name] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("@hookimpl\ndef bot_startd(desks): pass", 'unknown hook "bot_startd" (did you mean "bot_started"?)'),
        ("@hookimpl\ndef bot_started(desk): pass", "Argument(s) {'desk'} are declared in the hookimpl"),
        (
            "@hookimpl\ndef strategy(): pass",
            "has the hooks of the kinds: evaluator, strategy; expected evaluator() and no other",
        ),
    ],
)
def test_hooks_that_pluggy_or_the_kind_do_not_know_are_refused(tmp_path: Path, body: str, said: str) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi", body=body)
    assert said in reason(tmp_path)


def test_an_instance_that_cannot_be_made_is_a_tentacle_error_with_its_place(tmp_path: Path) -> None:
    body = "def make(settings, context):\n    return {14: Made()}[settings.period]\n"
    body += "@hookimpl\ndef evaluator():\n    return Factory(settings=Settings, create=make)"
    write_tentacle(tmp_path, "evaluator", "rsi", body=body)
    write_registry(tmp_path)
    (loaded,) = Host(tmp_path, tmp_path).load_all()
    with pytest.raises(TentacleError, match=r"rsi cannot be made: KeyError: 3 \(__init__\.py, line 15\)"):
        loaded.create(loaded.make_settings({"period": 3}), MakeContext())


def test_isolation_in_a_process_is_refused_until_it_exists(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    change(tmp_path, isolation="process")
    assert 'the registry wants isolation "process", which is not there yet' in reason(tmp_path)


def test_an_entry_that_disagrees_with_the_manifest_is_refused(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    change(tmp_path, version="2.0.0")
    assert "says evaluator rsi 1.0.0, the registry evaluator rsi 2.0.0" in reason(tmp_path)


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    change(tmp_path, tree_hash=None)
    (folder / "__init__.py").unlink()
    assert "has no __init__.py" in reason(tmp_path)
    folder.rename(folder.with_name("moved"))
    assert "no folder tentacles/evaluators/rsi in" in reason(tmp_path)


def test_a_link_in_one_tentacle_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    write_tentacle(tmp_path, "evaluator", "macd")
    change(tmp_path, tree_hash=None)
    (folder / "link.py").symlink_to(folder / "__init__.py")
    host = Host(tmp_path, tmp_path)
    assert [loaded.name for loaded in host.load_all()] == ["macd"]
    assert [row.state for row in host.list()] == [LoadState.LOADED, LoadState.FAILED]


def shipped(root: Path) -> Sources:
    """Return the sources of a bot folder whose tentacles all came with Loligo, and which keeps what it loads."""
    path = write_registry(root)
    bundled = [entry.model_copy(update={"source": "bundled"}) for entry in load_registry(path).tentacles]
    save_registry(path, bundled)
    return Host(root, root).sources(keeps=True)


def test_what_came_with_loligo_is_loaded_without_the_verifier_and_a_changed_copy_of_it_is_not(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi", body="import socket")  # which the verifier refuses
    sources = shipped(tmp_path)
    (entry,) = load_registry(tmp_path / "tentacle_registry.json").tentacles
    assert load_tentacle(entry, sources, [entry]).module.socket is not None
    with pytest.raises(TentacleError, match=r"line 14: socket needs the permission"):
        load_tentacle(entry, replace(sources, shipped=frozenset()), [entry])


def test_what_is_loaded_is_kept_first_and_loaded_from_there_when_its_folder_is_gone(tmp_path: Path) -> None:
    body = "from pathlib import Path\nTABLE = (Path(__file__).parent / 'table.txt').read_text()"
    folder = write_tentacle(tmp_path, "evaluator", "rsi", body=body, files={"table.txt": "42"})
    write_registry(tmp_path)
    host = Host(tmp_path, tmp_path)
    host.load_all(keeps=True)
    (kept,) = (tmp_path / "state/content").glob("[!.]*")
    rmtree(folder)
    (entry,) = load_registry(host.registry_path).tentacles
    save_registry(host.registry_path, [entry.model_copy(update={"path": None})])
    (loaded,) = host.load_all()
    assert (loaded.folder, loaded.module.TABLE) == (kept, "42")
    (kept / "table.txt").write_text("43")
    assert host.load_all() == ()
    assert f"{kept} was changed: it holds" in host.list()[0].reason


def test_listing_writes_nothing(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "rsi")
    write_registry(tmp_path)
    assert len(Host(tmp_path, tmp_path).load_all()) == 1
    assert not (tmp_path / "state").exists()
