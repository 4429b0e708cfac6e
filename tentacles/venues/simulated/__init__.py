"""Simulated venue: the exchange that answers inside the engine, for backtest and paper."""

from loligo.api import Factory, hookimpl

from .settings import SimulatedVenueSettings
from .simulated import SimulatedVenue


@hookimpl
def venue() -> Factory:
    return Factory(settings=SimulatedVenueSettings, create=SimulatedVenue)
