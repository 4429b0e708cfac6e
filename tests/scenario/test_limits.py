"""Limits are changed while the bot trades, by the door that the page uses: judged, written, in force, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import GenerationActivated
from loligo.model.events import Approved, Refused
from loligo.model.order import OrderRole
from tests.scenario.bots import BotFolder, ended

PACE = "180000"  # 50 candles of an hour in a second
QUICK = {"LOLIGO__SWAP__PROBATION_S": "0.3", "LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05"}


def at_every_whim(config: dict[str, Any]) -> None:
    """One desk that enters whenever it can."""
    config["desks"].pop("dips")
    config["desks"]["trend"] |= {
        "strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.05, "exit_threshold": 0.05}},
        "limits": {"min_confidence": 0.0, "max_consecutive_losses": 1000, "stop_guard_count": 1000},
    }


def test_a_limit_is_in_force_at_once_and_its_undo_sets_it_back(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot", **QUICK).edit(at_every_whim)
    file = bot.home / "config" / "loligo.yaml"
    before = file.read_text()
    with bot.running("run", "--headless", "--speed", PACE) as process:
        bot.wait_until(lambda status: status["next_seq"] > 1_500)
        wanted = bot.asked("risk.limits", scope="trend")["answer"]
        assert wanted["limits"]["max_trades_per_day"] == 20
        assert wanted["limits_schema"]["properties"]["stop_loss"]["exclusiveMinimum"] == 0
        values = {"max_trades_per_day": 0, "stop_loss": 0.03}
        trial = bot.asked("limits.set", scope="trend", values=values, dry_run=True)["answer"]
        assert [(one["key"], one["before"], one["after"]) for one in trial["differences"]] == [
            ("max_trades_per_day", 20, 0),
            ("stop_loss", 0.02, 0.03),
        ]
        assert file.read_text() == before
        done = bot.asked("limits.set", scope="trend", values=values, why="a quiet day")["answer"]
        assert (done["result"], done["differences"]) == ("good", trial["differences"]), done
        status = bot.wait_until(lambda _: True)
        bot.wait_until(lambda now: now["next_seq"] > status["next_seq"] + 1_500)
        back = bot.asked("limits.set", **done["undo"]["arguments"])["answer"]
        assert back["result"] == "good", back
        again = bot.asked("limits.set", scope="account:paper", values={"max_drawdown": 0.15})["answer"]
        assert again["message"] == "it is set like that already"
        assert bot.asked("risk.limits", scope="trend")["answer"] == wanted
        process.terminate()
        assert ended(process).code == 0
    assert file.read_text().count("#") == before.count("#")  # no comment is lost
    records = bot.records()
    first, second = [record.seq for record in records if isinstance(record.input, GenerationActivated)][-2:]
    within = [event for record in records if first < record.seq < second for event in record.events]
    assert [one for one in within if isinstance(one, Approved) and one.request.role is OrderRole.ENTRY] == []
    assert {one.rule for one in within if isinstance(one, Refused)} == {"daily_trades"}
    earlier = [event for record in records if record.seq < first for event in record.events]
    assert [one for one in earlier if isinstance(one, Approved)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"scope": "trand"}, 'there is no scope "trand" (did you mean "trend"?)'),
        ({"scope": "account:none"}, 'there is no scope "account:none"'),
        ({"scope": "trend", "values": {"max_drawdown": 0.2}}, '"max_drawdown" is no limit of trend'),
        ({"scope": "trend", "values": {"stop_los": 0.2}}, 'did you mean "stop_loss"?'),
        ({"scope": "trend", "unset": ["stoploss"]}, 'did you mean "stop_loss"?'),
        ({"scope": "trend", "values": {"stop_loss": 0}}, "values.stop_loss = 0: expected greater than 0"),
        ({"scope": "trend", "values": {"stop_loss": "wide"}}, "values.stop_loss = 'wide': expected a valid number"),
        ({"scope": "trend", "values": {"max_trades_per_day": -1}}, "values.max_trades_per_day = -1"),
        ({"scope": "account:paper", "values": {"max_exposure": None}}, "values.max_exposure = None"),
    ],
)
def test_what_is_no_limit_is_refused_by_name(slow_bot: BotFolder, arguments: dict[str, Any], told: str) -> None:
    file = slow_bot.home / "config" / "loligo.yaml"
    before = file.read_text()
    refused = slow_bot.asked("limits.set", **arguments)
    assert refused["ok"] is False and told in str(refused).replace("\\'", "'"), refused
    assert file.read_text() == before


@pytest.fixture(scope="module")
def slow_bot(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> Any:
    bot = template.copy(tmp_path_factory.mktemp("slow") / "bot")
    with bot.running("run", "--headless", "--speed", "60"):
        bot.wait_until(lambda status: status["next_seq"] > 1)
        yield bot
