"""Sessions run once more from what their journal holds: to prove them, and to hold them against a backtest."""
