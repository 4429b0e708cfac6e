"""The sample notifier: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Sample, Settings


@hookimpl
def notifier() -> Factory:
    return Factory(settings=Settings, create=Sample)
