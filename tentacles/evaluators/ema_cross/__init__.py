"""The ema_cross evaluator: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import EmaCross, EmaCrossSettings


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=EmaCrossSettings, create=EmaCross)
