"""What an A/B test over recorded data costs: eight arms on ten markets, by the way that `loligo ab run` goes.

The arms differ in how sure their strategies have to be, so they share every evaluator. Times are CPU seconds of the
same inputs, the control alone and all arms together, by turns (`loligo_bot.arm_cost` says why); market data, feed and
journal of days are paid for once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from loligo.log import configure
from loligo.model.timeframe import DAY_NS, iso, ns_from_iso
from loligo.registry.registry_file import editing
from loligo_bot.experiments.draft import Wanted
from loligo_bot.historic import Historic, run_historic
from loligo_bot.historic_request import Asked
from loligo_bot.interpreter import tuned_interpreter
from tests.benchmarks import bots
from tests.benchmarks.measures import Figure

PAIRS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "LINK", "AVAX", "LTC", "TRX", "UNI")
THRESHOLDS = (0.8, 0.79, 0.81, 0.78, 0.82, 0.77, 0.83, 0.805)  # one for each arm: as busy as the first, on average
WIDE = {"max_daily_loss": 0.99, "max_drawdown": 0.99}  # or all arms stand still from the third month on
BEGIN, DAYS = "2024-01-01", 249  # to 2024-09-06, where the data of all ten end
EVERYTHING = 1 << 40


def ab(folder: Path) -> list[Figure]:
    """Eight months of 5m candles of ten pairs, times SCALE."""
    days = max(7, round(DAYS * bots.SCALE))
    with bots.bot_folder(bots.FULL_CHAIN) as home:
        write_config(home, folder)
        until = iso(ns_from_iso(BEGIN) + days * DAY_NS)
        asked = Asked(wanted=Wanted(name="bench", control=""), is_named=True, until=until, sample=EVERYTHING)
        configure(level="error")  # they begin without history, which is no news here
        with tuned_interpreter():
            return figures(run_historic(home, asked), days)


def figures(found: Historic, days: int) -> list[Figure]:
    cost, arms = found.cost, found.cost.arms
    trades = sum(own.closed_trades for own in found.standing.days[-1].arms)
    if cost.extra_arm_share is None or not trades or found.failures:
        raise SystemExit(f"the run is too quiet to measure: {trades} trades, {found.failures} failures")
    note = f"{arms} arms, {cost.inputs:,} candles of {len(PAIRS)} pairs in {days} days, {trades} trades"
    return [
        Figure("ab_extra_arm_cost_pct", cost.extra_arm_share * 100, "%", note),
        Figure("ab_first_arm_us", cost.control_s / cost.inputs * 1e6, "us/candle", "CPU time, the control alone"),
        Figure("ab_run_s", found.took_s, "s", "wall time of all arms"),
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
