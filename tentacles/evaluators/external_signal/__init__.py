"""The external_signal evaluator: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Outside, OutsideSettings


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=OutsideSettings, create=Outside)
