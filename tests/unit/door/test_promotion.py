"""What a promotion says beside what it does."""

from __future__ import annotations

import pytest

from loligo_bot.door.experiment_acts import _besides
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.draft import Draft

ONE = ExperimentConfig(control="a", challengers=("b",))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, ""),
        ({"consent_s": 30.0}, "; consent_s stays unset"),
        ({"consent_s": 30.0, "on_orphan": "flatten"}, "; consent_s stays unset; on_orphan stays hold_protected"),
    ],
)
def test_what_stays_with_the_control_is_told(other: dict[str, object], told: str) -> None:
    desk = {"consent_s": None, "on_orphan": "hold_protected"}
    assert _besides(Draft({"desks": {"a": desk, "b": {**desk, **other}}}, {}), ONE, "b") == told
