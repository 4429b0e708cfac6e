"""The simulated exchange that answers inside the engine: what backtest and paper trade against."""
