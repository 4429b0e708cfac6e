"""Loligo: a self-hosted trading bot in which everything is a hot-swappable plugin."""

__version__ = "0.1.0"
