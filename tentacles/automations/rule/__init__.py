"""Rule: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Rule
from .settings import Settings


@hookimpl
def automation() -> Factory:
    return Factory(settings=Settings, create=lambda settings, context: Rule(settings))
