"""What the swap proof runs: a stream of events, a bot that writes down when it did what, versions good and faulty."""
