"""The same inputs give the same bytes: whatever the process, and whether a bot runs or a backtest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tests.scenario.bots import BotFolder


def reverse_order(config: dict[str, Any]) -> None:
    for section in ("desks", "accounts", "venues"):
        entries = list(config[section].items())
        config[section].clear()
        config[section].update(reversed(entries))


def test_hash_seed_time_zone_speed_and_order_of_desks_change_no_byte_of_the_journal(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    other = new_season("other").edit(reverse_order)
    other.environment |= {
        "PYTHONHASHSEED": "4711",
        "TZ": "Pacific/Chatham",
        "LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS": "33",
    }
    other.environment["LC_ALL"] = "C"
    done = other.call("run", "--headless", "--speed", "10000000")  # 2,800 candles of an hour in a second
    assert done.code == 0, done.err
    assert other.digest() == season.digest()
    assert other.rows() == season.rows()


def test_a_backtest_makes_the_trades_of_the_paper_run_and_the_same_journal(
    season: BotFolder, new_season: Callable[[str], BotFolder]
) -> None:
    bot = new_season("backtest")
    (bot.home / "state").mkdir(exist_ok=True)
    done = bot.call("backtest", "--journal", str(bot.home / "state" / "journal.sqlite"))
    assert done.code == 0, done.err
    ours = ["desk", "instrument", "side", "quantity", "entry_price", "exit_price", "opened_at_ns", "closed_at_ns"]
    ours += ["gross", "fees", "net", "exit_role", "entry_order_id"]
    expected = [{name: row[name] for name in ours} for row in season.rows()["trades"]]
    assert len(expected) > 100
    assert [{name: trade[name] for name in ours} for trade in done.data["trades"]] == msgspec.to_builtins(expected)
    assert bot.digest() == season.digest()
