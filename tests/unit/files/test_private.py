"""A file for its owner alone: made if it is missing, and left alone, with the locks on it, if it is there."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from loligo_files.private import make_private

TAKE = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "new")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_keeps_what_it_holds_and_its_locks(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("rows")
    with file.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        make_private(file)
        taken = subprocess.run([sys.executable, "-c", TAKE, str(file)], capture_output=True, text=True, check=False)
    assert taken.returncode == 1 and "BlockingIOError" in taken.stderr
    assert file.read_text() == "rows"
