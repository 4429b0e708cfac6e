"""Kinds of messages: a closed list, each with its words, an example, and the fields that it brings.

What must hold: every message of a kind has the fields of its example, so a template that renders the example renders
them all. Amounts are plain decimal text, times ISO 8601 UTC in the time of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from loligo.api import Message


class Kind(StrEnum):
    """What a message is about."""

    ORDER = "order"  # an order is on its way to its venue
    FILL = "fill"  # a whole or partial fill
    STOP_HIT = "stop_hit"  # a fill of a stop, a trailing stop, or a liquidation
    TRADE_CLOSED = "trade_closed"  # a desk is flat again in an instrument
    ENTRY_REFUSED = "entry_refused"  # the risk stage let an entry not through
    CONSENT_ASKED = "consent_asked"  # an entry waits for a person's yes
    PROTECTION = "protection"  # a watching rule acted, the kill switch was set, entries are allowed again
    TENTACLE_SWAPPED = "tentacle_swapped"
    TENTACLE_ROLLED_BACK = "tentacle_rolled_back"
    TENTACLE_REFUSED = "tentacle_refused"
    TENTACLE_FAILED = "tentacle_failed"
    TENTACLE_QUARANTINED = "tentacle_quarantined"
    FEED_STALE = "feed_stale"  # a feed fails or is silent, or works again
    STARTED = "started"
    STOPPED = "stopped"
    DAILY_SUMMARY = "daily_summary"
    JOB_DONE = "job_done"  # a job beside the trading has ended
    VERDICT = "verdict"  # an A/B test says something else than before
    AUTOMATION = "automation"  # what an automation has to say
    COMMAND = "command"  # what came of a person's command
    ERROR = "error"  # a venue failed, or anything else that needs a person


FREQUENT = frozenset({Kind.ORDER, Kind.FILL, Kind.ENTRY_REFUSED})  # told only where a rule names them

MEANING: Mapping[Kind, str] = {
    Kind.ORDER: "an order goes to its venue",
    Kind.FILL: "an order is filled, whole or in part",
    Kind.STOP_HIT: "a stop, a trailing stop or a liquidation closes a position",
    Kind.TRADE_CLOSED: "a trade has ended, with its result",
    Kind.ENTRY_REFUSED: "the risk stage refuses an entry",
    Kind.CONSENT_ASKED: "an entry waits for a person's yes",
    Kind.PROTECTION: "a watching rule acts, the kill switch is set, entries are allowed again",
    Kind.TENTACLE_SWAPPED: "tentacles or settings were exchanged",
    Kind.TENTACLE_ROLLED_BACK: "a new version failed and was taken back",
    Kind.TENTACLE_REFUSED: "a new version was refused",
    Kind.TENTACLE_FAILED: "a tentacle raised",
    Kind.TENTACLE_QUARANTINED: "a tentacle failed too often and is off, or is back",
    Kind.FEED_STALE: "a feed fails or is silent, or works again",
    Kind.STARTED: "the bot has started",
    Kind.STOPPED: "the bot has stopped",
    Kind.DAILY_SUMMARY: "what the day brought",
    Kind.JOB_DONE: "a backtest, a backup or another job has ended, failed or was cancelled",
    Kind.VERDICT: "an A/B test comes to another verdict",
    Kind.AUTOMATION: "an automation tells what it was set to tell",
    Kind.COMMAND: "what came of a person's command",
    Kind.ERROR: "a venue failed, or something else needs a person",
}

_NOW = {"time": "2026-11-22T08:30:00Z"}
_ORDER = {"order": "trend-17-1", "instrument": "coinbase:BTC/USD", "side": "buy", "role": "entry"}
_FILL = {"price": "43750.5", "quantity": "0.012", "fee": "0.31", "fee_asset": "USD"}
_SWAP = {"generation": "7", "changed": "evaluator/rsi 1.0.0 -> 1.1.0", "result": "good", "by": "web:anna", "reason": ""}
_DAY = {
    "equity": "10240.55",
    "currency": "USD",
    "pnl": "31.20",
    "trades": "4",
    "fees": "2.11 USD",
    "swaps": "1",
    "experiments": "",
}


def _example(kind: Kind, text: str, fields: Mapping[str, str], *, level: str = "info", desk: str = "") -> Message:
    return Message(kind=kind, level=level, text=text, seq=4711, desk=desk, fields={**_NOW, **fields})


EXAMPLES: Mapping[Kind, Message] = {
    one.kind: one  # type: ignore[misc]
    for one in (
        _example(
            Kind.ORDER,
            "trend: buy 0.012 coinbase:BTC/USD, market, entry",
            {**_ORDER, "quantity": "0.012", "kind_of_order": "market", "limit": "", "trigger": ""},
            desk="trend",
        ),
        _example(
            Kind.FILL, "trend: bought 0.012 coinbase:BTC/USD at 43750.5, entry", {**_ORDER, **_FILL}, desk="trend"
        ),
        _example(
            Kind.STOP_HIT,
            "trend: stop hit, sold 0.012 coinbase:BTC/USD at 43750.5",
            {**_ORDER, **_FILL, "side": "sell", "role": "stop"},
            level="warning",
            desk="trend",
        ),
        _example(
            Kind.TRADE_CLOSED,
            "trend: buy 0.012 coinbase:BTC/USD closed by target",
            {
                "instrument": "coinbase:BTC/USD",
                "side": "buy",
                "quantity": "0.012",
                "net": "12.40",
                "fees": "0.62",
                "entry": "43750.5",
                "exit": "44835.5",
                "exit_role": "target",
            },
            desk="trend",
        ),
        _example(
            Kind.ENTRY_REFUSED,
            "trend: no entry into coinbase:BTC/USD, drawdown says max_drawdown (0.21 0.2)",
            {"instrument": "coinbase:BTC/USD", "rule": "drawdown", "code": "max_drawdown", "numbers": "0.21 0.2"},
            level="warning",
            desk="trend",
        ),
        _example(
            Kind.CONSENT_ASKED,
            "trend: buy 0.012 coinbase:BTC/USD, market, waits for your yes until 2026-11-22T08:31:00Z",
            {
                "question": "4711",
                "instrument": "coinbase:BTC/USD",
                "side": "buy",
                "quantity": "0.012",
                "limit": "",
                "stop": "42875.5",
                "until": "2026-11-22T08:31:00Z",
            },
            level="warning",
            desk="trend",
        ),
        _example(
            Kind.PROTECTION,
            "account:main: drawdown ordered flatten (max_drawdown)",
            {"scope": "account:main", "action": "flatten", "by": "drawdown", "numbers": "0.21 0.2"},
            level="problem",
        ),
        _example(Kind.TENTACLE_SWAPPED, "evaluator/rsi 1.0.0 -> 1.1.0 runs now", _SWAP),
        _example(
            Kind.TENTACLE_ROLLED_BACK,
            "evaluator/rsi 1.0.0 -> 1.1.0 was taken back: it raised ZeroDivisionError",
            {**_SWAP, "result": "rolled_back", "reason": "it raised ZeroDivisionError"},
            level="problem",
        ),
        _example(
            Kind.TENTACLE_REFUSED,
            "evaluator/rsi 1.0.0 -> 1.1.0 was refused: it said something else",
            {**_SWAP, "result": "refused", "reason": "it said something else"},
            level="warning",
        ),
        _example(
            Kind.TENTACLE_FAILED,
            "evaluator rsi failed in on_candle: ZeroDivisionError: division by zero",
            {"tentacle": "evaluator rsi", "call": "on_candle", "error": "ZeroDivisionError: division by zero"}
            | {"failures": "1"},
            level="problem",
        ),
        _example(
            Kind.TENTACLE_QUARANTINED, "evaluator rsi goes into quarantine: 11 failures in 60 s", {}, level="problem"
        ),
        _example(
            Kind.FEED_STALE,
            "feeds/coinbase fails: ConnectionError: refused",
            {"feed": "feeds/coinbase", "error": "ConnectionError: refused"},
            level="problem",
        ),
        _example(Kind.STARTED, "Loligo 0.1.0 has started with 2 desks", {"version": "0.1.0", "desks": "2"}),
        _example(Kind.STOPPED, "Loligo has stopped: signal SIGTERM", {"reason": "signal SIGTERM"}),
        _example(
            Kind.DAILY_SUMMARY,
            "The day to 2026-11-22: equity 10240.55 USD, result 31.20",
            {**_DAY, "day": "2026-11-22", "refusals": "12"},
        ),
        _example(
            Kind.VERDICT,
            "A/B test rsi_9: tuned_b is better. After 112 days tuned_b has earned 1.92 % a month more than rsi_9",
            {
                "experiment": "rsi_9",
                "verdict": "challenger_better",
                "headline": "tuned_b is better",
                "winner": "tuned_b",
                "day": "112",
                "percent_per_month": "1.920",
            },
        ),
        _example(
            Kind.JOB_DONE,
            "backtest 12 (RSI over 10 candles) is done: 4.1 % after fees in 402 days",
            {"job": "12", "what": "backtest", "title": "RSI over 10 candles", "by": "web:anna", "state": "done"}
            | {"outcome": "4.1 % after fees in 402 days"},
        ),
        _example(Kind.AUTOMATION, "guard: BTC/USD at 8,990, below 9,000", {"automation": "guard"}, level="warning"),
        _example(
            Kind.COMMAND,
            "pause: trend lets no entries through",
            {"command": "4-4711-0", "done": "yes", "by": "web:anna"},
        ),
        _example(
            Kind.ERROR,
            "venue coinbase failed in submit: TimeoutError",
            {"what": "venue coinbase", "error": "TimeoutError"},
            level="problem",
        ),
    )
}
