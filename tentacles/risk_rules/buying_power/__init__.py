"""The buying_power risk rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import BuyingPower, BuyingPowerSettings


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=BuyingPowerSettings, create=lambda settings, context: BuyingPower(settings))
