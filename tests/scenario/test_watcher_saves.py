"""Every way of saving, against a real watcher: what is reported was written as a whole, and comes."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from loligo_kit.watcher import Watched, Watcher
from tests.benchmarks.watching import WAYS, Saving, save_in_turn
from tests.fakes import savers


@pytest.mark.parametrize(("saver", "count"), WAYS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_no_load_is_torn_and_each_save_is_live_once(tmp_path: Path, saver: savers.Saver, count: int) -> None:
    saving, _ = save_in_turn(tmp_path, saver, count, rounds=2)  # how soon, `make bench` prints
    assert saving.torn() == []
    assert len(saving.loads) == 3  # the first version and each save


def test_the_same_saves_are_torn_where_nothing_waits_for_rest(tmp_path: Path) -> None:
    saving, _ = save_in_turn(tmp_path, savers.slow, 2, rounds=1, settle_s=0.001)
    assert len(saving.torn()) >= 1


def test_saves_in_quick_succession_by_changing_tools_are_never_torn_and_the_last_one_arrives(tmp_path: Path) -> None:
    saving, draw = Saving(tmp_path / "tentacles" / "evaluators" / "saved"), random.Random(7)
    saving.folder.mkdir(parents=True)
    slow = (savers.slow, savers.slower, savers.stalling_copy, savers.rsync_steps)
    quick = [saver for saver, _ in WAYS if saver not in slow]
    with Watcher(Watched(trees=[tmp_path / "tentacles"]), saving.heard, settle_s=0.1):
        saving.save(savers.copy, savers.version(0, 6))
        for number in range(1, 31):
            saving.save(draw.choice(quick), savers.version(number, 6))
            threading.Event().wait(draw.uniform(0, 0.4))  # a person's pause, mostly too short to come to rest
        saving.live_after_s(savers.version(30, 6))
    assert saving.torn() == []
    assert len(saving.loads) > 1
