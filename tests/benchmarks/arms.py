"""What an A/B test over recorded data costs: eight arms on ten markets, by `loligo ab run`.

The arms differ in how sure their strategies have to be, so they share every evaluator. Times are CPU seconds of the
same inputs, the control alone and all arms together, by turns (`loligo_bot.arm_cost` says why); market data, feed and
journal of days are paid for once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from loligo.model.timeframe import DAY_NS, iso, ns_from_iso
from loligo.registry.registry_file import editing
from tests.benchmarks import bots
from tests.benchmarks.measures import Figure

PAIRS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "LINK", "AVAX", "LTC", "TRX", "UNI")
THRESHOLDS = (0.8, 0.79, 0.81, 0.78, 0.82, 0.77, 0.83, 0.805)  # one for each arm: as busy as the first, on average
WIDE = {"max_daily_loss": 0.99, "max_drawdown": 0.99}  # or all arms stand still from the third month on
BEGIN, DAYS = "2024-01-01", 249  # to 2024-09-06, where the data of all ten end
MOST_PERCENT = 35.0


def ab(folder: Path) -> list[Figure]:
    """Eight months of 5m candles of ten pairs, times SCALE."""
    days = max(7, round(DAYS * bots.SCALE))
    with bots.bot_folder(bots.FULL_CHAIN) as home:
        write_config(home, folder)
        words = ("ab", "run", "bench", "--to", iso(ns_from_iso(BEGIN) + days * DAY_NS), "--no-cross-check")
        command = (
            sys.executable,
            "-c",
            "from loligo_bot.cli import main; main()",
            "--home",
            str(home),
            "--json",
            *words,
        )
        done = subprocess.run(
            command, env={**os.environ, "LOLIGO__LOG__LEVEL": "error"}, capture_output=True, text=True
        )
    if done.returncode:
        raise SystemExit(f"loligo ab run ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return figures(json.loads(done.stdout), days)


def figures(told: dict[str, Any], days: int) -> list[Figure]:
    cost, arms = told["cost"], told["arms"]
    trades, share = sum(own["trades"] for own in arms), cost["extra_arm_percent"]
    if share is None or not trades or told["failures"]:
        raise SystemExit(f"the run is too quiet to measure: {trades} trades, {told['failures']} failures")
    if bots.SCALE >= 1 and share > MOST_PERCENT:
        raise SystemExit(f"an extra arm costs {share} % of the first one; expected at most {MOST_PERCENT} %")
    note = f"{len(arms)} arms, {told['data']['inputs']:,} candles of {len(PAIRS)} pairs in {days} days, {trades} trades"
    return [
        Figure("ab_extra_arm_cost_pct", share, "%", f"over the first {cost['inputs']:,} of them; {note}"),
        Figure("ab_first_arm_us", cost["control_cpu_s"] / cost["inputs"] * 1e6, "us/candle", "CPU time, the control"),
        Figure("ab_run_s", told["took_s"], "s", "wall time of all arms, by the command"),
    ]


def write_config(home: Path, data: Path) -> None:
    """Write a folder's configuration: an experiment of eight desks on ten markets, and the feed that has them."""
    yaml, file = YAML(), home / "config" / "loligo.yaml"
    config = yaml.load(file)
    terms = config["venues"]["binance"]["instruments"]["ETH/USDT"]
    markets = [f"{name}/USDT" for name in PAIRS]
    config["venues"]["binance"]["instruments"] = {market: dict(terms) for market in markets}
    desk = config["desks"].pop("year")
    for letter, threshold in zip("abcdefgh", THRESHOLDS, strict=True):
        config["accounts"][f"arm_{letter}"] = {**config["accounts"]["paper"], "limits": WIDE}
        config["desks"][f"arm_{letter}"] = arm(desk, f"arm_{letter}", markets, threshold)
    names = list(config["desks"])
    config["experiments"] = {"bench": {"control": names[0], "challengers": names[1:]}}
    config["feeds"] = [{"tentacle": "replay", "settings": {"sources": sources(data, markets), "since": BEGIN}}]
    yaml.dump(config, file)
    with editing(home / "tentacle_registry.json") as entries:  # as a person grants it
        entries["feed replay"] = entries["feed replay"].model_copy(update={"permissions": ["files"]})


def arm(desk: dict[str, Any], account: str, markets: list[str], threshold: float) -> dict[str, Any]:
    settings = {"entry_threshold": threshold, "exit_threshold": threshold}
    strategy = {"tentacle": "weighted_vote", "settings": settings}
    return {**desk, "account": account, "instruments": markets, "strategy": strategy}


def sources(data: Path, markets: list[str]) -> list[dict[str, str]]:
    return [
        {
            "file": str(data / "binance" / f"{market.replace('/', '_')}-5m.parquet"),
            "instrument": f"binance:{market}",
            "kind": "candles",
            "timeframe": "5m",
        }
        for market in markets
    ]
