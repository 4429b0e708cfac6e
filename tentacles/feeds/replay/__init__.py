"""Replay feed: recorded market data from files, merged in time order, at any speed."""

from loligo.api import Factory, hookimpl

from .feed import ReplayFeed
from .settings import ReplaySettings


@hookimpl
def feed() -> Factory:
    return Factory(settings=ReplaySettings, create=ReplayFeed)
