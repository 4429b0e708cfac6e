"""The API of a bot at work, asked for whatever its description allows, and for what it does not.

schemathesis makes the questions of the served description; none may end in a server error, and every answer must be as
described. The number of questions is bounded, and they are the same in every run.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from loligo.api import Role
from loligo_bot.door.catalogue import OFFERS
from loligo_bot.door.front_door import FrontDoor
from loligo_web.own_verbs import own_verbs
from tests.web.running import RunningPage

OWN = {name: one.verb for name, one in own_verbs(FrontDoor()).items()}  # of the page itself
VERBS = {**{offer.verb.name: offer.verb for offer in OFFERS}, **OWN}
READS = [name for name, verb in VERBS.items() if not verb.changes]
CHANGES = [name for name, verb in VERBS.items() if verb.changes]
NOT_FUZZED = {  # with the right to: they end the bot or its page, or start work for minutes
    "stop",
    "config.undo",
    "tentacle.apply",
    "backtest.start",
    "backtest.retry",
}
EXAMPLES_OF_A_READ, EXAMPLES_OF_A_CHANGE = 10, 6
TIMEOUT_S = 60.0
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def described(running: RunningPage) -> Any:
    """The description as the page serves it."""
    running.bot.wait_until(lambda status: status["next_seq"] > 1_000)
    url = f"{running.address}/api/v1/openapi.json"
    return schemathesis.openapi.from_url(url, headers=running.headers("view"))


def asked(described: Any, running: RunningPage, verb: str, role: str, examples: int) -> list[int]:
    """Ask a verb in many ways; return the statuses of the answers, all of them as described."""
    operation = described[f"/{verb.replace('.', '/')}"]["post" if VERBS[verb].changes else "get"]
    statuses: list[int] = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(headers=running.headers(role), timeout=TIMEOUT_S)
        statuses.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    ask()
    return statuses


def test_the_description_is_a_valid_one(described: Any) -> None:
    described.validate()
    paths = {f"/{name.replace('.', '/')}" for name in VERBS}
    assert set(described.raw_schema["paths"]) == paths


@pytest.mark.parametrize("verb", READS)
def test_a_read_answers_whatever_it_is_asked(described: Any, running: RunningPage, verb: str) -> None:
    role = VERBS[verb].role  # everything of the bot but changes is for those who look
    assert role is Role.VIEW or verb in OWN
    assert 403 not in asked(described, running, verb, role.name.lower(), EXAMPLES_OF_A_READ)


@pytest.mark.parametrize("verb", [name for name in READS if VERBS[name].role > Role.VIEW])
def test_what_is_not_for_all_is_refused_to_those_who_only_look(described: Any, running: RunningPage, verb: str) -> None:
    assert set(asked(described, running, verb, "view", 2)) <= {403}


@pytest.mark.parametrize("verb", [name for name in CHANGES if VERBS[name].role > Role.VIEW])
def test_a_change_is_refused_to_those_who_only_look(described: Any, running: RunningPage, verb: str) -> None:
    assert set(asked(described, running, verb, "view", 2)) <= {403}


@pytest.mark.parametrize("verb", sorted(set(CHANGES) - NOT_FUZZED))
def test_a_change_answers_whatever_it_is_asked(described: Any, running: RunningPage, verb: str) -> None:
    role = "admin" if verb in OWN else VERBS[verb].role.name.lower()  # a token makes none that may do more than it
    assert 403 not in asked(described, running, verb, role, EXAMPLES_OF_A_CHANGE)
