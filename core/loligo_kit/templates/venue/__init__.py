"""The sample venue: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import Sample, Settings


@hookimpl
def venue() -> Factory:
    return Factory(settings=Settings, create=Sample)
