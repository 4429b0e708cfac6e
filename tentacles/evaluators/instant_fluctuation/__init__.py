"""The instant_fluctuation evaluator: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import InstantFluctuation, InstantFluctuationSettings


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=InstantFluctuationSettings, create=InstantFluctuation)
