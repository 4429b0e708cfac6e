"""Safe mode: starts are counted, strangers stay off, a rule that is off denies, its state is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo.errors import ConfigError, TentacleError
from loligo.host import Host, bundled_root
from loligo.registry.registry_file import Registry, RegistryEntry, load_registry
from loligo_bot.health import store
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.safe_mode import Start, counted, left_out, without
from loligo_bot.health.store import HEALTH_FILE, Remembered

CONFIG = HealthConfig(crashed_starts=3)


def crash(home: Path, times: int) -> None:
    for _ in range(times):
        Start(home, CONFIG)  # and nothing more: its process is gone


def test_start_after_three_crashed_ones_is_safe_and_says_why(tmp_path: Path) -> None:
    crash(tmp_path, 2)
    assert not Start(tmp_path, CONFIG).is_safe
    safe = Start(tmp_path, CONFIG)
    assert (safe.is_safe, safe.reason) == (True, "the last 3 starts crashed")


def test_start_that_went_well_breaks_the_row(tmp_path: Path) -> None:
    crash(tmp_path, 2)
    Start(tmp_path, CONFIG).succeeded()
    crash(tmp_path, 2)
    assert not Start(tmp_path, CONFIG).is_safe


def test_person_may_force_and_forbid_it(tmp_path: Path) -> None:
    assert Start(tmp_path, CONFIG, is_safe=True).reason == "it was asked for"
    crash(tmp_path, 5)
    forbidden = Start(tmp_path, CONFIG, is_safe=False)
    assert (forbidden.is_safe, forbidden.reason) == (False, "")


@pytest.mark.parametrize(
    ("error", "crashed"), [(ConfigError("wrong"), 2), (TentacleError("hung"), 3), (OSError("no"), 3), (None, 0)]
)
def test_what_ends_a_start_decides_whether_it_crashed(tmp_path: Path, error: Exception | None, crashed: int) -> None:
    crash(tmp_path, 2)
    try:
        with counted(tmp_path, CONFIG):
            if error is not None:
                raise error
    except (ConfigError, TentacleError, OSError) as exc:
        assert exc is error
    assert store.load(tmp_path).crashed_starts == crashed


def test_strangers_are_left_out_but_for_venues() -> None:
    host = Host(bundled_root(), bundled_root())
    bundled = load_registry(host.registry_path).tentacles
    forged = bundled[0].model_copy(update={"tree_hash": f"h1:{64 * '0'}"})  # says "bundled", and is not
    mine = RegistryEntry(name="mine", kind="strategy", version="1.0.0", path="tentacles/strategies/mine")
    venue = RegistryEntry(name="mine", kind="venue", version="1.0.0", path="tentacles/venues/mine")
    off = RegistryEntry(name="off", kind="strategy", version="1.0.0", path="tentacles/strategies/off", enabled=False)
    registry = Registry(tentacles=[forged, *bundled[1:], mine, venue, off])
    found = left_out(registry, host, "the last 3 starts crashed")
    assert list(found) == [forged.slot, "strategy mine"]
    assert found["strategy mine"] == "safe mode: the last 3 starts crashed; `loligo run --no-safe` starts with it"
    overlaid = {entry.slot for entry in without(registry, found).tentacles if not entry.enabled}
    assert overlaid == {*found, "strategy off", *(entry.slot for entry in bundled if not entry.enabled)}
    assert mine.enabled  # the registry itself is as it was


def test_unreadable_file_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / HEALTH_FILE
    file.parent.mkdir()
    file.write_text("{")
    assert store.load(tmp_path) == Remembered()
    assert (tmp_path / "state" / "health.unreadable.json").read_text() == "{"
