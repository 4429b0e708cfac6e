"""The watcher: what it reports and what not, and that it outlives what happens to the folders that it watches."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.api import BaseObserver, EventEmitter

from loligo.registry.registry_file import REGISTRY_FILE
from loligo.registry.tree import read_tree, tree_hash
from loligo_kit.watcher import Change, Watched, Watcher
from tests.fakes.tentacle_folder import write_tentacle

NEVER_S = 3600.0
Watch = Callable[..., "Reports"]


class Reports(queue.Queue[Change]):
    """What a watcher reports, in order."""

    watcher: Watcher

    def next(self) -> Change:
        return self.get(timeout=10)

    def until_listening(self, home: Path) -> None:
        """Wait for the first look at the registry file, which comes after the start."""
        while self.next().path != home / REGISTRY_FILE:
            pass


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Start watchers of the tentacles and the registry file in `tmp_path`; afterwards no thread of theirs is left."""
    (tmp_path / REGISTRY_FILE).write_text("{}")
    watchers: list[Watcher] = []
    before = set(threading.enumerate())

    def start(**settings: Any) -> Reports:
        what = Watched(trees=[tmp_path / "tentacles"], files=[tmp_path / REGISTRY_FILE])
        reports = Reports()
        settings = {"settle_s": 0.05, "rescan_s": NEVER_S, "poll_s": 0.1} | settings
        reports.watcher = Watcher(settings.pop("watched", what), settings.pop("on_change", reports.put), **settings)
        watchers.append(reports.watcher)
        reports.watcher.start()
        return reports

    yield start
    for watcher in watchers:
        watcher.close()
    assert set(threading.enumerate()) <= before


def known(*folders: Path) -> dict[Path, str]:
    return {folder: tree_hash(read_tree(folder)) for folder in folders}


def test_a_save_is_reported_once_with_the_bytes_and_the_hash_that_a_load_would_find(
    tmp_path: Path, watch: Watch
) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    reports = watch(known=known(folder))
    reports.until_listening(tmp_path)
    (folder / "logic.py").write_text("x = 2\n")
    change = reports.next()
    assert change.path == folder
    assert change.files == read_tree(folder) and change.files["logic.py"] == b"x = 2\n"
    assert change.tree_hash == tree_hash(read_tree(folder))
    assert reports.watcher.mode == "events"


def test_at_the_start_only_what_differs_from_the_known_hashes_is_reported(tmp_path: Path, watch: Watch) -> None:
    same, other = (write_tentacle(tmp_path, "evaluator", name) for name in ("macd", "rsi"))
    gone = tmp_path / "tentacles" / "evaluators" / "gone"
    reports = watch(known=known(same) | {other: "h1:old", gone: "h1:gone"})
    first = {change.path: change.tree_hash for change in (reports.next() for _ in range(3))}
    assert first == {gone: "", **known(other), tmp_path / REGISTRY_FILE: tree_hash({REGISTRY_FILE: b"{}"})}


def test_touch_same_bytes_and_leftovers_of_editors_and_git_are_not_reported(tmp_path: Path, watch: Watch) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    reports = watch(known=known(folder))
    reports.until_listening(tmp_path)
    (folder / "__init__.py").touch()
    (folder / "tentacle.toml").write_bytes((folder / "tentacle.toml").read_bytes())
    for leftover in ("__init__.py~", ".__init__.py.swp", ".#__init__.py", "__pycache__/x.pyc", ".git/index"):
        (folder / leftover).parent.mkdir(exist_ok=True)
        (folder / leftover).write_text("x")
    (folder / "last.py").write_text("")
    assert reports.next().files == read_tree(folder)
    assert reports.empty()


def test_a_new_tentacle_is_found_and_a_folder_without_manifest_or_fit_name_is_none(
    tmp_path: Path, watch: Watch
) -> None:
    reports = watch()
    reports.until_listening(tmp_path)
    for name in ("rsi.old", "Draft", "notes"):
        folder = write_tentacle(tmp_path, "evaluator", name)
    (folder / "tentacle.toml").unlink()
    good = write_tentacle(tmp_path, "evaluator", "rsi")
    assert reports.next().path == good
    assert reports.empty()


def test_a_removed_tentacle_is_reported_as_gone_and_as_new_when_it_comes_back(tmp_path: Path, watch: Watch) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    reports = watch(known=known(folder))
    reports.until_listening(tmp_path)
    folder.rename(tmp_path / "elsewhere")
    gone = reports.next()
    assert (gone.path, gone.files, gone.tree_hash, gone.fault) == (folder, {}, "", "")
    (tmp_path / "elsewhere").rename(folder)
    assert reports.next().tree_hash == known(folder)[folder]


def test_a_single_file_is_reported_under_its_name_and_its_neighbours_are_not(tmp_path: Path, watch: Watch) -> None:
    reports = watch()
    reports.until_listening(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "new").write_text('{"format": 1}')
    (tmp_path / "new").replace(tmp_path / REGISTRY_FILE)
    change = reports.next()
    assert (change.path, change.files) == (tmp_path / REGISTRY_FILE, {REGISTRY_FILE: b'{"format": 1}'})
    (tmp_path / REGISTRY_FILE).unlink()
    assert reports.next().files == {}


def test_a_single_file_that_is_a_link_is_watched_where_it_lies(tmp_path: Path, watch: Watch) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = (tmp_path / REGISTRY_FILE).rename(tmp_path / "dotfiles" / "registry.json")
    (tmp_path / REGISTRY_FILE).symlink_to(real)
    reports = watch()
    reports.until_listening(tmp_path)
    real.write_text("[]")
    change = reports.next()
    assert (change.path, change.files) == (tmp_path / REGISTRY_FILE, {REGISTRY_FILE: b"[]"})


def test_a_link_is_a_fault_that_is_said_once_and_the_repair_is_reported(tmp_path: Path, watch: Watch) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    reports = watch(known=known(folder))
    reports.until_listening(tmp_path)
    (folder / "data.csv").symlink_to("/etc/hostname")
    change = reports.next()
    assert (change.files, change.fault) == ({}, f"{folder}/data.csv: a link; replace it by the file it points to")
    (folder / "data.csv").unlink()
    assert reports.next().tree_hash == known(folder)[folder]


def test_a_name_that_cannot_be_shown_is_a_fault_that_is_said_once(tmp_path: Path, watch: Watch) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    (odd := folder / os.fsdecode(b"\xff.txt")).write_text("x")
    reports = watch()
    assert "a name that cannot be shown" in next(one for one in iter(reports.next, None) if one.path == folder).fault
    odd.unlink()
    assert next(one for one in iter(reports.next, None) if one.path == folder).tree_hash == tree_hash(read_tree(folder))


def test_a_linked_tentacle_is_watched_where_it_lies(tmp_path: Path, watch: Watch) -> None:
    real = write_tentacle(tmp_path / "author", "evaluator", "rsi")
    folder = tmp_path / "tentacles" / "evaluators" / "mine"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(real)
    reports = watch(known=known(folder))
    reports.until_listening(tmp_path)
    (real / "logic.py").write_text("")
    assert reports.next().files["logic.py"] == b""


def test_one_folder_alone_can_be_watched(tmp_path: Path, watch: Watch) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    other = write_tentacle(tmp_path, "evaluator", "macd")
    reports = watch(watched=Watched(folders=[folder]))
    assert reports.next().path == folder
    (other / "logic.py").write_text("")
    (folder / "sub").mkdir()
    (folder / "sub" / "logic.py").write_text("")
    assert reports.next().files["sub/logic.py"] == b""


def test_what_brings_no_event_is_found_by_the_rescan(tmp_path: Path, watch: Watch) -> None:
    folder, twin = write_tentacle(tmp_path, "evaluator", "rsi", files={"logic.py": "1"}), tmp_path / "twin.py"
    os.link(folder / "logic.py", twin)  # a write to the twin is told of the twin's folder only
    reports = watch(rescan_s=0.2)
    assert {reports.next().path, reports.next().path} == {folder, tmp_path / REGISTRY_FILE}
    twin.write_text("2")
    assert reports.next().files["logic.py"] == b"2"


def test_a_warning_of_watchdog_leads_to_a_rescan(tmp_path: Path, watch: Watch) -> None:
    folder, twin = write_tentacle(tmp_path, "evaluator", "rsi", files={"logic.py": "1"}), tmp_path / "twin.py"
    os.link(folder / "logic.py", twin)
    reports = watch()
    assert {reports.next().path, reports.next().path} == {folder, tmp_path / REGISTRY_FILE}
    twin.write_text("2")
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    assert reports.next().files["logic.py"] == b"2"


def test_where_a_probe_brings_no_event_files_are_polled(tmp_path: Path, watch: Watch) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    reports = watch(known=known(folder), make_observer=lambda: BaseObserver(EventEmitter))  # emits nothing
    reports.until_listening(tmp_path)
    assert reports.watcher.mode == "polling"
    (folder / "logic.py").write_text("")
    assert reports.next().files == read_tree(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [REGISTRY_FILE, "tentacles"]  # no probe is left


def test_where_the_system_refuses_to_watch_files_are_polled(tmp_path: Path, watch: Watch) -> None:
    def refuse() -> BaseObserver:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    reports = watch(known=known(folder), make_observer=refuse)
    reports.until_listening(tmp_path)
    (folder / "logic.py").write_text("")
    assert reports.next().files == read_tree(folder)
    assert reports.watcher.mode == "polling"


def test_polling_can_be_chosen_and_needs_no_thread_of_watchdog(tmp_path: Path, watch: Watch) -> None:
    before = set(threading.enumerate())
    reports = watch(mode="polling")
    reports.until_listening(tmp_path)
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["loligo-watcher"]
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    assert reports.next().path == folder


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_exchanged_and_removed_folders_end_neither_the_watching_nor_the_closing(tmp_path: Path, watch: Watch) -> None:
    one, two = (write_tentacle(tmp_path, "evaluator", name, files={"sub/x.py": name}) for name in ("one", "two"))
    reports = watch(known=known(one, two))
    reports.until_listening(tmp_path)
    assert ctypes.CDLL(None).renameat2(-100, bytes(one), -100, bytes(two), 2) == 0  # RENAME_EXCHANGE
    assert {reports.next().files["sub/x.py"] for _ in range(2)} == {b"one", b"two"}
    (one / "logic.py").write_text("")
    assert reports.next().files == read_tree(one)
    (two / "logic.py").write_text("")
    assert reports.next().files == read_tree(two)


def test_a_tree_that_comes_goes_and_comes_again_is_heard_each_time(tmp_path: Path, watch: Watch) -> None:
    reports = watch()
    reports.until_listening(tmp_path)
    for body in ("# one", "# two"):
        folder = write_tentacle(tmp_path, "evaluator", "rsi", body=body)
        assert reports.next().files == read_tree(folder)
        (folder / "logic.py").write_text("")  # all is there now, so that only an event can tell
        assert reports.next().files == read_tree(folder)
        (tmp_path / "tentacles").rename(tmp_path / body)
        assert reports.next().files == {}


def test_what_the_receiver_raises_is_logged_and_the_next_change_is_reported(tmp_path: Path, watch: Watch) -> None:
    reports, seen = Reports(), []

    def receive(change: Change) -> None:
        seen.append(change.path)
        if len(seen) == 1:
            raise ValueError("not ready")
        reports.put(change)

    watch(on_change=receive)
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    assert reports.next().path == folder
    assert seen == [tmp_path / REGISTRY_FILE, folder]


def test_watchdog_is_loaded_by_those_who_watch_only() -> None:
    code = "import sys, loligo_bot.cli, loligo_kit.watcher; sys.exit('watchdog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_calm_waits_until_what_is_written_has_come_to_rest(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "rsi")
    with Watcher(Watched(trees=[tmp_path / "tentacles"]), lambda _: None, settle_s=0.1) as watcher:
        before = watcher.calm(5.0)
        assert watcher.calm(5.0) == before
        with (folder / "logic.py").open("w") as file:
            file.write("half")
            file.flush()
            with pytest.raises(TimeoutError, match="rsi"):
                watcher.calm(0.3)
        assert watcher.calm(5.0) > before


def test_calm_does_not_wait_for_a_file_that_is_known_to_be_whole(tmp_path: Path) -> None:
    file = tmp_path / "tentacle_registry.json"
    file.write_text("{}")
    with Watcher(Watched(files=[file]), lambda _: None, settle_s=60.0) as watcher:
        with pytest.raises(TimeoutError, match=r"tentacle_registry\.json"):
            watcher.calm(0.3)
        before = watcher.calm(5.0, {file})
        file.write_text("{ }")
        assert watcher.calm(5.0, {file}) > before  # that it moved is told all the same
