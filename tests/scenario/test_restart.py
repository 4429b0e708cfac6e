"""What a restart keeps, and how much it has to read again."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loligo.model.events import Approved, EquityMarked, Record, Refused, RiskActed
from loligo.model.order import OrderRole
from tests.scenario.bots import BotFolder, ended
from tests.scenario.kills import PAPER_BOT


def killed(bot: BotFolder, place: str) -> None:
    with bot.running(str(bot.home), place, script=PAPER_BOT) as process:
        assert ended(process).code == -signal.SIGKILL


def first_pause(records: list[Record]) -> tuple[int, RiskActed, list[Refused]]:
    """Return the first pause for losses that refused something: record number, the event, what it refused."""
    for number, record in enumerate(records):
        for event in record.events:
            if isinstance(event, RiskActed) and event.rule == "loss_streak":
                refused = [
                    other
                    for later in records[number + 1 :]
                    for other in later.events
                    if isinstance(other, Refused) and other.desk == event.desk and other.ts < event.action.until_ns
                ]
                if refused:
                    return number, event, refused
    raise AssertionError("no pause for losses in these weeks")


def test_a_pause_for_losses_outlives_a_kill_and_refuses_until_its_time(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    number, pause, refusals = first_pause(season.records())
    bot = new_season("paused")
    bot.environment["LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS"] = "1"  # the pause is durable when the kill comes
    killed(bot, f"after_append:{number + 2}")
    assert any(pause in record.events for record in bot.records())
    with bot.running("run", "--headless", "--speed", "1") as process:
        status = bot.wait_until(lambda _: True)
        assert status["desks"][pause.desk]["pauses"] == {"loss_streak": pause.action.until_ns}
        process.terminate()
        assert ended(process).code == 0
    assert bot.call("run", "--headless").code == 0
    events = [event for record in bot.records() for event in record.events]
    assert [event for event in events if event in refusals] == refusals
    assert [
        event
        for event in events
        if isinstance(event, Approved)
        and event.request.role is OrderRole.ENTRY
        and event.desk == pause.desk
        and pause.ts < event.ts < pause.action.until_ns
    ] == []
    assert bot.digest() == season.digest()


def test_the_high_water_mark_of_an_account_outlives_a_kill(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    """Drawdown after the restart is measured from the peak before it: at least 1 - equity / the highest mark."""
    bot = new_season("peak")
    killed(bot, "after_append:900")
    durable = bot.records()
    highest = max(mark.equity for mark in marks(durable))
    assert bot.call("run", "--headless").code == 0
    after = marks(bot.records()[len(durable) :])
    assert after
    assert max(mark.equity for mark in after) < 0.98 * highest  # a peak that began anew would show no drawdown
    assert all(mark.drawdown >= 1 - mark.equity / highest for mark in after)


def marks(records: list[Record]) -> list[EquityMarked]:
    events = [event for record in records for event in record.events]
    return [e for e in events if isinstance(e, EquityMarked) and (e.account, e.desk) == ("paper", "")]


def test_snapshots_bound_what_a_killed_bot_reads_again_however_often_it_is_killed(
    template: BotFolder, whole: tuple[BotFolder, dict[str, Any]], tmp_path: Path
) -> None:
    """At most the records between two snapshots (5,000) and those of one commit (2,000)."""
    bot = template.copy(tmp_path / "late", LOLIGO__JOURNAL__SNAPSHOT_EVERY_RECORDS="5000")
    killed(bot, "after_append:14900")
    killed(bot, "after_append:4900")  # not enough since the restart for a snapshot of its own
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    assert 0 < done.data["recovered_records"] <= 7_000
    print(json.dumps({"records read again": done.data["recovered_records"]}))
    assert bot.digest() == whole[0].digest()
