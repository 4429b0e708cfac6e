"""The ways in which people's tools write a tentacle's folder: real vim, git and cp; the others by their exact steps.

A saver takes the folder and the files that it shall hold afterwards; those that it holds already stay untouched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Files = Mapping[str, bytes]
Saver = Callable[[Path, Files], None]


def version(number: int, count: int = 2, lines: int = 200) -> dict[str, bytes]:
    """Return a tentacle of `count` files in which every line names the version, so that no two versions can mix."""
    text = f"value = {number}\n".encode() * lines
    return {"tentacle.toml": b'name = "saved"\n', **{f"part_{index:02}.py": text for index in range(count - 1)}}


def changed(folder: Path, files: Files) -> dict[str, bytes]:
    """Return those of `files` that the folder does not hold yet."""
    return {name: body for name, body in sorted(files.items()) if not _holds(folder / name, body)}


def vim(folder: Path, files: Files, *, backupcopy: str = "no") -> None:
    """`:wq` in vim: by default it renames the old file away, creates the new one and removes the old."""
    for name, body in changed(folder, files).items():
        steps = [f"set swapfile backupcopy={backupcopy}", f"%s/.*/{body.splitlines()[0].decode()}/", "wq"]
        quiet = ["vim", "-u", "NONE", "-i", "NONE", "-N", "-es"]
        edits = [word for step in steps for word in ("-c", step)]
        subprocess.run([*quiet, *edits, str(folder / name)], check=True, stdin=subprocess.DEVNULL)


def vim_in_place(folder: Path, files: Files) -> None:
    """Vim as it saves a linked file: a copy as backup, then the file itself is truncated and written."""
    vim(folder, files, backupcopy="yes")


def vim_steps(folder: Path, files: Files) -> None:
    """Save without vim as vim does: a trial file, rename to NAME~, create, write, unlink NAME~."""
    for name, body in changed(folder, files).items():
        path, backup = folder / name, folder / f"{name}~"
        (folder / "4913").touch()
        (folder / "4913").unlink()
        path.rename(backup)
        path.write_bytes(body)
        backup.unlink()


def atomic(folder: Path, files: Files) -> None:
    """Save as careful editors do: a file beside it, fsync, rename over."""
    for name, body in changed(folder, files).items():
        beside = folder / f".{name}.tmp"
        with beside.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(folder / name)


def slow(folder: Path, files: Files, *, pieces: int = 10, pause_s: float = 0.1) -> None:
    """Truncate each file and write it in pieces."""
    for name, body in changed(folder, files).items():
        with (folder / name).open("wb", buffering=0) as file:
            for start in range(0, len(body), -(-len(body) // pieces)):
                file.write(body[start : start + -(-len(body) // pieces)])
                time.sleep(pause_s)


def slower(folder: Path, files: Files) -> None:
    """Write in pieces with pauses that are longer than any settle time, the file being open all the while."""
    slow(folder, files, pieces=3, pause_s=0.4)


def git_checkout(folder: Path, files: Files) -> None:
    """Commit the files from elsewhere and check that commit out, as a `git pull` does."""
    if not (folder / ".git").exists():
        _git(folder, "init", "-q")
        _git(folder, "add", ".")
        _git(folder, "commit", "-qm", "as it is")
    with tempfile.TemporaryDirectory() as other:
        _write(Path(other), files)
        elsewhere = {"GIT_WORK_TREE": other, "GIT_INDEX_FILE": str(folder / ".git" / "other-index")}
        _git(folder, "add", "-A", ".", **elsewhere)
        commit = _git(folder, "commit-tree", "-m", "next", _git(folder, "write-tree", **elsewhere))
    _git(folder, "checkout", "-qf", "--detach", commit)


def copy(folder: Path, files: Files) -> None:
    """`cp -r`, which keeps no dates."""
    with tempfile.TemporaryDirectory() as other:
        _write(Path(other), files)
        subprocess.run(["cp", "-r", f"{other}/.", str(folder)], check=True)


def old_dates_copy(folder: Path, files: Files) -> None:
    """`cp -rp` of files that were last written in 2001."""
    with tempfile.TemporaryDirectory() as other:
        _write(Path(other), files)
        for path in Path(other).iterdir():
            os.utime(path, (1e9, 1e9))
        subprocess.run(["cp", "-rp", f"{other}/.", str(folder)], check=True)


def stalling_copy(folder: Path, files: Files) -> None:
    """A copy that stands still for 400 ms in the middle, with no file open."""
    for index, (name, body) in enumerate(sorted(files.items())):
        if index == len(files) // 2:
            time.sleep(0.4)
        (folder / name).write_bytes(body)


def rsync_steps(folder: Path, files: Files) -> None:
    """As rsync does: .NAME.XXXXXX is written, here with a stall of 400 ms after its close, and renamed to NAME."""
    for name, body in changed(folder, files).items():
        beside = folder / f".{name}.Ab3xYz"
        beside.write_bytes(body)
        time.sleep(0.4)
        beside.replace(folder / name)


def folder_swap(folder: Path, files: Files) -> None:
    """Write a whole folder beside it and exchange the two by renames, as deploy scripts do."""
    new, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    new.mkdir()
    _write(new, files)
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old)


def _holds(path: Path, body: bytes) -> bool:
    return path.exists() and path.read_bytes() == body


def _write(folder: Path, files: Files) -> None:
    for name, body in files.items():
        (folder / name).write_bytes(body)


def _git(folder: Path, *words: str, **environment: str) -> str:
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": str(folder / ".git")}
    command = ["git", "-c", "core.autocrlf=false", *words]
    place = Path(environment.get("GIT_WORK_TREE", folder))
    done = subprocess.run(
        command, cwd=place, env=os.environ | who | clean | environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
