"""The log notifier: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import LogNotifier
from .settings import Settings


@hookimpl
def notifier() -> Factory:
    return Factory(settings=Settings, create=lambda settings, context: LogNotifier(settings))
