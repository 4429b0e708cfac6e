"""The process of a scan: what a desk's evaluators and strategy say now of markets that it does not trade.

It is a short run over the newest history, as of a backtest, of which only the opinions and decisions are kept: the
engine is the true one, so what a scan says is what the desk would say if it traded there.
What must hold: nothing is traded, and nothing of it reaches the bot but what was said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loligo.errors import DataError
from loligo.model.events import DecisionDeclined, Evaluated, Record, SignalRaised
from loligo.model.market import Candle
from loligo.model.timeframe import iso
from loligo_bot.backtest import run_prepared
from loligo_bot.backtest_request import thawed
from loligo_bot.jobs.work import work

LOUD = 0.5  # from here on an opinion is worth a word in the message


def main(home: str, folder: str, _number: str, nice: str) -> None:
    """Run one job and end the process."""
    work(_run, home, folder, nice)


def _run(home: Path, given: bytes) -> tuple[Any, dict[str, Any]]:
    heard = Heard()
    run_prepared(home, thawed(given), on_record=heard.hear)
    if not heard.until_ns:
        raise DataError("the feeds have no candles of these markets up to now: name them among the sources of a feed")
    summary = heard.summary()
    return summary, summary


class Heard:
    """The newest that was said, by evaluator and by market."""

    def __init__(self) -> None:
        self.until_ns = 0
        self._opinions: dict[str, dict[str, Any]] = {}
        self._decisions: dict[str, dict[str, Any]] = {}

    def hear(self, record: Record) -> None:
        if isinstance(record.input, Candle):
            self.until_ns = record.input.ts
        for event in record.events:
            if isinstance(event, Evaluated):
                said = event.evaluation
                told = {"evaluator": event.evaluator, "value": said.value, "code": said.code, "time": iso(event.ts)}
                self._opinions[event.evaluator] = told
            elif isinstance(event, SignalRaised):
                self._decide(event.instrument, event.ts, str(event.signal.direction), event.signal.code)
            elif isinstance(event, DecisionDeclined) and event.by == "strategy":
                self._decide(event.instrument, event.ts, "", event.declined.code)

    def _decide(self, instrument: str, ts: int, direction: str, code: str) -> None:
        self._decisions[instrument] = {"instrument": instrument, "direction": direction, "code": code, "time": iso(ts)}

    def summary(self) -> dict[str, Any]:
        return {
            "time": iso(self.until_ns),
            "opinions": [self._opinions[label] for label in sorted(self._opinions)],
            "decisions": [self._decisions[name] for name in sorted(self._decisions)],
            "verdict": self._words(),
        }

    def _words(self) -> str:
        wanted = [f"{one['instrument']} {one['direction']}" for one in self._decisions.values() if one["direction"]]
        loud = [one for one in self._opinions.values() if abs(one["value"]) >= LOUD]
        said = [f"{_short(one['evaluator'])} {one['value']:+.2f} {one['code']}" for one in loud]
        nothing = "nothing of note" if self._opinions else "no evaluator has seen enough candles for an opinion"
        return "; ".join([*wanted, *said]) or nothing


def _short(label: str) -> str:
    """Return "rsi ETH/USD 1d" of a label."""
    name, _, place = label.partition(" ")
    return f"{name.partition('#')[0]} {place.partition(':')[2] or place}".strip()
