"""Repairs: every state that a person can mend becomes a problem with its reason and a command."""

from __future__ import annotations

from typing import Any

import pytest

from loligo_bot.health.repairs import Problem, problems
from loligo_bot.health.states import Health, State


def row(state: State, reason: str = "", **changes: Any) -> Health:
    values: dict[str, Any] = {
        "kind": "evaluator",
        "name": "jump",
        "version": "1.0.0",
        "hash12": "0123456789ab",
        "source": "installed",
        "state": state,
        "reason": reason,
        "until": "",
        "used_by": (),
        "failures": 0,
        "last_failure": "",
        "ms_per_s": None,
        "ms_per_input": None,
        "over_budget": "",
        "can_go_back": False,
    }
    return Health(**values | changes)


@pytest.mark.parametrize(
    ("given", "what", "command"),
    [
        (
            row(State.NEEDS_PERMISSION, "it wants net:a.org, files"),
            "permission missing",
            "loligo tentacle grant jump net:a.org files",
        ),
        (
            row(State.DISABLED, "switched off; it wants net:a.org, files", used_by=("desks.trend.strategy",)),
            "permission missing",
            "loligo tentacle grant jump net:a.org files",
        ),
        (row(State.NEEDS_CONFIG, "period = 0"), "settings wrong", "loligo config check"),
        (
            row(
                State.REFUSED,
                "needs the package attrs>=24, which is not there; `loligo tentacle packages jump` brings it",
            ),
            "package missing",
            "loligo tentacle packages jump",
        ),
        (
            row(State.REFUSED, "needs the package numpy<100,>=99, numpy 2.1 is installed"),
            "package missing",
            "pip install 'numpy<100,>=99'",
        ),
        (
            row(State.REFUSED, "needs the package numpy>=99, numpy 2.1 is installed"),
            "package missing",
            "pip install 'numpy>=99'",
        ),
        (
            row(State.REFUSED, "its permissions wait for you; run `loligo tentacle agree jump`"),
            "permission missing",
            "loligo tentacle agree jump",
        ),
        (row(State.REFUSED, "the registry wants 01, /bot holds 02"), "content changed", "loligo tentacle refresh"),
        (
            row(State.REFUSED, "/bot/state/content/0a was changed: it holds 02; remove it and install it again"),
            "content tampered with",
            "rm -r '/bot/state/content/0a' && loligo tentacle install",
        ),
        (
            row(State.REFUSED, "/bot/0a: no such version; install it again"),
            "content missing",
            "loligo tentacle install",
        ),
        (row(State.REFUSED, "line 3: syntax", can_go_back=True), "version refused", "loligo tentacle rollback jump"),
        (row(State.REFUSED, "line 3: syntax"), "version refused", "loligo tentacle off jump"),
        (row(State.ROLLED_BACK, "it raised"), "version rolled back", "loligo tentacle off jump"),
        (row(State.QUARANTINED, "4 failures"), "quarantined", "loligo tentacle retry jump"),
        (row(State.ACTIVE, over_budget="300 ms per s"), "over its budget", "loligo tentacle off jump"),
        (row(State.ACTIVE, kind="risk_rule", over_budget="4 failures"), "risk rule fails", "loligo tentacle refresh"),
    ],
)
def test_problem_names_the_command_that_mends_it(given: Health, what: str, command: str) -> None:
    [problem] = problems([given])
    assert (problem.problem, problem.command, problem.tentacle) == (what, command, given.slot)
    assert given.reason in problem.reason


def test_missing_tentacle_is_switched_on_where_it_is_only_off() -> None:
    needy = row(State.REFUSED, "needs the tentacle mean >=1, which is not in the registry or off")
    off = row(State.DISABLED, name="mean")
    assert [problem.command for problem in problems([needy, off])] == ["loligo tentacle on mean"]
    assert [problem.command for problem in problems([needy])] == ["loligo tentacle off jump"]


def test_nothing_is_wrong_with_what_runs_rests_or_was_switched_off() -> None:
    assert problems([row(state) for state in (State.ACTIVE, State.VERIFIED, State.DISABLED, State.SHADOW)]) == []


def test_safe_mode_comes_first_and_crashed_starts_are_told_before_it() -> None:
    safe = Problem(problem="safe mode", reason="the last 3 starts crashed", command="loligo run --no-safe")
    assert problems([row(State.QUARANTINED)], safe_mode="the last 3 starts crashed")[0] == safe
    assert problems([], crashed_starts=2)[0].command == "loligo run --safe"


def test_name_of_two_kinds_is_told_with_its_kind() -> None:
    found = problems([row(State.QUARANTINED), row(State.ACTIVE, kind="strategy")])
    assert [problem.command for problem in found] == ["loligo tentacle retry evaluator/jump"]
