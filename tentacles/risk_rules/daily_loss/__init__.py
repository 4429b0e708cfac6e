"""The daily_loss risk rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, TentacleSettings, hookimpl

from .logic import DailyLoss


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=TentacleSettings, create=lambda settings, context: DailyLoss())
