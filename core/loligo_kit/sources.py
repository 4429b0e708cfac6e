"""Gets a tentacle's package from where a person says it is: a folder, a zip, a URL, a git commit, what pip installed.

What comes back is content in memory and what it is known by; nothing is installed, written or run, and whether it is
trusted is the caller's decision. A hash that was given is checked here: the tree hash ("h1:...") or the archive's
("sha256:...") before the archive is so much as looked into. Blocks: call it off the event loop.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from loligo.errors import TentacleError
from loligo.registry.tree import tree_hash
from loligo_kit.archive import read_archive
from loligo_kit.checkout import parse_git_source, read_commit
from loligo_kit.distributions import PREFIX, installed_tentacle
from loligo_kit.download import PATIENCE, Patience, check_url, download
from loligo_kit.pack import read_folder
from loligo_kit.package import LIMITS, Limits, PackageRefused, Reason

ARCHIVE_PREFIX = "sha256:"
UPLOADED = "upload"  # the source of what somebody sent: it cannot be fetched again
Origin = Literal["folder", "zip", "url", "git", "pip"]
_HASH = re.compile(r"(h1|sha256):[0-9a-f]{64}")


class HashMismatch(TentacleError):
    """A package is not the one that the hash names; nothing of it may be installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A package that was found, checked by the rules of a package, and not yet installed."""

    origin: Origin
    source_text: str  # what `fetch` takes to get it again; holds no password
    files: Mapping[str, bytes]  # by path, sorted
    tree_hash: str  # "h1:...": what the package is known by
    archive_hash: str | None  # "sha256:..." of the zip; None from a folder or git
    is_pinned: bool  # the caller's hash or commit names exactly this content

    @property
    def needs_confirmation(self) -> bool:
        """Whether a server alone chose the content: a person must see the hash and agree."""
        return self.origin == "url" and not self.is_pinned


def fetch(
    source: str,
    *,
    expected_hash: str | None = None,
    limits: Limits = LIMITS,
    patience: Patience = PATIENCE,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Return the package at `source`: a folder, a zip file, an http(s) URL, or git+URL@COMMIT[#subdirectory=FOLDER],
    or pip:DISTRIBUTION/ENTRY_POINT of what is installed.

    PackageRefused when it is not what a package may be, HashMismatch when it is another one than `expected_hash` names,
    SourceUnavailable when it cannot be reached, other TentacleErrors when there is no such source.
    """
    _check_form(expected_hash)
    try:
        if source.startswith("git+"):
            return _from_git(source, expected_hash, limits, patience)
        if source.startswith(PREFIX):
            return _fetched("pip", source, installed_tentacle(source, limits).files, expected_hash)
        if source.startswith(("http://", "https://")):
            check_url(source)
            body = download(source, max_bytes=limits.archive_bytes, patience=patience, tls=tls)
            return _from_archive("url", source, body, expected_hash, limits)
        return _from_disk(source, expected_hash, limits)
    except PackageRefused as exc:
        raise PackageRefused(exc.reason, f"{source!a} is refused: {exc}") from exc


def received(content: bytes, *, expected_hash: str | None = None, limits: Limits = LIMITS) -> Fetched:
    """Return the package in a zip that somebody sent; errors as of `fetch`."""
    _check_form(expected_hash)
    try:
        return _from_archive("zip", UPLOADED, content, expected_hash, limits)
    except PackageRefused as exc:
        raise PackageRefused(exc.reason, f"the file is refused: {exc}") from exc


def _check_form(expected_hash: str | None) -> None:
    if expected_hash is not None and not _HASH.fullmatch(expected_hash):
        raise TentacleError(f'hash {expected_hash!a}: expected "h1:" or "sha256:" and 64 hexadecimal digits')


def _from_git(source: str, expected_hash: str | None, limits: Limits, patience: Patience) -> Fetched:
    wanted = parse_git_source(source)
    return _fetched("git", wanted.text, read_commit(wanted, limits, patience), expected_hash, is_pinned=True)


def _from_disk(source: str, expected_hash: str | None, limits: Limits) -> Fetched:
    if re.match(r"[a-z][a-z0-9+.-]+:/", source):
        kinds = "a folder, a zip file, https://..., or git+https://...@COMMIT"
        raise TentacleError(f"{source!a}: not a kind of source that is known; expected {kinds}")
    path = Path(source).expanduser().resolve()
    if path.is_dir():
        return _fetched("folder", str(path), read_folder(path, limits), expected_hash)
    if not path.is_file():
        raise TentacleError(f"{source!a}: no such folder or zip file")
    with path.open("rb") as file:
        content = file.read(limits.archive_bytes + 1)  # one more is too large, and the rest is not worth reading
    if len(content) > limits.archive_bytes:
        text = f"the archive has {path.stat().st_size:,} bytes: at most {limits.archive_bytes:,}"
        raise PackageRefused(Reason.TOO_LARGE, text)
    return _from_archive("zip", str(path), content, expected_hash, limits)


def _from_archive(origin: Origin, text: str, content: bytes, expected_hash: str | None, limits: Limits) -> Fetched:
    archive_hash = ARCHIVE_PREFIX + hashlib.sha256(content).hexdigest()
    if expected_hash is not None and expected_hash.startswith(ARCHIVE_PREFIX):
        _check_hash(text, expected_hash, archive_hash)
    return _fetched(origin, text, read_archive(content, limits), expected_hash, archive_hash=archive_hash)


def _fetched(
    origin: Origin,
    text: str,
    files: Mapping[str, bytes],
    expected_hash: str | None,
    *,
    archive_hash: str | None = None,
    is_pinned: bool = False,
) -> Fetched:
    found = tree_hash(files)
    if expected_hash is not None and (archive_hash is None or not expected_hash.startswith(ARCHIVE_PREFIX)):
        _check_hash(text, expected_hash, found)
    return Fetched(
        origin=origin,
        source_text=text,
        files=files,
        tree_hash=found,
        archive_hash=archive_hash,
        is_pinned=is_pinned or expected_hash is not None,
    )


def _check_hash(text: str, expected: str, found: str) -> None:
    if found != expected:
        what = "tree" if found.startswith("h1:") else "archive"
        raise HashMismatch(f"{text}: the {what} is {found}, expected {expected}; it was changed, do not install it")
