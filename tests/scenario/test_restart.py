"""What a restart keeps, and how much it has to read again."""

from __future__ import annotations

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
    usual, bot.environment = bot.environment, {**bot.environment, "LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS": "1"}
    killed(bot, f"after_append:{number + 2}")  # the pause is durable by then
    bot.environment = usual
    assert any(pause in record.events for record in bot.records())
    with bot.running("run", "--headless", "--speed", "1") as process:
        status = bot.wait_until(lambda _: True)
        assert status["desks"][pause.desk]["pauses"]["loss_streak"] == pause.action.until_ns
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
    assert max(mark.equity for mark in after) < highest  # a peak that began anew would show less than this drawdown
    assert all(mark.drawdown >= 1 - mark.equity / highest for mark in after)


def marks(records: list[Record]) -> list[EquityMarked]:
    events = [event for record in records for event in record.events]
    return [e for e in events if isinstance(e, EquityMarked) and (e.account, e.desk) == ("paper", "")]


def test_snapshots_bound_what_a_killed_bot_reads_again_however_often_it_is_killed(
    template: BotFolder, whole: tuple[BotFolder, dict[str, Any]], tmp_path: Path
) -> None:
    """At most the records between two snapshots (5,000) and those of one commit (2,000), of more than 10,000."""
    bot = template.copy(tmp_path / "late", LOLIGO__JOURNAL__SNAPSHOT_EVERY_RECORDS="5000")
    for records in (4_900, 4_900, 3_900):  # each too few for a snapshot of its own
        killed(bot, f"after_append:{records}")
    assert len(bot.records()) > 7_000
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    assert done.data["is_resumed"] is True
    assert done.data["recovered_records"] <= 7_000
    assert bot.digest() == whole[0].digest()
