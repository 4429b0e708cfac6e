"""Packages from git: the content of one commit, by the rules of an archive, whatever the repository wishes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from loligo.errors import TentacleError
from loligo.registry.tree import tree_hash
from loligo_kit.download import Patience, SourceUnavailable
from loligo_kit.package import Limits, PackageRefused, Reason
from loligo_kit.sources import fetch
from tests.fakes.archives import HONEST_FILES
from tests.unit.kit.conftest import Repository

TREE = tree_hash(HONEST_FILES)


def test_the_commit_counts_and_not_what_came_after(repository: Repository) -> None:
    first = repository.commit(HONEST_FILES)
    repository.commit({"logic.py": b"import os\n"})
    found = fetch(repository.source(first))
    assert found.tree_hash == TREE
    assert found.source_text == repository.source(first)


def test_a_folder_of_a_repository_can_be_named(repository: Repository) -> None:
    commit = repository.commit({f"tentacles/wave/{path}": content for path, content in HONEST_FILES.items()})
    assert fetch(repository.source(commit, "tentacles/wave")).files == HONEST_FILES
    with pytest.raises(PackageRefused, match="no tentacle"):
        fetch(repository.source(commit))
    with pytest.raises(SourceUnavailable, match="ls-tree"):
        fetch(repository.source(commit, "tentacles/gone"))
    with pytest.raises(PackageRefused, match="leads out of the package"):
        fetch(repository.source(commit, "../wave"))


def test_content_is_that_of_the_commit_whatever_attributes_ask_for(repository: Repository) -> None:
    files = {
        **HONEST_FILES,
        ".gitattributes": b"*.py eol=crlf\nREADME.md export-ignore\nlogic.py export-subst filter=evil\n",
        "logic.py": b'VERSION = "$Format:%H$"\n',
    }
    assert fetch(repository.source(repository.commit(files))).files == dict(sorted(files.items()))


def test_nothing_of_the_users_git_configuration_applies(repository: Repository, tmp_path: Path) -> None:
    commit, home = repository.commit(HONEST_FILES), tmp_path / "home"
    for hook in ("reference-transaction", "post-checkout"):
        for folder in (home / "hooks", home / "template" / "hooks"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / hook).write_text(f"#!/bin/sh\ntouch {home}/ran\n")
            (folder / hook).chmod(0o755)
    wishes = f"[core]\n hooksPath = {home}/hooks\n[init]\n templateDir = {home}/template\n"
    (home / ".gitconfig").write_text(wishes + '[url "ext::false "]\n insteadOf = "file://"\n')
    code = "import sys; from loligo_kit.sources import fetch; print(fetch(sys.argv[1]).tree_hash)"
    variables = {
        "HOME": str(home),
        "GIT_TEMPLATE_DIR": f"{home}/template",
        "GIT_DIR": str(home),
        "GIT_CONFIG_COUNT": "x",
    }
    command = [sys.executable, "-c", code, repository.source(commit)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == TREE
    assert not (home / "ran").exists()


def test_links_and_submodules_are_refused(repository: Repository) -> None:
    for mode in ("120000", "160000"):
        repository.commit({**HONEST_FILES, "marker": mode.encode()})
        blob = repository.git("hash-object", "-w", "--stdin", given="/etc/passwd")
        repository.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},data/more")
        with pytest.raises(PackageRefused, match=rf"'data/more' is a link or a submodule \(mode {mode}\)") as refused:
            fetch(repository.source(repository.commit_index()))
        assert refused.value.reason == Reason.SPECIAL_FILE


@pytest.mark.parametrize(
    ("path", "reason"),
    [("nul.py", Reason.RESERVED_NAME), ("logic\u0435.py", Reason.NOT_ASCII), ("x.so", Reason.NATIVE)],
)
def test_the_rules_of_an_archive_hold_for_a_commit(repository: Repository, path: str, reason: Reason) -> None:
    commit = repository.commit({**HONEST_FILES, path: b"x"})
    with pytest.raises(PackageRefused) as refused:
        fetch(repository.source(commit))
    assert refused.value.reason == reason


def test_sizes_are_judged_before_anything_is_read(repository: Repository) -> None:
    commit = repository.commit(HONEST_FILES)
    with pytest.raises(PackageRefused, match="at most 1,000"):
        fetch(repository.source(commit), limits=Limits(file_bytes=1_000))


def test_a_commit_beside_gigabytes_is_not_waited_for(repository: Repository) -> None:
    commit = repository.commit(
        {**{f"wave/{path}": text for path, text in HONEST_FILES.items()}, "film": os.urandom(99_999)}
    )
    with pytest.raises(TentacleError, match="more than 90,000 bytes at this commit; install from a zip instead"):
        fetch(repository.source(commit, "wave"), limits=Limits(fetched_bytes=90_000))


def test_a_machine_without_git_is_told_what_to_do(tmp_path: Path) -> None:
    code = f"from loligo_kit.sources import fetch; fetch('git+https://example.org/wave@{'0' * 40}')"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PATH": str(tmp_path)}, capture_output=True)
    assert b"the program git is not installed; install it, or install the tentacle from a zip" in done.stderr


def test_what_can_move_is_no_commit(repository: Repository) -> None:
    commit = repository.commit(HONEST_FILES)
    for moving in ("main", commit[:12], commit.upper(), ""):
        with pytest.raises(TentacleError, match=f"commit '{moving}': a branch or a short hash can move; expected git"):
            fetch(repository.source(moving))


def test_a_commit_that_is_not_there_is_unavailable(repository: Repository) -> None:
    repository.commit(HONEST_FILES)
    with pytest.raises(SourceUnavailable, match=r"git fetch: .*not our ref 0{39}1"):
        fetch(repository.source("0" * 39 + "1"))


def test_a_tag_is_no_commit(repository: Repository) -> None:
    repository.commit(HONEST_FILES)
    repository.git("tag", "--annotate", "--message=x", "v1")
    with pytest.raises(TentacleError, match="names a tag, expected a commit"):
        fetch(repository.source(repository.git("rev-parse", "v1")))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("git+http://example.org/wave", "expected git"),
        ("git+ext::sh -c evil", "expected git"),
        ("git+ext://sh", "expected git"),
        ("git+--upload-pack=evil", "expected git"),
        ("git+ssh://-oProxyCommand=evil/wave", "host '-oProxyCommand=evil'; expected git"),
        ("git+ssh://me@-oProxyCommand=evil/wave", "host 'me@-oProxyCommand=evil'; expected git"),
        ("git+file://server/wave", "host 'server'; expected git"),
        ("git+https:///wave", "host ''; expected git"),
        ("git+https://[x/wave", "Invalid IPv6 URL; expected git"),
        ("git+https://me:secret@example.org/wave", "use ssh with a key"),
        ("git+https://token@example.org/wave", "use ssh with a key"),
        ("git+ssh://me:secret@example.org/wave", "use ssh with a key"),
    ],
)
def test_other_protocols_options_and_passwords_are_refused(url: str, told: str) -> None:
    with pytest.raises(TentacleError, match=told) as refused:
        fetch(f"{url}@{'0' * 40}")
    assert "secret" not in str(refused.value)


def test_a_git_server_that_says_nothing_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = f"git+https://127.0.0.1:{silent.getsockname()[1]}/wave@{'0' * 40}"
        started_at = monotonic()
        with pytest.raises(SourceUnavailable, match=r"git did not end in 0\.5 s; try again later"):
            fetch(source, patience=Patience(total_s=0.5))
        assert monotonic() - started_at >= 0.5
