"""The relay: one tentacle's failure in a hook is recorded and kept from the others."""

from __future__ import annotations

from pathlib import Path

from loligo.errors import TentacleInterrupted
from loligo.host import HookFailure, Host
from tests.fakes.tentacle_folder import write_registry, write_tentacle

HEARS = "heard = []\n@hookimpl\ndef bot_stopping(reason):\n    heard.append(reason)\n"
FAILS = "@hookimpl\ndef bot_stopping(reason):\n    raise {error}\n"


def test_a_tentacle_that_raises_is_recorded_and_the_others_still_hear(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "notifier", "a_first", body=HEARS)
    write_tentacle(tmp_path, "notifier", "b_raises", body=FAILS.format(error="ValueError('no')"))
    write_tentacle(tmp_path, "notifier", "c_exits", body=FAILS.format(error="SystemExit(1)"))
    write_tentacle(tmp_path, "notifier", "d_last", body=HEARS)
    write_registry(tmp_path)
    host = Host(tmp_path, tmp_path)
    first, _, _, last = host.load_all()
    told: list[HookFailure] = []
    host.relay(told.append).bot_stopping("done")
    assert (first.module.heard, last.module.heard) == (["done"], ["done"])
    assert [(one.tentacle, one.hook) for one in told] == [
        ("notifier b_raises", "bot_stopping"),
        ("notifier c_exits", "bot_stopping"),
    ]
    assert told[0].error == "ValueError: no (__init__.py, line 16)"


def test_a_hook_that_nobody_implements_is_told_to_nobody(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "notifier", "log")
    write_registry(tmp_path)
    host = Host(tmp_path, tmp_path)
    host.load_all()
    told: list[HookFailure] = []
    host.relay(told.append).records_committed([])
    assert told == []


def test_a_hook_that_is_interrupted_is_a_failure_like_any_other(tmp_path: Path) -> None:
    write_tentacle(tmp_path, "notifier", "a_hangs", body=FAILS.format(error="interruption"))
    write_tentacle(tmp_path, "notifier", "b_last", body=HEARS)
    write_registry(tmp_path)
    host = Host(tmp_path, tmp_path)
    first, last = host.load_all()
    first.module.interruption = TentacleInterrupted("interrupted after 5 s")  # type: ignore[attr-defined]
    told: list[HookFailure] = []
    host.relay(told.append).bot_stopping("done")
    assert [one.tentacle for one in told] == ["notifier a_hangs"]
    assert last.module.heard == ["done"]
