"""What `loligo tentacle new` writes keeps its contract as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo_kit.scaffold import scaffold, template_kinds
from loligo_testing import Award, check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", template_kinds())
def test_a_new_tentacle_is_silver_and_lacks_for_gold_what_its_author_has_to_write(tmp_path: Path, kind: str) -> None:
    folder, _ = scaffold(tmp_path, kind, f"my_{kind}")
    report = check(folder)
    assert report.award is Award.SILVER, report.lines()
    assert [each.name for each in report.missing(Award.GOLD)] == ["batch", "readme"][kind != "evaluator" :]
