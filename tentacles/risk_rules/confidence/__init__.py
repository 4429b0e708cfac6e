"""The confidence risk rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, TentacleSettings, hookimpl

from .logic import Confidence


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=TentacleSettings, create=lambda settings, context: Confidence())
