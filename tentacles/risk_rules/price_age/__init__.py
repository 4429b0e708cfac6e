"""The price_age risk rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, TentacleSettings, hookimpl

from .logic import PriceAge


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=TentacleSettings, create=lambda settings, context: PriceAge())
