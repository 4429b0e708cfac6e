"""Reads the files of one git commit, without ever checking it out.

The `git` program fetches the one commit into a bare repository in a temporary folder; its objects, which git names by
their content, are then read by the rules of an archive. Nothing of the machine's git configuration applies, no hook,
submodule, filter or prompt runs, and git talks in no protocol but that of the URL. Blocks: call it off the event loop.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from loligo.errors import TentacleError
from loligo_kit.download import PATIENCE, Patience, SourceUnavailable
from loligo_kit.package import LIMITS, Limits, PackageRefused, Reason, check_paths, check_sizes, package_of, shown

_SOURCE = re.compile(
    r"git\+(?P<url>(?P<scheme>https|ssh|file)://[!-~]+)@(?P<commit>[^@/#]*)(#subdirectory=(?P<folder>.*))?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_KEPT_VARIABLES = ("PATH", "HOME", "SSH_AUTH_SOCK", "https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE", "TMPDIR")
_LOOK_S = 0.1
_FILE_MODES = {"100644", "100755"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """One commit of a repository, or one folder of it ("" for all)."""

    url: str
    commit: str
    folder: str = ""

    @property
    def text(self) -> str:
        """Return what `parse_git_source` reads back."""
        return f"git+{self.url}@{self.commit}" + (f"#subdirectory={self.folder}" if self.folder else "")


def parse_git_source(source: str) -> GitSource:
    """Return the parts of `git+URL@COMMIT`, perhaps with `#subdirectory=FOLDER`. TentacleError when it is not that."""
    expected = "expected git+https://example.org/repository@COMMIT (https, ssh or file), COMMIT in all its 40 digits"
    found = _SOURCE.fullmatch(source)
    if found is None:
        raise TentacleError(f"{_masked(source)}: {expected}")
    url, commit, folder = found["url"], found["commit"], found["folder"] or ""
    if not _COMMIT.fullmatch(commit):
        raise TentacleError(f"{_masked(source)}: commit {commit!a}: a branch or a short hash can move; {expected}")
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise TentacleError(f"{_masked(source)}: {exc}; {expected}") from exc
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise TentacleError(f"{_masked(source)}: holds a password, which would end up in files; use ssh with a key")
    if parts.netloc.startswith("-") or "@-" in parts.netloc or (parts.scheme == "file") == bool(parts.netloc):
        raise TentacleError(f"{_masked(source)}: host {parts.netloc!a}; {expected}")
    if folder:
        check_paths([folder])
    return GitSource(url=url, commit=commit, folder=folder.removesuffix("/"))


def read_commit(source: GitSource, limits: Limits = LIMITS, patience: Patience = PATIENCE) -> dict[str, bytes]:
    """Return the package in a commit by path, sorted.

    SourceUnavailable when git cannot fetch it in time, PackageRefused when it holds what an archive must not hold.
    """
    if shutil.which("git") is None:
        raise TentacleError("the program git is not installed; install it, or install the tentacle from a zip")
    with tempfile.TemporaryDirectory(prefix="loligo-git-", ignore_cleanup_errors=True) as folder:
        git = _Git(Path(folder), source, limits, patience)
        git.fetch()
        blobs = git.list()
        return package_of(dict(zip(blobs, git.read(tuple(blobs.values())), strict=True)))


class _Git:
    """The git program on one bare repository in a temporary folder; every call shares one deadline."""

    def __init__(self, folder: Path, source: GitSource, limits: Limits, patience: Patience) -> None:
        self._folder = folder
        self._source = source
        self._limits = limits
        self._patience = patience
        self._ends_at = monotonic() + patience.total_s

    def fetch(self) -> None:
        """Fetch the commit alone. SourceUnavailable when it is not there."""
        self._run("init", "--bare", "--quiet", "--template=", ".")
        self._run("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
                  "--no-auto-maintenance", "--", self._source.url, self._source.commit)  # fmt: skip
        kind = self._run("cat-file", "-t", self._source.commit).decode().strip()
        if kind != "commit":
            raise TentacleError(f"{self._source.text}: names a {kind}, expected a commit")

    def list(self) -> dict[str, str]:
        """Return the object of each file by path; refuses links, submodules, names and sizes before reading any."""
        tree = f"{self._source.commit}:{self._source.folder}"
        rows = tuple(_rows(self._run("ls-tree", "-r", "-z", "-l", "--full-tree", tree)))
        check_paths([path for *_, path in rows], self._limits)
        for mode, _, _, path in rows:
            if mode not in _FILE_MODES:
                text = f"{shown(path)} is a link or a submodule (mode {mode}); replace it by its files"
                raise PackageRefused(Reason.SPECIAL_FILE, text)
        check_sizes({path: int(size) for _, _, size, path in rows}, self._limits)
        return {path: name for _, name, _, path in rows}

    def read(self, objects: Sequence[str]) -> Iterator[bytes]:
        """Yield the content of each object."""
        output = self._run("cat-file", "--batch", given="".join(f"{name}\n" for name in objects).encode())
        at = 0
        for name in objects:
            start = output.index(b"\n", at) + 1
            head = re.fullmatch(rb"([0-9a-f]+) blob (\d+)\n", output[at:start])
            if head is None or head[1].decode() != name:
                raise TentacleError(f"{self._source.text}: object {name} came as {output[at:start]!a}; fetch it again")
            yield output[start : start + int(head[2])]
            at = start + int(head[2]) + 1

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what git writes. SourceUnavailable when it fails, takes too long or fetches too much."""
        settings = ("core.hooksPath=/dev/null", "fetch.fsckObjects=true", "gc.auto=0", "core.longPaths=true")
        command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as stdin:
            stdin.write(given)
            stdin.seek(0)
            process = subprocess.Popen(
                command, cwd=self._folder, env=self._environment(), stdin=stdin, stdout=output, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
            try:
                self._attend(process)
            finally:
                _end(process)
            output.seek(0)
            errors.seek(0)
            if process.returncode != 0:
                told = re.sub(r"[^ -~]+", " ", errors.read(4096).decode("ascii", "replace")).strip()
                raise SourceUnavailable(f"{self._source.text}: git {arguments[0]}: {told[:300]}")
            return output.read()

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until git has ended; raise when it may not go on."""
        is_over = False
        while not is_over:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
                is_over = True
            if _size(self._folder) > self._limits.fetched_bytes:
                large = f"more than {self._limits.fetched_bytes:,} bytes at this commit; install from a zip instead"
                raise TentacleError(f"{self._source.text}: {large}")
            if not is_over and monotonic() > self._ends_at:
                late = f"git did not end in {self._patience.total_s:g} s; try again later"
                raise SourceUnavailable(f"{self._source.text}: {late}")

    def _environment(self) -> dict[str, str]:
        """Return variables that leave the machine's git configuration, prompts and other protocols out."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        wait_s = max(1, round(self._patience.wait_s))
        return kept | {
            "GIT_ALLOW_PROTOCOL": urlsplit(self._source.url).scheme,
            "GIT_ASKPASS": "",
            "GIT_CEILING_DIRECTORIES": str(self._folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_DIR": str(self._folder),
            "GIT_HTTP_LOW_SPEED_LIMIT": "1",
            "GIT_HTTP_LOW_SPEED_TIME": str(wait_s),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_SSH_COMMAND": f"ssh -oBatchMode=yes -oConnectTimeout={wait_s}",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill git and its children if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _size(folder: Path) -> int:
    """Return the bytes in a folder that git is writing to: files may go while they are counted."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            total += path.stat().st_size if path.exists() else 0
    return total


def _rows(listing: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Yield mode, object, size and path of every line of `git ls-tree -r -z -l`."""
    for row in listing.split(b"\x00")[:-1]:
        fields, _, raw_path = row.partition(b"\t")
        mode, _, name, size = fields.decode().split()
        yield mode, name, size, raw_path.decode("utf-8", "backslashreplace")


def _masked(source: str) -> str:
    """Return a source as it may stand in a message: without a password."""
    return ascii(re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", source))
