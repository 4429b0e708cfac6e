"""The signal_spot trading mode: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import create
from .settings import Settings


@hookimpl
def trading_mode() -> Factory:
    return Factory(settings=Settings, create=create)
