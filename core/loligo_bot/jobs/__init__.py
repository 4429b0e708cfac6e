"""Work beside the trading: long computations in processes of their own, kept with their results."""
