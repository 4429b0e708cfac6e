"""The archive reader: every hostile archive is refused for its own reason, every honest one is read."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo_kit.archive import read_archive
from loligo_kit.package import Limits, PackageRefused, Reason
from tests.fakes.archives import (
    FOLDER,
    GIT_COMMENT,
    HONEST_FILES,
    LINK,
    STORED,
    Attack,
    End,
    Member,
    attacks,
    build,
    honest_members,
)

ATTACKS = attacks()
HONEST = build(honest_members())


def test_the_honest_package_is_read() -> None:
    assert read_archive(HONEST) == HONEST_FILES


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_hostile_archive_is_refused_for_its_reason(attack: Attack) -> None:
    with pytest.raises(PackageRefused) as refused:
        read_archive(attack.data)
    assert refused.value.reason == attack.reason, str(refused.value)
    assert str(refused.value).isascii() and str(refused.value).isprintable()


def test_every_reason_has_an_attack() -> None:
    assert {attack.reason for attack in ATTACKS} == set(Reason)


def test_the_folder_and_the_comment_of_a_git_host_are_accepted() -> None:
    archive = build([Member(name=b"wave-1.0/", content=b"", method=STORED, mode=FOLDER), *honest_members("wave-1.0/")])
    assert read_archive(archive) == HONEST_FILES
    assert read_archive(build(honest_members("wave-1.0/"), end=End(comment=GIT_COMMENT))) == HONEST_FILES


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_archives_of_another_program_are_read(method: int) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.mkdir("data")
        for path, content in HONEST_FILES.items():
            archive.writestr(path, content)
    assert read_archive(target.getvalue()) == HONEST_FILES


def test_what_editors_and_desktops_leave_behind_is_passed_over() -> None:
    leftovers = [
        Member(name=name) for name in (b".DS_Store", b"data/.DS_Store", b".vscode/settings.json", b"logic.py~")
    ]
    assert read_archive(build([*honest_members(), *leftovers])) == HONEST_FILES


def test_a_bomb_that_lies_about_its_size_is_never_unpacked() -> None:
    said = {"size": 1_000}
    bomb = Member(name=b"data/x.txt", content=bytes(50 * 2**20), local=said, directory=said)
    archive = build([*honest_members(), bomb])
    tracemalloc.start()
    with pytest.raises(PackageRefused):
        read_archive(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20  # the archive has some 50 kB; unpacked it would be 50 MiB


def test_headers_are_judged_before_any_content_is_unpacked() -> None:
    broken_then_link = [Member(name=b"a.txt", body=b"\xff" * 40), Member(name=b"link", mode=LINK)]
    with pytest.raises(PackageRefused) as refused:
        read_archive(build([*broken_then_link, *honest_members()]))
    assert refused.value.reason == Reason.SPECIAL_FILE


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(entries=4), Reason.TOO_MANY),
        (Limits(file_bytes=4_000), Reason.TOO_LARGE),
        (Limits(total_bytes=4_100), Reason.TOO_LARGE),
        (Limits(archive_bytes=len(HONEST) - 1), Reason.TOO_LARGE),
        (Limits(path_chars=14), Reason.TOO_LONG),
        (Limits(path_depth=1), Reason.TOO_DEEP),
        (Limits(ratio=5, ratio_from_bytes=0), Reason.RATIO),
    ],
)
def test_the_limits_are_the_callers(limits: Limits, reason: Reason) -> None:
    with pytest.raises(PackageRefused) as refused:
        read_archive(HONEST, limits)
    assert refused.value.reason == reason


def test_a_message_names_the_entry_the_fault_and_what_to_do() -> None:
    with pytest.raises(PackageRefused, match=r"^'fast\.pyd' is machine code, which nobody can read; leave it out$"):
        read_archive(build([*honest_members(), Member(name=b"fast.pyd")]))


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Return the honest archive with up to three places overwritten, cut out, inserted or copied elsewhere."""
    data = bytearray(HONEST)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 1, 2, 4, 30, 46, 200])))
        piece = draw(st.sampled_from(["random", "copy", "nothing"]))
        new = draw(st.binary(min_size=end - start, max_size=end - start)) if piece == "random" else b""
        if piece == "copy":
            source = draw(st.integers(0, len(data)))
            new = bytes(data[source : source + draw(st.integers(0, 100))])
        data[start:end] = new
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(mutations())
def test_a_changed_archive_is_refused_or_gives_the_same_files(data: bytes) -> None:
    try:
        assert read_archive(data) == HONEST_FILES
    except PackageRefused as refused:
        assert refused.reason in set(Reason)


def test_every_single_changed_bit_is_refused_or_changes_nothing() -> None:
    accepted = 0
    for at in range(len(HONEST)):
        for bit in (1, 128):
            data = HONEST[:at] + bytes([HONEST[at] ^ bit]) + HONEST[at + 1 :]
            try:
                assert read_archive(data) == HONEST_FILES, at
                accepted += 1
            except PackageRefused:
                pass
    assert accepted < len(HONEST) // 2  # versions, dates and modes say nothing about content
