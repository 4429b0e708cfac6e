"""The macd evaluator: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Macd, MacdSettings


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=MacdSettings, create=Macd)
