"""The log file: for its owner alone, moved aside when it has grown, no line torn or lost."""

from __future__ import annotations

import stat
from pathlib import Path

from loligo_bot.log_file import RotatingLog, before


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
