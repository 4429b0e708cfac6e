"""The rsi evaluator: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Rsi, RsiSettings


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=RsiSettings, create=Rsi)
