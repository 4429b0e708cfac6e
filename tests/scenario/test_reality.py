"""`loligo reality`: a desk's trades against those of the backtester, and the cause of each difference.

The desk buys 0.1 BTC at the market at every eighth hour and sells four hours later, over made-up candles of an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import Noted
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import BotFolder, done_job, ended
from tests.scenario.test_edge_swap import applied
from tests.scenario.test_session_replay import forged, other_code
from tests.scenario.test_swap_running import CLOCK, edit_registry, rewrite

FIRST_MS, HOUR_MS = 1_546_300_800_000, 3_600_000  # 2019-01-01T00:00Z
HOURS = 240  # ten days: 30 round trips, and one that begins with the last candle
VENUE = ("venues", "coinbase")


def write_candles(bot: BotFolder, missing: tuple[int, ...] = ()) -> None:
    """Write the candles that open at hour 0 to 239, but for some."""
    lines = ["timestamp,open,high,low,close,volume"]
    for hour in range(HOURS):
        price = 10_000 + hour * 37 % 211
        if hour not in missing:
            lines.append(f"{FIRST_MS + hour * HOUR_MS},{price},{price + 5},{price - 5},{price + 2},500")
    (bot.home / "data").mkdir(exist_ok=True)
    (bot.home / "data" / "hours.csv").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def fresh(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    """The bot, never run."""
    bot = template.copy(tmp_path_factory.mktemp("reality") / "fresh")
    write_hanging(bot.home, "evaluator", 0)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    write_candles(bot)

    def configure(config: dict[str, Any]) -> None:
        trade_with_them(config, "2019-01-01", "2020-01-01")
        source = {"file": "hours.csv", "instrument": "coinbase:BTC/USD", "kind": "candles", "timeframe": "1h"}
        config["feeds"][0]["settings"] = {"sources": [source]}

    return bot.edit(configure)


@pytest.fixture(scope="module")
def paper(fresh: BotFolder) -> BotFolder:
    """The bot after its ten days."""
    bot = fresh.copy(fresh.home.parent / "paper")
    recorded(bot)
    return bot


@pytest.fixture
def bot(paper: BotFolder, tmp_path: Path) -> BotFolder:
    """What a test may change, after its ten days."""
    return paper.copy(tmp_path / "bot")


def recorded(bot: BotFolder) -> None:
    done = bot.call("run", "--headless")
    assert done.code == 0, done.out + done.err


def checked(bot: BotFolder, *options: str) -> dict[str, Any]:
    done = bot.call("reality", "--desk", "trend", *options)
    assert done.code == 0, done.out + done.err
    data = done.data
    total = data["net"]["today"] - data["net"]["recorded"]
    assert sum(one["net"] for one in data["causes"].values()) == pytest.approx(total, abs=1e-9)
    return data


def setting(way: tuple[str, ...], value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for key in way[:-1]:
            config[key] = config.get(key) or {}
            config = config[key]
        config[way[-1]] = value

    return change


def causes(data: dict[str, Any]) -> dict[str, int]:
    assert data["differences_as_it_ran"] == 0  # the same versions, settings and candles make the same trades
    return {cause: one["trades"] for cause, one in data["causes"].items()}


def test_paper_desk_on_replayed_data_differs_in_nothing_in_any_window(bot: BotFolder) -> None:
    data = checked(bot)
    assert data["trades"] == {"recorded": 30, "as_it_ran": 30, "today": 30}  # from hour 1, 8, 16 ... 232
    assert (data["differences"], data["not_explained"], causes(data), data["steps"]) == (0, 0, {}, [])
    part = checked(bot, "--from", "2019-01-03T10:00:00", "--to", "2019-01-05T10:00:00")  # begins while one is open
    assert part["trades"] == {"recorded": 6, "as_it_ran": 6, "today": 6}
    assert (part["differences"], part["steps"]) == (0, [])
    assert "no difference" in part["summary"][-1]


def test_other_fee_in_the_configuration_is_named_with_what_it_comes_to(bot: BotFolder) -> None:
    bot.edit(setting((*VENUE, "instruments", "BTC/USD", "taker_fee_rate"), 0.001))
    data = checked(bot)
    assert causes(data) == {"fee": 30}
    volume = sum(
        Decimal(row["recorded"][price]) * Decimal("0.1")
        for row in data["rows"]
        for price in ("entry_price", "exit_price")
    )
    assert data["causes"]["fee"]["net"] == pytest.approx(float(volume * Decimal("0.003")))  # 0.4 % then, 0.1 % now
    assert data["steps"][0]["changed"] == ["venues.coinbase.instruments.BTC/USD.taker_fee_rate: 0.004 → 0.001"]
    today = [(row["today"]["entry_price"], row["today"]["fees"], row["today"]["net"]) for row in data["rows"]]
    backtest = bot.call("backtest", "--desk", "trend").data["trades"]
    assert [(trade["entry_price"], trade["fees"], trade["net"]) for trade in backtest] == today


def test_other_slippage_is_named(bot: BotFolder) -> None:
    bot.edit(setting((*VENUE, "fills", "slippage_rate"), 0))
    data = checked(bot)
    assert causes(data) == {"slippage": 30}
    assert data["causes"]["slippage"]["net"] > 0  # it cost something then


def test_order_that_reached_the_market_later_than_in_the_backtest_is_one_of_signal_time(
    fresh: BotFolder, tmp_path: Path
) -> None:
    bot = fresh.copy(tmp_path / "bot")
    bot.edit(setting((*VENUE, "fills", "latency_ms"), 90 * 60_000))
    recorded(bot)
    bot.edit(setting((*VENUE, "fills", "latency_ms"), 0))
    data = checked(bot)
    assert causes(data) == {"signal time": 30}
    assert any(field.startswith("opened at 2019-01-01T") for field in data["rows"][0]["fields"])


def test_candle_that_was_not_recorded_is_named_with_the_trade_that_it_changed(fresh: BotFolder, tmp_path: Path) -> None:
    bot = fresh.copy(tmp_path / "bot")
    write_candles(bot, missing=(31,))  # closes at hour 32, when the desk would have bought
    recorded(bot)
    write_candles(bot)
    data = checked(bot)
    assert causes(data) == {"missing candle": 1}
    assert data["candles"] == {"missing": 1, "late": 0, "other": 0}
    assert data["steps"][0]["changed"] == ["coinbase:BTC/USD 1h 2019-01-02T07:00:00: missing"]
    [row] = [row for row in data["rows"] if not row["is_same"]]
    assert (row["recorded"]["decided_at"], row["today"]["decided_at"]) == (
        "2019-01-02T09:00:00Z",
        "2019-01-02T08:00:00Z",
    )


def test_changed_tentacle_is_one_of_version(bot: BotFolder) -> None:
    rewrite(bot, CLOCK, "% 8 < 4", "% 8 < 3")  # it sells an hour earlier
    data = checked(bot)
    assert causes(data) == {"version": 30}
    assert [line.split()[0] for line in data["steps"][0]["changed"]] == ["strategy/by_clock"]


def test_changed_setting_is_one_of_settings_and_leaves_out_what_it_forbids(bot: BotFolder) -> None:
    bot.edit(setting(("desks", "trend", "risk_rules"), ["limit", "confidence", "daily_loss", "daily_trades"]))
    bot.edit(setting(("desks", "trend", "limits", "max_trades_per_day"), 1))
    data = checked(bot)
    assert causes(data) == {"settings": 20}  # 30 less one on each of ten days
    assert data["trades"]["today"] == 10
    assert {tuple(row["fields"]) for row in data["rows"] if not row["is_same"]} == {("only in reality",)}


def test_two_causes_of_one_difference_are_both_named_and_add_up(bot: BotFolder) -> None:
    bot.edit(setting((*VENUE, "instruments", "BTC/USD", "taker_fee_rate"), 0.001))
    bot.edit(setting((*VENUE, "fills", "slippage_rate"), 0))
    data = checked(bot)
    assert causes(data) == {"fee": 30, "slippage": 30}
    assert all(row["causes"] == ["fee", "slippage"] for row in data["rows"])


def test_what_comes_out_otherwise_though_nothing_changed_is_counted_as_not_explained(bot: BotFolder) -> None:
    """The journal names an evaluator that is silent from its 20th candle on, hour 19 after a warm-up of one: the
    position of hour 16 is never sold. What ran, and what is there today, is not silent."""
    forged(bot, lambda bot, slots: other_code(bot, slots, b"(1.0 if self.asked < 20 else 2.0,"))
    done = bot.call("reality", "--desk", "trend")
    assert done.data["trades"] == {"recorded": 30, "as_it_ran": 2, "today": 30}  # of hours 1 and 8
    assert (done.data["differences_as_it_ran"], done.data["not_explained"]) == (28, 28)
    assert "28 of those cannot be explained" in done.data["summary"][1]


@pytest.mark.timeout(200)
def test_session_with_a_swap_makes_the_same_trades_as_it_ran_and_others_with_the_version_of_today(
    fresh: BotFolder, tmp_path: Path
) -> None:
    bot = fresh.copy(tmp_path / "bot")
    bot.environment |= {"LOLIGO__SWAP__WATCH": "false", "LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05"}
    bot.environment |= {"LOLIGO__SWAP__SHADOW_INPUTS": "5", "LOLIGO__SWAP__PROBATION_INPUTS": "5"}
    with bot.running("run", "--headless", "--speed", "72000") as process:  # 20 candles in a second
        bot.wait_until(lambda status: status["next_seq"] > 500)
        rewrite(bot, CLOCK, "% 8 < 4", "% 8 < 3")
        applied(bot)
        done = ended(process)
        assert done.code == 0, done.err
    data = checked(bot)
    assert set(causes(data)) == {"version"}
    before = [row["is_same"] for row in data["rows"]]
    assert 0 < before.count(False) < len(before)
    assert before == sorted(before)  # those of before the swap first


def test_desk_and_window_that_are_not_there_are_told(bot: BotFolder) -> None:
    gone = bot.call("reality", "--desk", "trnd")
    assert (gone.code, "it had trend" in gone.data["error"]["message"]) == (4, True)
    early = bot.call("reality", "--desk", "trend", "--to", "2018-01-01")
    assert (early.code, "nothing was recorded" in early.data["error"]["message"]) == (1, True)


def test_a_running_bot_does_both_as_jobs_beside_the_trading(bot: BotFolder) -> None:
    bot.edit(setting((*VENUE, "instruments", "BTC/USD", "taker_fee_rate"), 0.001))
    with bot.running("run", "--headless", "--stay") as process:
        bot.wait_until(lambda status: bool(status["next_seq"]))
        replayed = done_job(bot, "replay")
        checked_then = done_job(bot, "reality", desk="trend", until="2019-01-09")
        refused = bot.asked("reality.start", desk="trnd")
        process.terminate()
        assert ended(process).code == 0
    assert (replayed["state"], replayed["result"]["is_identical"]) == ("done", True)
    of_market = [record for record in bot.records() if not isinstance(record.input, Noted)]
    assert replayed["result"]["records"] - len(of_market) in (0, 1)  # the note that it was asked for may come first
    assert "identical" in replayed["summary"][0]
    rows = checked_then["result"].pop("rows")
    same = checked(bot, "--to", "2019-01-09")
    assert rows == [row for row in same["rows"] if not row["is_same"]]
    assert {name: same[name] for name in checked_then["result"]} == checked_then["result"]
    assert refused["ok"] is False
