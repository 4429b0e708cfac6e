"""The bot process of the page's measurements: runs a folder, and notes when which record was told: `page_bot.py HOME`.

At its end HOME/told.bin has pairs of the seq after a batch's last record and the moment, ns of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Sequence
from pathlib import Path

from loligo import log
from loligo.model.events import Record
from loligo_bot.folder_config import read_config
from loligo_bot.run import run_bot

TOLD = "told.bin"


def main(home: Path) -> None:
    log.configure(level="critical")
    told = array("q")

    def observe(records: Sequence[Record]) -> None:
        told.extend((records[-1].next_seq, time.monotonic_ns()))

    run_bot(home, read_config(home), observers=[observe])
    (home / TOLD).write_bytes(told.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
