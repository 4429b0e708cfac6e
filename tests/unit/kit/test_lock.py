"""The lock file: order of versions, whole files, and what differs from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loligo.errors import ConfigError, TentacleError
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import tree_hash
from loligo_kit.lock import (
    LOCK_FILE,
    Lock,
    LockedTentacle,
    LockedVersion,
    admission,
    check_locked,
    hashes_like,
    load_lock,
    save_lock,
    settings_hash,
)

FILES = {"tentacle.toml": b"x", "settings.schema.json": b"{}"}


def version(number: int, **more: object) -> LockedVersion:
    values = {"version": f"{number}.0", "tree_hash": f"h1:{number:064x}", "source": "somewhere"}
    return LockedVersion.model_validate(values | more)


def tentacle(*versions: LockedVersion, pending: str | None = None) -> LockedTentacle:
    return LockedTentacle(kind="evaluator", name="mean", versions=list(versions), pending=pending)


def numbers(found: LockedTentacle) -> list[str]:
    return [each.version for each in found.versions]


def test_what_is_saved_is_what_is_loaded_sorted_by_kind_and_name(tmp_path: Path) -> None:
    other = LockedTentacle(kind="evaluator", name="ema", versions=[version(2)])
    save_lock(tmp_path, Lock(tentacles=[tentacle(version(1)), other]))
    assert [each.slot for each in load_lock(tmp_path).tentacles] == ["evaluator ema", "evaluator mean"]
    assert load_lock(tmp_path).tree_hashes() == {version(1).tree_hash, version(2).tree_hash}
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


def test_a_folder_without_one_has_an_empty_lock(tmp_path: Path) -> None:
    assert load_lock(tmp_path) == Lock()


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "not valid JSON"), ('{"format": 2}', "format = 2"), ('{"tentacle": []}', "tentacle = .*unknown key")],
)
def test_a_wrong_one_is_refused_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / LOCK_FILE).write_text(text)
    with pytest.raises(ConfigError, match=rf"tentacles\.lock: {said}.*version control"):
        load_lock(tmp_path)


def test_the_version_before_is_the_one_that_ran_before_whatever_its_number() -> None:
    found = tentacle(version(1)).with_newest(version(1), version(2)).with_newest(version(2), version(1))
    assert numbers(found) == ["2.0", "1.0"]
    before = found.before(version(1).tree_hash)
    assert before is not None and before.version == "2.0"
    assert found.before(version(2).tree_hash) is None


def test_a_version_that_waits_ran_never_and_gives_way_to_the_next() -> None:
    waiting = tentacle(version(1)).with_newest(version(1), version(2), pending=version(2).tree_hash)
    assert waiting.before(version(1).tree_hash) is None
    assert numbers(waiting.with_newest(version(1), version(3), pending=version(3).tree_hash)) == ["1.0", "3.0"]


def test_the_last_ten_are_kept() -> None:
    found = tentacle(*(version(number) for number in range(1, 11))).with_newest(version(10), version(11))
    assert numbers(found) == [f"{number}.0" for number in range(2, 12)]


def test_a_person_names_a_version_by_four_digits_of_its_hash_or_by_its_number() -> None:
    versions = [version(1, tree_hash="h1:abcd" + "0" * 60), version(1, tree_hash="h1:abce" + "0" * 60), version(2)]
    assert [len(hashes_like(said, versions)) for said in ("abcd", "h1:abce", "2.0", "1.0", "abc", "9.9")] == [
        1,
        1,
        1,
        2,
        0,
        0,
    ]


def entry(**more: object) -> RegistryEntry:
    values = {"name": "mean", "kind": "evaluator", "version": "1.0", "tree_hash": tree_hash(FILES)}
    return RegistryEntry.model_validate(values | {"source": "installed"} | more)


def lock(**more: object) -> Lock:
    values = {"tree_hash": tree_hash(FILES), "settings_hash": settings_hash(FILES)} | more
    return Lock(tentacles=[tentacle(version(1, **values))])


def test_an_entry_with_content_that_the_lock_knows_passes() -> None:
    check_locked(lock(), entry())


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (Lock(), entry(), r"tentacles\.lock does not know evaluator mean"),
        (lock(tree_hash="h1:" + "0" * 64), entry(), "does not know"),
        (lock(), entry(version="1.1"), r"the registry says version 1\.1, tentacles\.lock 1\.0"),
    ],
)
def test_an_entry_that_differs_from_the_lock_is_refused(found: Lock, wanted: RegistryEntry, said: str) -> None:
    with pytest.raises(TentacleError, match=said):
        check_locked(found, wanted)


def test_an_update_that_waits_cannot_be_loaded_by_writing_its_hash_into_the_registry() -> None:
    waiting = Lock(tentacles=[tentacle(version(1, tree_hash=tree_hash(FILES)), pending=tree_hash(FILES))])
    with pytest.raises(TentacleError, match="run `loligo tentacle agree mean`"):
        check_locked(waiting, entry())


def test_a_tentacle_in_a_folder_of_its_own_is_its_owners_affair() -> None:
    check_locked(Lock(), entry(source="local", path="tentacles/mean"))


def test_a_broken_lock_file_keeps_off_what_was_installed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("{")
    admit = admission(tmp_path)
    admit(entry(source="local", path="tentacles/mean"))
    with pytest.raises(TentacleError, match="not valid JSON"):
        admit(entry())


def test_the_file_is_read_by_people_too(tmp_path: Path) -> None:
    save_lock(tmp_path, Lock(tentacles=[tentacle(version(1))]))
    assert json.loads((tmp_path / LOCK_FILE).read_text())["tentacles"][0]["versions"][0]["version"] == "1.0"


def test_what_was_given_all_that_it_wants_does_not_wait_any_more_and_another_update_does() -> None:
    given = RegistryEntry.model_validate(
        {"name": "mean", "kind": "evaluator", "version": "2.0", "tree_hash": version(2).tree_hash}
        | {"source": "pip", "permissions": ["files"]}
    )
    locked = tentacle(version(1), version(2), pending=version(2).tree_hash).equipped(given, None)
    assert (locked.pending, locked.versions[1].permissions, locked.versions[0].permissions) == (None, ["files"], [])
    waiting = tentacle(version(2), version(3), pending=version(3).tree_hash).equipped(given, None)
    assert waiting.pending == version(3).tree_hash
