"""Files that their owner alone may read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make_private(file: Path) -> None:
    """Make the file, empty, for its owner alone; one that is there stays as it is.

    It is not even opened: that would end all locks which this process holds on it, such as those of a database
    (sqlite.org/howtocorrupt.html, 2.2).
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
