"""Keeps every version that the bot ever loaded, by the hash of its content: `FOLDER/HASH/` with the files as they were.

A version that is there is whole: its files and their folder are on disk before the name is given to it, by one rename.
So a journal that names a hash can be replayed, and going back needs no network. What is read is compared with its hash;
nothing is ever changed in place. Writers take turns by a lock file, which a crash releases, so whatever temporary
folder a writer meets was left by one that ended too early, and is swept.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from loligo.errors import TentacleError
from loligo.registry.durable import sync_folder, write_file
from loligo.registry.tree import PREFIX, hash12, read_tree, tree_hash

CONTENT_FOLDER = Path("state/content")  # below a bot's home
_TEMPORARY = ".tmp-"


class ContentStore:
    """The versions below one folder, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, wanted: str) -> Path:
        """Return the folder that holds, or would hold, the version of this tree hash."""
        return self._folder / wanted.removeprefix(PREFIX)

    def has(self, wanted: str) -> bool:
        """Say whether the version is there, without reading it."""
        return self.path(wanted).is_dir()

    def put(self, files: Mapping[str, bytes]) -> str:
        """Keep `files` (by path, with "/") and return their tree hash; what is there already is left as it is.

        TentacleError when a path leads elsewhere or names what is no content, such as compiled files.
        """
        wanted = tree_hash(files)
        if self.has(wanted):
            return wanted
        with self._turn():
            if not self.has(wanted):  # another process may have had its turn first
                temporary = self._folder / f"{_TEMPORARY}{hash12(wanted)}"
                _write(temporary, files)
                if tree_hash(read_tree(temporary)) != wanted:
                    lost = ", ".join(sorted(files.keys() - read_tree(temporary).keys()))
                    raise TentacleError(f"{lost}: no content of a tentacle, or the same name twice; take it out")
                temporary.rename(self.path(wanted))
                sync_folder(self._folder)
        return wanted

    def get(self, wanted: str) -> dict[str, bytes]:
        """Return the files of a version. TentacleError when it is missing, or is no longer what the hash names."""
        folder = self.path(wanted)
        if not folder.is_dir():
            raise TentacleError(f"{folder}: no such version; install it again")
        files = read_tree(folder)
        if (found := tree_hash(files)) != wanted:
            raise TentacleError(f"{folder} was changed: it holds {hash12(found)}; remove it and install it again")
        return files

    def prune(self, keep: Set[str]) -> tuple[str, ...]:
        """Remove every version that is not in `keep` and return the tree hashes removed, sorted."""
        with self._turn():
            there = {PREFIX + path.name for path in self._folder.iterdir() if not path.name.startswith(".")}
            gone = tuple(sorted(there - keep))
            for unwanted in gone:
                temporary = self._folder / f"{_TEMPORARY}{hash12(unwanted)}"
                self.path(unwanted).rename(temporary)  # at once out of sight: never half a version
                shutil.rmtree(temporary)
        return gone

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in self._folder.glob(f"{_TEMPORARY}*"):
                shutil.rmtree(leftover)
            yield


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    folders = {folder}
    for name, content in files.items():
        parts = PurePosixPath(name)
        if not name or parts.is_absolute() or ".." in parts.parts or "\\" in name:
            raise TentacleError(f'{name!r}: expected a path below the tentacle\'s folder, with "/"')
        path = folder / parts
        path.parent.mkdir(parents=True, exist_ok=True)
        folders |= {folder / parent for parent in parts.parents}
        write_file(path, content)
    for each in sorted(folders, reverse=True):  # inner ones first
        sync_folder(each)
