"""The sample feed: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Sample, Settings


@hookimpl
def feed() -> Factory:
    return Factory(settings=Settings, create=Sample)
