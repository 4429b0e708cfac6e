"""Apprise: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import AppriseNotifier
from .settings import Settings


@hookimpl
def notifier() -> Factory:
    return Factory(settings=Settings, create=AppriseNotifier)
