"""Automations at work: what holds them to their limits, carries out what they want once, and remembers it."""
