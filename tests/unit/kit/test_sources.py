"""Fetching: every source gives the same package, is held to its hash, and may fail in every way without harm."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.tree import tree_hash
from loligo_kit.pack import pack_files
from loligo_kit.package import Limits, PackageRefused, Reason
from loligo_kit.sources import Fetched, HashMismatch, fetch
from tests.fakes.archives import HONEST_FILES
from tests.fakes.package_server import PackageServer
from tests.unit.kit.conftest import Repository

PACKAGE = pack_files(HONEST_FILES)
TREE = tree_hash(HONEST_FILES)
ARCHIVE = f"sha256:{hashlib.sha256(PACKAGE).hexdigest()}"


def write_package(folder: Path) -> Path:
    for path, content in HONEST_FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def test_every_way_gives_the_same_package(tmp_path: Path, server: PackageServer, repository: Repository) -> None:
    folder = write_package(tmp_path / "wave")
    (tmp_path / "wave.zip").write_bytes(PACKAGE)
    url = server.gives("/wave.zip", PACKAGE)
    git = repository.source(repository.commit(HONEST_FILES))
    found = [fetch(source) for source in (str(folder), str(tmp_path / "wave.zip"), url, git)]
    assert [package.files for package in found] == [HONEST_FILES] * 4
    assert {package.tree_hash for package in found} == {TREE}
    assert [package.origin for package in found] == ["folder", "zip", "url", "git"]
    assert [package.archive_hash for package in found] == [None, ARCHIVE, ARCHIVE, None]
    assert [fetch(package.source_text).tree_hash for package in found] == [TREE] * 4


def test_only_a_url_without_a_hash_waits_for_a_person(
    tmp_path: Path, server: PackageServer, repository: Repository
) -> None:
    url = server.gives("/wave.zip", PACKAGE)
    assert fetch(url).needs_confirmation
    assert not fetch(url, expected_hash=TREE).needs_confirmation
    assert not fetch(url, expected_hash=ARCHIVE).needs_confirmation
    assert not fetch(str(write_package(tmp_path / "wave"))).needs_confirmation
    assert fetch(repository.source(repository.commit(HONEST_FILES))).is_pinned


@pytest.mark.parametrize("way", ["folder", "zip", "url", "git"])
def test_another_package_than_the_hash_names_is_not_given(
    way: str, tmp_path: Path, server: PackageServer, repository: Repository
) -> None:
    source = {
        "folder": lambda: str(write_package(tmp_path / "wave")),
        "zip": lambda: str(shutil.copy(write_zip(tmp_path), tmp_path / "copy.zip")),
        "url": lambda: server.gives("/wave.zip", PACKAGE),
        "git": lambda: repository.source(repository.commit(HONEST_FILES)),
    }[way]()
    with pytest.raises(HashMismatch, match=rf"the tree is {TREE}, expected h1:0{{64}}; it was changed"):
        fetch(source, expected_hash=f"h1:{'0' * 64}")


def write_zip(folder: Path) -> Path:
    (folder / "wave.zip").write_bytes(PACKAGE)
    return folder / "wave.zip"


def test_the_hash_of_an_archive_is_checked_before_it_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "wave.zip").write_bytes(b"no zip at all")
    with pytest.raises(HashMismatch, match="the archive is sha256:"):
        fetch(str(tmp_path / "wave.zip"), expected_hash=ARCHIVE)


def test_the_hash_of_an_archive_names_no_folder(tmp_path: Path) -> None:
    with pytest.raises(HashMismatch, match=f"the tree is {TREE}, expected sha256:"):
        fetch(str(write_package(tmp_path / "wave")), expected_hash=ARCHIVE)


@pytest.mark.parametrize("wrong", ["", "h1:12", "md5:" + "0" * 32, "H1:" + "0" * 64, "0" * 64])
def test_what_is_no_hash_is_refused_before_anything_is_fetched(wrong: str, server: PackageServer) -> None:
    url = server.gives("/wave.zip", PACKAGE)
    with pytest.raises(TentacleError, match='expected "h1:" or "sha256:" and 64 hexadecimal digits'):
        fetch(url, expected_hash=wrong)
    assert server.seen == []


def test_a_refusal_names_the_source_and_keeps_its_reason(tmp_path: Path) -> None:
    (tmp_path / "evil.zip").write_bytes(PACKAGE + b"more")
    with pytest.raises(PackageRefused, match=r"evil\.zip' is refused: 4 bytes after the end record") as refused:
        fetch(str(tmp_path / "evil.zip"))
    assert refused.value.reason == Reason.TRAILING_DATA


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "large.zip").write_bytes(bytes(5_000))
    with pytest.raises(PackageRefused, match="the archive has 5,000 bytes: at most 1,000"):
        fetch(str(tmp_path / "large.zip"), limits=Limits(archive_bytes=1_000))


@pytest.mark.parametrize("source", ["ftp://example.org/wave.zip", "file:///etc/passwd", "pypi://wave"])
def test_an_unknown_kind_of_source_is_refused(source: str) -> None:
    with pytest.raises(TentacleError, match="not a kind of source that is known; expected a folder, a zip file"):
        fetch(source)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match=r"gone\.zip': no such folder or zip file"):
        fetch(str(tmp_path / "gone.zip"))


def test_a_fetched_package_says_how_it_came(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "wave")
    assert fetch(str(folder)) == Fetched(
        origin="folder", source_text=str(folder), files=HONEST_FILES, tree_hash=TREE, archive_hash=None, is_pinned=False
    )
