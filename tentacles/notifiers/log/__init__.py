"""The log notifier: its hook."""

from __future__ import annotations

from loligo.api import Factory, TentacleSettings, hookimpl

from .logic import LogNotifier


@hookimpl
def notifier() -> Factory:
    return Factory(settings=TentacleSettings, create=lambda settings, context: LogNotifier())
