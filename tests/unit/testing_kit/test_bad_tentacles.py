"""Every check of the kit fails for a tentacle that breaks what it asks, and for that alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo_testing import Award, check
from loligo_testing.report import CHECKS
from tests.unit.testing_kit.bad_tentacles import TABLE, Broken, write

pytestmark = pytest.mark.slow
KINDS = ("evaluator", "strategy", "trading_mode", "risk_rule", "feed", "notifier", "automation")


@pytest.mark.parametrize("broken", TABLE.values(), ids=TABLE.keys())
def test_a_tentacle_that_breaks_one_thing_fails_the_check_of_that_and_no_other(tmp_path: Path, broken: Broken) -> None:
    report = check(write(tmp_path, broken))
    assert {each.name for each in report.failures} == broken.fails, report.lines()
    assert any(broken.told in each.evidence for each in report.failures), report.lines()
    assert all(each.advice for each in report.failures)
    assert report.award < Award.SILVER or report.award in (Award.NONE, Award.BRONZE)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_ones_they_are_made_of_fail_no_check(tmp_path: Path, kind: str) -> None:
    report = check(write(tmp_path, Broken(frozenset(), {}, kind=kind)))
    assert (report.failures, report.award) == ([], Award.SILVER), report.lines()


def test_no_check_is_without_a_tentacle_that_fails_it() -> None:
    failed = {name for broken in TABLE.values() for name in broken.fails}
    assert set(CHECKS) - failed == {"readme"}  # a README is there or not: tested with the awards


def test_a_tentacle_that_does_not_come_to_an_end_is_a_failure_of_it_and_not_of_the_kit(tmp_path: Path) -> None:
    endless = {"        self.count += 1\n": "        self.count += 1\n        while self.count == 300: pass\n"}
    report = check(write(tmp_path, Broken(frozenset({"sound"}), endless)), limit_s=6.0)
    assert "did not come to an end within 6 s" in report["sound"].evidence


def test_a_tentacle_that_ends_its_process_is_a_failure_of_it_and_not_of_the_kit(tmp_path: Path) -> None:
    ends = {"import numpy as np": "import os\nimport numpy as np"}
    ends["        self.count += 1\n"] = "        self.count += 1\n        if self.count == 300: os._exit(3)\n"
    report = check(write(tmp_path, Broken(frozenset({"sound"}), ends)))
    assert "exit code 3" in report["sound"].evidence
