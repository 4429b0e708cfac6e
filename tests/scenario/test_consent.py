"""Consent of a person to entries of a running bot, given and denied by the verbs that page and chats use, too."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

from loligo.model.events import Approved, ConsentAsked, OrderSubmitted, Refused
from loligo.model.order import OrderRole
from tests.scenario.bots import LIMIT_S, BotFolder, ended

DAYS_S = 30 * 86_400  # in the time of the data, of which an hour passes in a hundredth of a second
PER_SECOND = "360000"


def waiting(bot: BotFolder, besides: str = "") -> dict[str, Any]:
    """Return a question, not this one, once there is one."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        found = [one for one in bot.asked("consents")["answer"]["waiting"] if one["id"] != besides]
        if found:
            return dict(found[0])
        time.sleep(0.1)
    raise AssertionError("nothing was asked")


def test_entries_of_a_desk_that_asks_go_out_with_a_persons_yes_alone(template: BotFolder, tmp_path: Path) -> None:
    def ask_first(config: dict[str, Any]) -> None:
        for desk in config["desks"].values():
            desk["consent_s"] = DAYS_S

    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05").edit(ask_first)
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        first = waiting(bot)
        denied = bot.asked("consent.deny", "k1", id=first["id"])["answer"]
        second = waiting(bot, besides=first["id"])
        given = bot.asked("consent.give", "k2", id=second["id"])["answer"]
        again = bot.asked("consent.give", "k2", id=second["id"])["answer"]
        late = bot.asked("consent.give", "k3", id=second["id"])["answer"]
        asked = bot.asked("decisions", result="asked", limit=100)["answer"]["decisions"]
        chain = bot.asked("why", id=second["id"])["answer"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert denied["is_done"] and denied["message"].startswith("denied: ")
    assert given["message"].startswith(("sent: ", "agreed, but risk no longer lets it through: "))
    assert again == given
    assert not late["is_done"] and "nothing waits for consent" in late["message"]
    assert asked and {one["result"] for one in asked} == {"asked"}
    assert "asked" in {step["step"] for step in chain["steps"]}
    events = [event for record in bot.records() for event in record.events]
    refused = {event.cause: event.code for event in events if isinstance(event, Refused)}
    assert refused[int(first["id"])] == "consent_denied"
    assert first["id"] in {str(event.seq) for event in events if isinstance(event, ConsentAsked)}
    entries = [e for e in events if isinstance(e, OrderSubmitted) and e.order.role is OrderRole.ENTRY]
    approved = [e for e in events if isinstance(e, Approved) and e.request.role is OrderRole.ENTRY]
    assert len(entries) == len(approved) == int(given["is_done"])
