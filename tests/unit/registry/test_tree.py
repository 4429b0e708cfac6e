"""The tree hash: what it depends on, and what it does not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.tree import hash12, read_tree, tree_hash


def test_the_hash_is_that_of_the_sorted_list_of_file_hashes() -> None:
    one, two = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
    expected = hashlib.sha256(f"{one}  a.py\n{two}  b/c.py\n".encode()).hexdigest()
    assert tree_hash({"b/c.py": b"2", "a.py": b"1"}) == "h1:" + expected
    assert hash12("h1:" + expected) == expected[:12]


def test_compiled_files_do_not_count_and_all_others_do(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    for name in ("__init__.py", "data.csv", ".hidden", "__pycache__/x.py", "old.pyc"):
        (tmp_path / name).write_text(name)
    assert list(read_tree(tmp_path)) == [".hidden", "__init__.py", "data.csv"]


def test_what_editors_and_tools_leave_beside_a_file_does_not_count_and_its_look_alikes_do(tmp_path: Path) -> None:
    kept = [".gitignore", ".hidden.sw", "a.pyx", "swap.swp", "x#y"]
    left = [".a.py.swp", "a.py~", ".#a.py", "#a.py#", "4913", ".DS_Store", ".git/index", ".venv/a.py"]
    for name in (*kept, *left):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(read_tree(tmp_path)) == kept


def test_name_and_content_both_change_the_hash() -> None:
    hashes = {tree_hash(files) for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""})}
    assert len(hashes) == 4


def test_a_link_inside_a_tentacle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("x = 1")
    (tmp_path / "link.py").symlink_to(tmp_path / "real.py")
    with pytest.raises(TentacleError, match=r"link\.py: a link inside a tentacle; replace it"):
        read_tree(tmp_path)


@pytest.mark.parametrize("name", [b"\xff.txt", b"a.py\n" + b"0" * 64 + b"  b.py"])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_text("x")
    with pytest.raises(TentacleError, match=r"a name that cannot be shown; rename it") as refusal:
        read_tree(tmp_path)
    assert str(refusal.value).isascii()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match=r"gone: no such folder"):
        read_tree(tmp_path / "gone")
