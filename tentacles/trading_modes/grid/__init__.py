"""The grid trading mode: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Settings, create


@hookimpl
def trading_mode() -> Factory:
    return Factory(settings=Settings, create=create)
