"""Where the log goes: a file for its owner alone, moved aside when it has grown; a stream for which nobody waits."""

from __future__ import annotations

import fcntl
import os
import pty
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import TextIO

import pytest

from loligo_bot.log_file import PatientLog, RotatingLog, before


def test_a_file_is_appended_to_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "bot.log"
    for line in ("first\n", "second\n"):
        with RotatingLog(file) as log:
            log.write(line)
    assert file.read_text() == "first\nsecond\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_has_grown_is_moved_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    file = tmp_path / "bot.log"
    with RotatingLog(file, largest=10, kept=2) as log:  # two lines of five characters each
        for number in range(1, 9):
            log.write(f"no {number}\n")
    kept = [before(file, 2), before(file, 1), file]
    assert [one.read_text() for one in kept] == ["no 3\nno 4\n", "no 5\nno 6\n", "no 7\nno 8\n"]
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_line_longer_than_a_file_is_whole_in_one_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "bot.log"
    with RotatingLog(file, largest=10) as log:
        log.write("short\n")
        log.write("x" * 100 + "\n")
    assert (before(file).read_text(), len(file.read_text())) == ("short\n", 101)


STOP, GO_ON = b"\x13", b"\x11"  # Ctrl-S, Ctrl-Q


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    """The two ends of a pipe that holds a page, 4,096 characters."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4_096)
    with os.fdopen(reader) as read, os.fdopen(writer, "w") as write:
        yield read, write


def test_nobody_waits_for_a_reader_and_no_line_is_lost_or_out_of_order(pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    lines = [f"{number:>99}\n" for number in range(2_000)]
    with closing(PatientLog(write)) as log:
        for line in lines[:1_000]:  # more than the pipe takes
            log.write(line)
        found: list[str] = []
        reader = Thread(target=lambda: found.extend(read.readline() for _ in lines))
        reader.start()
        for line in lines[1_000:]:
            log.write(line)
        reader.join(10)
    assert found == lines


def test_a_terminal_that_was_stopped_holds_nobody_up_and_shows_all_once_it_goes_on() -> None:
    master, slave = pty.openpty()
    lines = [f"{number:>99}\n" for number in range(300)]
    with os.fdopen(slave, "w") as terminal, os.fdopen(master, "rb+", buffering=0) as person:
        log = PatientLog(terminal)
        person.write(STOP)
        for line in lines:
            log.write(line)
        person.write(GO_ON)
        shown = b""
        while shown.count(b"\n") < len(lines):
            shown += person.read(4_096)
        log.close()
    assert [line.strip() for line in shown.decode().split("\n")[:-1]] == [line.strip() for line in lines]


def test_what_is_too_much_is_left_out_and_counted(pipe: tuple[TextIO, TextIO]) -> None:
    read, write = pipe
    log = PatientLog(write, most=10)
    for number in range(200):
        log.write(f"{number:>99}\n")
    found: list[str] = []
    reader = Thread(target=lambda: found.extend(read))
    reader.start()
    log.close()
    write.close()
    reader.join(10)
    numbers = [int(line) for line in found if "left out" not in line]
    left_out = [int(line.split()[0]) for line in found if "log lines were left out: nobody took them" in line]
    assert numbers == sorted(numbers) and 10 <= len(numbers) < 200
    assert sum(left_out) == 200 - len(numbers)


def test_a_reader_that_is_gone_is_no_trouble() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    write = os.fdopen(writer, "w")
    with closing(PatientLog(write)) as log:
        assert log.write("to nobody\n") == 10
        assert not log.isatty()
    with pytest.raises(BrokenPipeError):
        write.close()
