"""Packing: the same folder gives the same bytes, and what was packed can be read."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo.errors import TentacleError
from loligo.registry.tree import read_tree, tree_hash
from loligo_kit.archive import read_archive
from loligo_kit.pack import pack, pack_files
from loligo_kit.package import Limits, PackageRefused, Reason
from tests.fakes.archives import HONEST_FILES
from tests.fakes.tentacle_folder import write_tentacle

CORE = Path(__file__).parents[3] / "core"
TENTACLES = sorted(path.parent for path in (Path(__file__).parents[3] / "tentacles").glob("*/*/tentacle.toml"))


@pytest.mark.parametrize("folder", TENTACLES, ids=lambda folder: folder.name)
def test_every_bundled_tentacle_survives_the_journey_with_its_hash(folder: Path) -> None:
    assert tree_hash(read_archive(pack(folder))) == tree_hash(read_tree(folder))


def test_what_a_full_disk_cuts_off_leaves_no_half_of_a_package_or_of_a_new_tentacle(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "wave")
    words = "import sys; from loligo_bot.cli.command_line import run; sys.exit(run(sys.argv[1:]))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CORE), "PYTHONDONTWRITEBYTECODE": "1"}

    def called(*verb: str | Path) -> tuple[int, bool]:
        done = subprocess.run(
            [sys.executable, "-c", words, "--home", tmp_path, "tentacle", *verb],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )  # fmt: skip
        return done.returncode, "File too large" in done.stderr

    assert called("pack", folder, "-o", "wave.zip") == (1, True)
    assert called("new", "evaluator", "mine", "--folder", "mine") == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tentacles"]


def test_times_modes_and_the_order_of_writing_change_no_byte(tmp_path: Path) -> None:
    one = write_tentacle(tmp_path / "one", "evaluator", "wave", files={"a.py": "a = 1\n", "b/c.csv": "1\n"})
    two = write_tentacle(tmp_path / "two", "evaluator", "wave", files={"b/c.csv": "1\n", "a.py": "a = 1\n"})
    (two / "a.py").chmod(0o755)
    os.utime(two / "a.py", (0, 2_000_000_000))
    assert pack(one) == pack(two)


def test_the_archive_says_nothing_about_who_packed_it_or_when() -> None:
    listed = zipfile.ZipFile(io.BytesIO(pack_files(HONEST_FILES))).infolist()
    assert [info.filename for info in listed] == ["README.md", "__init__.py", "data/levels.csv", "tentacle.toml"]
    assert {(i.date_time, i.create_system, i.external_attr >> 16, i.extra, i.flag_bits) for i in listed} == {
        ((1980, 1, 1, 0, 0, 0), 3, 0o100644, b"", 0)
    }


def test_what_compresses_too_well_for_the_reader_is_stored() -> None:
    files = {**HONEST_FILES, "data/zeros.csv": bytes(2**20)}
    data = pack_files(files)
    assert read_archive(data) == files
    assert zipfile.ZipFile(io.BytesIO(data)).getinfo("data/zeros.csv").compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fast.so", Reason.NATIVE),
        ("data/con.csv", Reason.RESERVED_NAME),
        ("README.MD", Reason.CASE),
        ("café.csv", Reason.NOT_ASCII),
        ("more.zip", Reason.NESTED),
        ("back\\slash.py", Reason.BACKSLASH),
    ],
)
def test_a_folder_that_no_reader_would_accept_is_refused(tmp_path: Path, name: str, reason: Reason) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "wave", files={"README.md": "# Wave\n", name: "x"})
    with pytest.raises(PackageRefused) as refused:
        pack(folder)
    assert refused.value.reason == reason


def test_the_limits_hold_for_folders_too(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "wave", files={"levels.csv": "1" * 2_000})
    with pytest.raises(PackageRefused, match=r"'levels\.csv' has 2,000 bytes: a file of a package has at most 1,999"):
        pack(folder, Limits(file_bytes=1_999))


def test_a_file_larger_than_memory_is_refused_unread(tmp_path: Path) -> None:
    folder = write_tentacle(tmp_path, "evaluator", "wave")
    with (folder / "prices.csv").open("wb") as file:
        file.truncate(1 << 40)  # takes no space
    with pytest.raises(PackageRefused, match=r"prices\.csv' has 1,099,511,627,776 bytes"):
        pack(folder)


def test_compiled_files_and_the_data_of_git_stay_at_home(tmp_path: Path) -> None:
    leftovers = {"__pycache__/logic.pyc": "x", ".git/config": "x", ".logic.py.swp": "x"}
    folder = write_tentacle(tmp_path, "evaluator", "wave", files={"logic.py": "x = 1\n", **leftovers})
    assert list(read_archive(pack(folder))) == ["__init__.py", "logic.py", "tentacle.toml"]


def test_a_folder_that_is_no_tentacle_is_not_even_read(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "evaluator", "wave")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")  # reading would stumble over it
    with pytest.raises(TentacleError, match=r"has no tentacle\.toml: name the folder of one tentacle"):
        pack(tmp_path)


PARTS = st.sampled_from(["a", "b.py", "c-d.csv", "E F.md", "con", "data", "x.y.z", "_"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=300), max_size=6))
def test_what_is_packed_is_read_back_or_refused_before_anything_is_made(files: dict[str, bytes]) -> None:
    files = {**files, "tentacle.toml": b""}
    try:
        data = pack_files(files)
    except PackageRefused as refused:
        assert refused.reason in (Reason.FILE_AND_FOLDER, Reason.RESERVED_NAME, Reason.NESTED, Reason.NATIVE)
    else:
        assert read_archive(data) == files
