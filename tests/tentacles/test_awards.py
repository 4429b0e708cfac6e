"""Every bundled tentacle keeps its contract, as `loligo tentacle check` judges it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo.registry.registry_file import load_registry
from loligo_testing import Award, check

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = {
    f"{entry.kind}/{entry.name}": entry
    for entry in sorted(load_registry(ROOT / "tentacle_registry.json").tentacles, key=lambda entry: entry.slot)
}
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ENTRIES)
def test_a_bundled_tentacle_is_silver_at_least(name: str) -> None:
    path = ENTRIES[name].path
    assert path is not None
    report = check(ROOT / path)
    assert report.award in (Award.SILVER, Award.GOLD), "\n".join(report.lines())
