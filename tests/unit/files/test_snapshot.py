"""Looks and reads: what a stamp notices, when a read is refused, and who is writing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loligo_files.snapshot import MAX_FILES, Look, Place


def place(folder: Path) -> Place:
    return Place(str(folder), counts=lambda name: name != "ignored")


def test_a_read_returns_every_file_that_counts_by_its_path(tmp_path: Path) -> None:
    for path in ("b.py", "sub/a.py", "sub/deep/c.bin", "ignored/x", "sub/ignored"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    seen = place(tmp_path).look()
    assert place(tmp_path).read(seen) == {path: path.encode() for path in ("b.py", "sub/a.py", "sub/deep/c.bin")}


def test_what_changed_since_the_look_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    seen = place(tmp_path).look()
    (tmp_path / "c").write_text("1")
    assert place(tmp_path).read(seen) is None
    (tmp_path / "c").unlink()
    (tmp_path / "a").unlink()
    assert place(tmp_path).read(seen) is None


def test_a_write_of_equal_size_with_its_old_date_restored_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    status, seen = (tmp_path / "a").stat(), place(tmp_path).look()
    while (tmp_path / "a").stat().st_ctime_ns == status.st_ctime_ns:  # the clock of some file systems is coarse
        (tmp_path / "a").write_text("2")
    os.utime(tmp_path / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert place(tmp_path).look().changed_since(seen) == {"a"}
    assert place(tmp_path).read(seen) is None


def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("1")
    seen = place(folder).look()
    (folder / "a").unlink()
    (folder / "a").symlink_to(tmp_path / "secret")
    assert place(folder).read(seen) is None
    assert place(folder).look().fault == f"{folder}/a: a link; replace it by the file it points to"


def test_a_single_file_may_be_a_link_and_its_target_counts(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    (tmp_path / "config").symlink_to(tmp_path / "real")
    one = Place(str(tmp_path), "config")
    seen = one.look()
    assert one.read(seen) == {"config": b"1"}
    (tmp_path / "real").write_text("22")
    assert one.look() != seen


def test_pipes_and_floods_of_files_are_faults_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert place(tmp_path).look().fault == f"{tmp_path}/pipe: expected a plain file or a folder"
    (tmp_path / "pipe").unlink()
    for number in range(MAX_FILES + 1):
        (tmp_path / str(number)).touch()
    seen = place(tmp_path).look()
    assert seen.fault == f"{tmp_path}: more than 64 MiB or 5000 files; keep data in another folder"
    with pytest.raises(OSError, match="more than 64 MiB"):
        place(tmp_path).read(seen)


def test_a_folder_that_is_not_there_looks_empty(tmp_path: Path) -> None:
    assert place(tmp_path / "none").look() == Look()
    assert place(tmp_path / "none").read(Look()) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_a_file_open_for_writing_anywhere_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    assert not place(tmp_path).is_being_written(["a"])
    with subprocess.Popen(["sh", "-c", "exec 3>>a; echo; cat"], cwd=tmp_path, stdin=-1, stdout=-1) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"\n"
        assert place(tmp_path).is_being_written(["a"])
        writer.communicate()
    with (tmp_path / "a").open("rb"):
        assert not place(tmp_path).is_being_written(["a"])


@pytest.mark.parametrize("name", [".a.py.Xy12ab", "sub/a.py.tmp", "sedAbCdEf", "model.bin.part"])
def test_a_temporary_name_is_a_file_being_written(tmp_path: Path, name: str) -> None:
    assert place(tmp_path).is_being_written([name])
    assert not place(tmp_path).is_being_written(["a.py", ".hidden", "sub/data.csv"])
