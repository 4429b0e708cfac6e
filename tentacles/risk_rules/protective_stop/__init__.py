"""The protective_stop risk rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import ProtectiveStop, ProtectiveStopSettings


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=ProtectiveStopSettings, create=lambda settings, context: ProtectiveStop(settings))
