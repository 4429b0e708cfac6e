"""A recording of a market's wire, order book, quotes and trades, beside candles: from the raw files to trades."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loligo.model.events import DecisionDeclined, Evaluated, SignalRaised
from tests.scenario.bots import BotFolder
from tests.scenario.protection import unprotected

START_S = 1_723_075_200  # 2024-08-08T00:00:00Z
SECONDS = 420
SYMBOL = "BTCUSDT"


def price_at(second: int) -> float:
    """100, from second 170 on in ten steps to 100.5, and 106 from second 300 on."""
    return 106.0 if second >= 300 else 100.0 + 0.05 * min(max(second - 169, 0), 10)


def messages() -> Iterator[tuple[float, dict[str, Any]]]:
    """Each second the book moves, a quote says so, and somebody buys; 4 units are offered on either side."""
    bid, ask = "99.99", "100.01"
    yield 0.5, {"lastUpdateId": 1, "bids": [[bid, "4"]], "asks": [[ask, "4"]]}
    for second in range(1, SECONDS):
        old_bid, old_ask = bid, ask
        bid, ask = f"{price_at(second) - 0.01:.2f}", f"{price_at(second) + 0.01:.2f}"
        bids, asks = ([[old, "0"]] if old != new else [] for old, new in ((old_bid, bid), (old_ask, ask)))
        ids = {"s": SYMBOL, "U": second + 1, "u": second + 1}
        yield second, {"stream": "x@depth", "data": {**ids, "b": [*bids, [bid, "4"]], "a": [*asks, [ask, "4"]]}}
        yield second, {"stream": "x@bookTicker", "data": {**ids, "b": bid, "B": "4", "a": ask, "A": "4"}}
        trade = {"s": SYMBOL, "t": second, "p": ask, "q": "0.5", "m": False}
        yield second, {"stream": "x@trade", "data": trade}


def write_files(folder: Path) -> None:
    lines = [f"{int((START_S + at) * 1e9)} {json.dumps(message)}\n" for at, message in messages()]
    (folder / "wire.gz").write_bytes(gzip.compress("".join(lines).encode()))
    rows = ["timestamp,open,high,low,close,volume"]
    for minute in range(SECONDS // 60):
        first, last = price_at(minute * 60), price_at(minute * 60 + 59)
        rows.append(f"{(START_S + minute * 60) * 1000},{first},{max(first, last)},{min(first, last)},{last},30")
    (folder / "minutes.csv").write_text("\n".join(rows))


def on_ticks(config: dict[str, Any]) -> None:
    """One desk that decides each minute by how far trades and quotes have moved, and trades against the book."""
    config["venues"] = {
        "binance": {"kind": "simulated", "instruments": {"BTC/USDT": {}}, "fills": {"match_on": "book"}}
    }
    config["accounts"] = {"paper": {"deposits": {"USDT": 10_000}, "reference": "USDT"}}
    evaluator = {"tentacle": "instant_fluctuation", "settings": {"min_move": 0.001, "full_move": 0.004}}
    config["desks"] = {
        "ticks": {
            "venue": "binance",
            "account": "paper",
            "instruments": ["BTC/USDT"],
            "timeframe": "1m",
            "capital": 10_000,
            "evaluators": [evaluator],
            "strategy": {"tentacle": "weighted_vote"},
            "mode": {"tentacle": "signal_spot"},
        }
    }
    market = {"instrument": "binance:BTC/USDT"}
    sources = [
        {"file": "wire.gz", "kind": "recording", **market},
        {"file": "minutes.csv", "kind": "candles", "timeframe": "1m", **market},
    ]
    config["feeds"] = [{"tentacle": "replay", "settings": {"sources": sources}}]


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    made = template.copy(tmp_path / "bot").edit(on_ticks)
    write_files(made.home / "data")
    return made


def test_a_recording_of_the_wire_is_traded_against_its_order_book(bot: BotFolder) -> None:
    """10 % of 10,000 at about 100.5 are 9.9 units: the 4 that are offered, and those of the next updates."""
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    assert done.data["desks"]["ticks"]["exits"] == {"target": 1}
    rows = bot.rows()
    bought = [fill for fill in rows["fills"] if fill["code"] == "book"]
    assert [float(fill["quantity"]) for fill in bought[:2]] == [4, 4]
    assert {float(fill["price"]) for fill in bought} == {100.51}
    stops = [row for row in rows["orders"] if row["role"] == "stop"]
    assert [row["quantity"] for row in stops] == [fill["quantity"] for fill in bought]
    assert {row["reason"] for row in stops} == {"oco"}
    assert list(unprotected(bot.records())) == []
    story = bot.call("why", bought[0]["order_id"]).data["steps"]
    steps = [step["step"] for step in story]
    assert steps[:4] == ["trade", "evaluation", "decision", "request"]  # no candle: the trade moved the opinion
    assert bot.call("backtest").data["counts"]["fills"] == len(rows["fills"])


def by_opinions(config: dict[str, Any]) -> None:
    """The same desk without any candle: each new opinion makes it decide."""
    on_ticks(config)
    config["desks"]["ticks"]["timeframe"] = "none"
    del config["feeds"][0]["settings"]["sources"][1]


def test_a_desk_without_a_timeframe_decides_at_every_new_opinion(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(by_opinions)
    write_files(bot.home / "data")
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    rows, records = bot.rows(), bot.records()
    assert not [record for record in records if type(record.input).__name__ == "Candle"]
    spoke = {record.seq for record in records if any(type(event).__name__ == "Evaluated" for event in record.events)}
    decided = [
        record.seq
        for record in records
        if any(type(event).__name__ in ("SignalRaised", "DecisionDeclined") for event in record.events)
    ]
    assert spoke and set(decided) == spoke
    bought = [fill for fill in rows["fills"] if fill["code"] == "book"]
    assert [float(fill["quantity"]) for fill in bought[:2]] == [4, 4]
    first = min(row["ts"] for row in rows["decisions"] if row["direction"] == "long")
    assert first % 60_000_000_000  # not where a minute ends: at the very trade
    assert list(unprotected(records)) == []
    assert bot.call("backtest").data["counts"]["fills"] == len(rows["fills"])


def beside_another(config: dict[str, Any]) -> None:
    """Two desks without a timeframe, of which one hears of large moves alone."""
    on_ticks(config)
    config["accounts"]["other"] = {"deposits": {"USDT": 10_000}, "reference": "USDT"}
    desk = config["desks"]["ticks"] | {"timeframe": "none"}
    large = {"tentacle": "instant_fluctuation", "settings": {"min_move": 0.01, "full_move": 0.05}}
    config["desks"] = {"ticks": desk, "calm": desk | {"account": "other", "evaluators": [large]}}


def test_a_desk_without_a_timeframe_is_not_asked_at_what_another_desk_hears(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot").edit(beside_another)
    write_files(bot.home / "data")
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    asked: dict[str, list[int]] = {"ticks": [], "calm": []}
    spoke: dict[str, list[int]] = {}
    for record in bot.records():
        for event in record.events:
            if isinstance(event, SignalRaised | DecisionDeclined) and getattr(event, "by", "strategy") == "strategy":
                asked[event.desk].append(record.seq)
            elif isinstance(event, Evaluated):
                spoke.setdefault(event.evaluator, []).append(record.seq)
    often, seldom = sorted(spoke.values(), key=len, reverse=True)
    assert len(often) > len(seldom) > 0
    assert asked == {"ticks": often, "calm": seldom}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda desk: desk.update(evaluators=[]), "give it evaluators"),
        (lambda desk: desk.update(evaluators=[{"tentacle": "rsi"}]), "give the evaluator a timeframe of its own"),
        (lambda desk: desk.update(timeframe="5x"), "5x"),
    ],
)
def test_what_could_never_decide_is_refused(
    template: BotFolder, tmp_path: Path, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    bot = template.copy(tmp_path / "bot").edit(by_opinions)
    bot.edit(lambda config: change(config["desks"]["ticks"]))
    done = bot.call("config", "check")
    assert done.code == 3 and told in done.out + done.err
