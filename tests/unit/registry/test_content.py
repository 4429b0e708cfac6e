"""The content store: whole or not there, compared with its hash, swept after a crash, pruned by name."""

from __future__ import annotations

import subprocess
import sys
from collections import UserDict
from collections.abc import ItemsView
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.content import ContentStore
from loligo.registry.tree import hash12, tree_hash

FILES = {"__init__.py": b"x = 1", "data/table.csv": b"1,2", "tentacle.toml": b""}
OTHERS = {"__init__.py": b"x = 2"}
PUTS_FOREVER = """
import sys
from pathlib import Path
from loligo.registry.content import ContentStore
store = ContentStore(Path(sys.argv[1]))
for number in range(1_000_000):
    store.put({f"{name}.py": b"%d" % number for name in range(20)})
    print(number, flush=True)
"""


def test_what_was_put_is_got_and_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "state/content")
    wanted = store.put(FILES)
    assert wanted == tree_hash(FILES)
    assert (store.get(wanted), store.has(wanted), store.has(tree_hash(OTHERS))) == (FILES, True, False)
    assert (store.path(wanted) / "data/table.csv").read_bytes() == b"1,2"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_missing_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match=r"/0{64}: no such version; install it again"):
        ContentStore(tmp_path).get("h1:" + "0" * 64)


@pytest.mark.parametrize("change", ["edited", "added", "removed"])
def test_a_version_that_was_tampered_with_is_refused_with_both_hashes(tmp_path: Path, change: str) -> None:
    store = ContentStore(tmp_path)
    folder = store.path(store.put(FILES))
    changed = dict(FILES)
    if change == "removed":
        (folder / "tentacle.toml").unlink()
        del changed["tentacle.toml"]
    else:
        name = "__init__.py" if change == "edited" else "more.py"
        (folder / name).write_bytes(b"x = 3")
        changed[name] = b"x = 3"
    with pytest.raises(TentacleError) as refusal:
        store.get(tree_hash(FILES))
    assert str(refusal.value).startswith(f"{folder} was changed: it holds {hash12(tree_hash(changed))}; remove it")


@pytest.mark.parametrize("name", ["../out.py", "/out.py", "a/../../out.py", "a\\b.py", ""])
def test_a_path_that_leads_elsewhere_is_refused_and_nothing_is_written_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(TentacleError, match="expected a path below the tentacle's folder"):
        ContentStore(tmp_path / "content").put({name: b""})
    assert [path.name for path in tmp_path.iterdir()] == ["content"]


def test_what_is_no_content_is_named_and_refused(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match=r"^old\.pyc: no content of a tentacle"):
        ContentStore(tmp_path).put({"__init__.py": b"", "old.pyc": b""})


class Interrupted(UserDict[str, bytes]):
    """Files of which only the first can be had by whoever goes through them with their content."""

    def items(self) -> ItemsView[str, bytes]:
        first = next(iter(self))

        def ends_early() -> object:
            yield first, self[first]
            raise KeyboardInterrupt

        return ends_early()  # type: ignore[return-value]


def test_a_put_that_ends_half_way_leaves_no_version_and_is_swept_by_the_next(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.put(Interrupted(FILES))
    assert len(list(tmp_path.glob(".tmp-*"))) == 1
    assert not store.has(tree_hash(FILES))
    store.put(OTHERS)
    assert list(tmp_path.glob(".tmp-*")) == []
    assert store.get(store.put(FILES)) == FILES


def test_every_version_is_whole_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    for _ in range(4):
        command = [sys.executable, "-c", PUTS_FOREVER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()  # it is at work
            writer.kill()
    store = ContentStore(tmp_path)
    names = [path.name for path in tmp_path.iterdir() if path.name[0] != "."]
    assert len(names) >= 1
    assert all(len(store.get(f"h1:{name}")) == 20 for name in names)


def test_many_may_put_the_same_version_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: ContentStore(tmp_path).put(FILES), range(16)))
    assert hashes == {tree_hash(FILES)}
    assert ContentStore(tmp_path).get(tree_hash(FILES)) == FILES
    assert list(tmp_path.glob(".tmp-*")) == []


def test_pruning_keeps_what_is_named_and_says_what_went(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    kept, gone = store.put(FILES), store.put(OTHERS)
    assert store.prune({kept, "h1:" + "0" * 64}) == (gone,)
    assert (store.has(kept), store.has(gone)) == (True, False)
    assert store.prune({kept}) == ()
