"""Markets that a desk watches and does not trade: looked at beside the trading, told, and what the desk would do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.bots import LIMIT_S, BotFolder

ETH = "bitstamp:ETH/USD"
PACE = "720000"  # 200 candles of an hour in a second


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """The bundled folder, in which the desk `dips` no longer trades but `trend`, at its venue, watches."""
    bot = template.copy(tmp_path / "bot", LOLIGO__LOG__LEVEL="error")

    def watch(config: dict[str, Any]) -> None:
        config["venues"]["coinbase"]["instruments"]["ETH/USD"] = {}
        source = {"file": "bitstamp/ETH_USD-1d.parquet", "instrument": "coinbase:ETH/USD", "timeframe": "1d"}
        config["feeds"][0]["settings"]["sources"].append({**source, "kind": "candles"})
        config["feeds"][0]["settings"]["since"] = "2018-01-01"
        config["desks"]["trend"]["timeframe"] = "1d"
        config["desks"]["trend"]["evaluators"] = [{"tentacle": "rsi", "settings": {"period": 7}}]
        config["jobs"] = {"watch": {"trend": ["ETH/USD"]}}

    return bot.edit(watch)


def scanned(bot: BotFolder, is_so: Any = lambda row: row["job"]) -> dict[str, Any]:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        [row] = bot.asked("scan")["answer"]["markets"]
        if is_so(row):
            return dict(row)
        time.sleep(0.15)
    raise AssertionError(f"nobody looked: {row}, {bot.asked('jobs')['answer']}")


def test_a_scan_tells_what_a_desk_thinks_of_a_market_that_it_does_not_trade(bot: BotFolder) -> None:
    with bot.running("run", "--headless", "--speed", PACE):
        now = bot.wait_until(lambda status: status["next_seq"] > 500)["time"]
        before = scanned(bot, lambda row: True)
        done = bot.asked("scan.start", "k1")
        again = bot.asked("scan.start", "k1")
        row = scanned(bot)
        [market] = bot.asked("market", instrument="coinbase:ETH/USD")["answer"]["markets"]
        told = bot.asked("notifications", kinds=["job_done"])["answer"]["notifications"]
        orders = bot.asked("orders", limit=500)["answer"]["orders"]
    assert (before["instrument"], before["job"]) == ("coinbase:ETH/USD", 0)
    assert done["answer"] == again["answer"]  # one question, one scan
    assert [one["evaluator"].partition("#")[0] for one in row["opinions"]] == ["rsi"]
    assert now[:7] <= row["time"][:7]  # as of when it was asked, not of the end of the data
    assert market["watched"] == [row]
    assert told[0]["fields"]["what"] == "scan" and told[0]["fields"]["state"] == "done"
    assert {one["instrument"] for one in orders} <= {"coinbase:BTC/USD", ETH}


def test_what_a_scan_says_is_what_a_backtest_of_that_market_says(bot: BotFolder) -> None:
    with bot.running("run", "--headless", "--speed", PACE):
        bot.wait_until(lambda status: status["next_seq"] > 500)
        bot.asked("scan.start")
        row = scanned(bot)
    [opinion] = row["opinions"]
    bot.edit(lambda config: config["desks"]["trend"].update(instruments=["ETH/USD"]))
    bot.edit(lambda config: config["desks"].pop("dips"))
    for file in (bot.home / "state").glob("journal.sqlite*"):
        file.unlink()
    done = bot.call("run", "--headless", "--until", row["time"])
    assert done.code == 0, done.err
    said = [
        (event.evaluation.value, event.evaluation.code)
        for record in bot.records()
        for event in record.events
        if type(event).__name__ == "Evaluated" and event.evaluator == opinion["evaluator"]
    ]
    # It saw more candles before, and a smoothed average forgets slowly: what is left of them is less than this.
    assert said[-1] == (pytest.approx(opinion["value"], abs=5e-3), opinion["code"])


def test_a_schedule_lets_desks_look(bot: BotFolder) -> None:
    look = {"tentacle": "schedule", "name": "look", "settings": {"job": "scan", "cron": "0 6 * * *"}}
    bot.edit(lambda config: config.update(automations=[look]))
    with bot.running("run", "--headless", "--speed", PACE):
        bot.wait_until(lambda status: status["next_seq"] > 500)
        ran = bot.asked("automation.run", name="look")
        row = scanned(bot)
        [job] = bot.asked("jobs", kind="scan")["answer"]["jobs"]
    assert ran["ok"], ran
    assert (row["job"], job["state"], job["title"]) == (job["number"], "done", "trend looks at ETH/USD")


def test_nothing_is_scanned_where_nothing_is_watched_and_a_wrong_name_is_said(bot: BotFolder) -> None:
    bot.edit(lambda config: config["jobs"].update(watch={"trend": ["DOGE/USD"]}))
    with bot.running("run", "--headless", "--speed", PACE):
        bot.wait_until(lambda status: status["next_seq"] > 10)
        unknown = bot.asked("scan.start")
        nobody = bot.asked("scan.start", desk="dips")
    assert not unknown["ok"] and "DOGE/USD" in str(unknown["error"])
    assert nobody["problems"]["desk"].startswith('desk = "dips": it watches nothing')
