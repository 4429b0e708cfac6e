"""The instrument_lock risk rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, TentacleSettings, hookimpl

from .logic import InstrumentLock


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=TentacleSettings, create=lambda settings, context: InstrumentLock())
