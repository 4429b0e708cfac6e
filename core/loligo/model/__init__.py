"""Immutable values with units: what travels between the parts of the bot. No I/O, no clock, no framework."""
