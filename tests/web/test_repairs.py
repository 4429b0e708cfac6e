"""Which button mends a problem: it does what the command of that problem would."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from loligo_web.look import environment
from loligo_web.repairs import repair

ROLLBACK, SWITCH, RETRY = "tentacle.rollback", "tentacle.switch", "tentacle.retry"


@pytest.mark.parametrize(
    ("command", "verb", "arguments"),
    [
        ("loligo tentacle rollback jump", ROLLBACK, {"name": "evaluator/jump"}),
        ("loligo tentacle retry jump", RETRY, {"name": "evaluator/jump"}),
        ("loligo tentacle off jump", SWITCH, {"name": "jump", "on": False}),
        ("loligo tentacle on other", SWITCH, {"name": "other", "on": True}),  # what the tentacle needs
    ],
)
def test_a_button_is_the_verb_of_the_command(command: str, verb: str, arguments: dict[str, object]) -> None:
    found = repair(SimpleNamespace(command=command, tentacle="evaluator jump"))
    assert found is not None
    assert (found.verb, found.arguments, found.link) == (verb, arguments, "")


@pytest.mark.parametrize("act", ["grant jump files", "packages jump"])
def test_what_wants_a_permission_or_a_package_is_looked_at_first(act: str) -> None:
    found = repair(SimpleNamespace(command=f"loligo tentacle {act}", tentacle="evaluator jump"))
    assert found is not None
    assert (found.verb, found.link) == ("", "/tentacles/evaluator/jump")


@pytest.mark.parametrize("command", ["pip install numpy", "loligo run --no-safe", "rm -r '/bot' && loligo stop"])
def test_what_only_a_terminal_can_do_has_no_button(command: str) -> None:
    assert repair(SimpleNamespace(command=command, tentacle="")) is None


def test_the_card_of_a_problem_has_the_button_where_one_may_press_it_and_the_command_where_not() -> None:
    problem = {"problem": "quarantined", "reason": "it fails", "tentacle": "evaluator jump"}
    health = SimpleNamespace(problems=[SimpleNamespace(**problem, command="loligo tentacle retry jump")])
    card = environment().get_template("part/trouble.html")

    def shown(*offers: str) -> str:
        return str(card.render(health=health, frame=SimpleNamespace(offers=offers), csrf="c", new_key=lambda: "k"))

    assert 'hx-post="/do/tentacle.retry"' in shown(RETRY)
    assert "&#34;name&#34;: &#34;evaluator/jump&#34;" in shown(RETRY)
    assert "<code>loligo tentacle retry jump</code>" not in shown(RETRY)
    assert "<code>loligo tentacle retry jump</code>" in shown() and "/do/" not in shown()
