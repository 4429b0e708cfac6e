"""A tentacle that hangs: the bot goes on, a panic gets through, and the journal says the same when it is read again."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from loligo.model.events import Approved, KillSwitchSet, TentacleFailed
from loligo.model.order import OrderRole
from loligo.model.timeframe import HOUR_NS, ns_from_iso
from tests.fakes.hanging_tentacles import IN_C, IN_C_WITH_LOCK, LOOP, NAMES, trade_with_them, write_hanging
from tests.scenario.bots import BotFolder, ended
from tests.scenario.kills import PAPER_BOT

SINCE, HANGS_AT, UNTIL = "2017-12-15", "2017-12-18T00:00:00Z", "2017-12-22"
HANGS_AT_NS = ns_from_iso(HANGS_AT)
SHORT_S = "0.5"
MakeBot = Callable[..., BotFolder]


@pytest.fixture
def make_bot(template: BotFolder, tmp_path: Path) -> MakeBot:
    """Make a bot of whose tentacles the one of `kind` hangs, after `timeout_s` seconds no longer."""

    def make(kind: str, how: str = LOOP, timeout_s: str = SHORT_S) -> BotFolder:
        bot = template.copy(tmp_path / kind, LOLIGO__ENGINE__TENTACLE_TIMEOUT_S=timeout_s)
        write_hanging(bot.home, kind, HANGS_AT_NS, how)
        return bot.edit(lambda config: trade_with_them(config, SINCE, UNTIL))

    return make


def failures(bot: BotFolder) -> list[TentacleFailed]:
    events = [event for record in bot.records() for event in record.events]
    return [event for event in events if isinstance(event, TentacleFailed)]


def entries(bot: BotFolder) -> list[int]:
    """Return when entries were approved, in hours from the instant of the hang."""
    events = [event for record in bot.records() for event in record.events]
    approved = [event for event in events if isinstance(event, Approved) and event.request.role is OrderRole.ENTRY]
    return [(event.ts - HANGS_AT_NS) // HOUR_NS for event in approved]


def forget_snapshots(bot: BotFolder) -> None:
    with bot.database() as engine, engine.begin() as connection:
        connection.execute(text("DELETE FROM snapshot"))


CALLS = {"evaluator": "evaluate", "strategy": "decide", "trading_mode": "on_signal", "risk_rule": "check"}


@pytest.mark.parametrize("kind", CALLS)
def test_the_bot_goes_on_after_a_hang_and_its_journal_replays_without_it(make_bot: MakeBot, kind: str) -> None:
    """The entry at the instant of the hang is denied, and comes an hour later; entries are eight hours apart."""
    bot = make_bot(kind)
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    (failure,) = failures(bot)
    assert (failure.tentacle.split()[0], failure.call, failure.ts) == (NAMES[kind], CALLS[kind], HANGS_AT_NS)
    assert failure.is_interrupted
    assert failure.error.startswith("interrupted after 0.5 s in __init__.py, line ")
    assert [hour for hour in entries(bot) if -9 < hour < 9] == [-8, 1, 8]
    digest, records = bot.digest(), len(bot.records())
    forget_snapshots(bot)
    again = bot.call("run", "--headless")
    assert (again.code, again.data["recovered_records"]) == (0, records), again.err
    assert bot.digest() == digest
    assert len(failures(bot)) == 1


def test_a_bot_killed_after_a_hang_comes_to_the_same_end(make_bot: MakeBot, tmp_path: Path) -> None:
    """72 candles and the generation come before the hang; when 30 after it are durable the process is killed."""
    undisturbed = make_bot("trading_mode")
    killed = undisturbed.copy(tmp_path / "killed", LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS="1")
    assert undisturbed.call("run", "--headless").code == 0
    with killed.running(str(killed.home), "after_send:103", script=PAPER_BOT) as process:
        assert ended(process).code == -signal.SIGKILL
    assert len(failures(killed)) == 1
    done = killed.call("run", "--headless")
    assert (done.code, done.data["is_resumed"]) == (0, True), done.err
    assert done.data["recovered_records"] > 100
    assert killed.digest() == undisturbed.digest()
    assert killed.rows() == undisturbed.rows()
    assert killed.snapshot() == undisturbed.snapshot()


def test_a_panic_is_answered_while_a_tentacle_hangs(make_bot: MakeBot) -> None:
    bot = make_bot("strategy", timeout_s="600")
    with bot.running("run", "--headless") as process:
        bot.wait_until(lambda status: bool(status["hung"]))
        shown = bot.call("status")
        assert shown.data["status"]["hung"]["tentacle"] == "strategy_by_clock"
        assert shown.data["status"]["hung"]["place"].startswith("__init__.py, line ")
        answer = bot.call("panic")
        assert answer.code == 0, answer.err
        assert answer.seconds < shown.seconds + 30.0  # not the 600 s of the hang
        assert ended(process).code == 0
    events = [event for record in bot.records() for event in record.events]
    assert [event.level for event in events if isinstance(event, KillSwitchSet)] == [2]
    (failure,) = failures(bot)
    assert failure.error.startswith("interrupted by a panic in __init__.py, line ")
    assert [hour for hour in entries(bot) if hour > -8] == []


@pytest.mark.parametrize(("how", "code"), [(IN_C, 70), (IN_C_WITH_LOCK, -signal.SIGPROF)])
def test_a_hang_in_c_ends_the_process_and_the_journal_goes_on_with_a_better_version(
    make_bot: MakeBot, how: str, code: int
) -> None:
    bot = make_bot("evaluator", how)
    done = bot.call("run", "--headless")
    assert done.code == code, done.err
    assert "counter" in done.err and "on_candle" in done.err
    assert failures(bot) == []
    file = bot.home / "tentacles" / "evaluators" / NAMES["evaluator"] / "__init__.py"
    file.write_text(file.read_text().replace(how, "pass"))
    assert bot.call("tentacle", "refresh").code == 0
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    assert [hour for hour in entries(bot) if -9 < hour < 9] == [-8, 0, 8]


def test_a_hang_does_not_keep_a_stop_from_ending_the_bot(make_bot: MakeBot) -> None:
    bot = make_bot("trading_mode", timeout_s="2")
    with bot.running("run", "--headless") as process:
        bot.wait_until(lambda status: bool(status["hung"]))
        process.terminate()
        done = ended(process)
    assert done.code == 0, done.err
    assert done.seconds < 20  # the hang itself never ends
    assert len(failures(bot)) == 1
    assert bot.call("run", "--headless").data["is_resumed"] is True
