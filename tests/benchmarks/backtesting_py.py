"""The reference rule in backtesting.py, in a process of its own: prints {"cpu_s": ..., "trades": ...}."""

from __future__ import annotations

import json
import sys
import time
import warnings

import pandas as pd
from backtesting import Backtest, Strategy


def mean(values: object, length: int) -> pd.Series:
    """Return the running mean of the last `length` values."""
    return pd.Series(values).rolling(length).mean()


class Cross(Strategy):  # type: ignore[misc]
    """SMA 10/50 cross, long only."""

    quantity = 1

    def init(self) -> None:
        self.fast = self.I(mean, self.data.Close, 10)
        self.slow = self.I(mean, self.data.Close, 50)
        self.was_above: bool | None = None

    def next(self) -> None:
        is_above = bool(self.fast[-1] > self.slow[-1])
        if self.was_above is not None and is_above != self.was_above:
            if is_above and not self.position:
                self.buy(size=self.quantity)
            elif not is_above and self.position:
                self.position.close()
        self.was_above = is_above


def main(file: str, count: int) -> None:
    """Run once over the first `count` candles and print CPU seconds of the run call and the number of trades."""
    warnings.simplefilter("ignore")
    frame = pd.read_parquet(file).head(count)
    frame.index = pd.to_datetime(frame.pop("timestamp"), unit="ms")
    frame.columns = [name.capitalize() for name in frame.columns]
    test = Backtest(frame, Cross, cash=10_000_000, commission=0.001)
    started = time.process_time()
    result = test.run()
    cpu_s = time.process_time() - started
    print(json.dumps({"cpu_s": cpu_s, "trades": int(result["# Trades"])}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
