"""Schedule: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Schedule, Settings


@hookimpl
def automation() -> Factory:
    return Factory(settings=Settings, create=lambda settings, context: Schedule(settings))
