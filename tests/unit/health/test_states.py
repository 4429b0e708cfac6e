"""States: what a person wants comes first, then what keeps it from that, then how far it came."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from loligo_bot.health.states import Facts, State, state_of
from loligo_bot.health.store import Fault

FAULT = Fault(result="rolled_back", text="it raised", tree_hash="")
WORST = Facts(
    left_out="safe mode",
    quarantine="it failed",
    missing_permissions="it wants net:*",
    load_fault="syntax",
    settings_fault="period = 0",
    phase="probation",
    is_loading=True,
    fault=FAULT,
    leak="loligo.engine.evaluation",
    is_running=True,
)
CLEARED: list[tuple[dict[str, Any], State, str]] = [  # each step takes away what counted before, and leaves the next
    ({}, State.DISABLED, "safe mode"),
    ({"left_out": ""}, State.QUARANTINED, "it failed"),
    ({"quarantine": ""}, State.NEEDS_PERMISSION, "it wants net:*"),
    ({"missing_permissions": ""}, State.REFUSED, "syntax"),
    ({"load_fault": ""}, State.NEEDS_CONFIG, "period = 0"),
    ({"settings_fault": ""}, State.PROBATION, ""),
    ({"phase": "shadow"}, State.SHADOW, ""),
    ({"phase": ""}, State.LOADING, ""),
    ({"is_loading": False}, State.ROLLED_BACK, "it raised"),
    ({"fault": None}, State.LEAKING, "held by loligo.engine.evaluation"),
    ({"leak": ""}, State.ACTIVE, ""),
    ({"is_running": False}, State.VERIFIED, ""),
]


def test_of_all_that_is_known_the_first_reason_counts() -> None:
    facts = WORST
    for change, state, reason in CLEARED:
        facts = replace(facts, **change)
        assert state_of(facts) == (state, reason)


def test_every_fact_is_part_of_the_order() -> None:
    cleared = {name for change, *_ in CLEARED for name in change}
    assert cleared | {"is_listed", "is_enabled", "trial"} == {field.name for field in fields(Facts)}


@pytest.mark.parametrize(
    ("facts", "state"),
    [(replace(WORST, is_listed=False), State.DISCOVERED), (replace(WORST, is_enabled=False), State.DISABLED)],
)
def test_what_a_person_did_not_switch_on_has_no_other_state(facts: Facts, state: State) -> None:
    assert state_of(facts)[0] is state


def test_tentacle_on_trial_is_active_and_says_so() -> None:
    assert state_of(Facts(is_running=True, trial="on trial")) == (State.ACTIVE, "on trial")
