"""Folders of tentacles that are read again only when the file system tells of a change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.tree import read_tree
from loligo_kit.known_trees import KnownTrees

AT_ONCE_NS = -1_000_000_000  # what was written just now counts as at rest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sums"
    (folder / "logic").mkdir(parents=True)
    (folder / "__init__.py").write_text("ONE = 1\n")
    (folder / "logic" / "sums.py").write_text("TWO = 2\n")
    return folder


def with_other_bytes_and_the_same_times(folder: Path) -> None:
    file = folder / "logic" / "sums.py"
    before = file.stat()
    file.write_text("TWO = 3\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def with_another_file_in_its_place(folder: Path) -> None:
    (folder / "new.py").write_text("TWO = 4\n")
    (folder / "new.py").rename(folder / "logic" / "sums.py")


def with_one_file_more(folder: Path) -> None:
    (folder / "logic" / "more.py").write_text("")


def with_one_file_less(folder: Path) -> None:
    (folder / "logic" / "sums.py").unlink()


def test_a_folder_that_is_as_it_was_is_not_read_again(folder: Path) -> None:
    trees = KnownTrees(AT_ONCE_NS)
    first = trees.read(folder)
    (folder / "__pycache__").mkdir()  # no content, but a change of the folder: it is read once more
    second = trees.read(folder)
    assert first == second == read_tree(folder)
    assert trees.read(folder) is second


@pytest.mark.parametrize(
    "change",
    [with_other_bytes_and_the_same_times, with_another_file_in_its_place, with_one_file_more, with_one_file_less],
)
def test_every_change_is_read(folder: Path, change: Callable[[Path], None]) -> None:
    trees = KnownTrees(AT_ONCE_NS)
    before = dict(trees.read(folder))
    change(folder)
    after = trees.read(folder)
    assert after == read_tree(folder)
    assert after != before


def test_what_was_written_a_moment_ago_is_read_again(folder: Path) -> None:
    trees = KnownTrees()
    assert trees.read(folder) is not trees.read(folder)


def test_a_link_is_refused_although_the_folder_was_known(folder: Path) -> None:
    trees = KnownTrees(AT_ONCE_NS)
    trees.read(folder)
    (folder / "logic" / "sums.py").unlink()
    (folder / "logic" / "sums.py").symlink_to(folder / "__init__.py")
    with pytest.raises(TentacleError, match="a link inside a tentacle"):
        trees.read(folder)
