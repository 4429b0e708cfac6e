"""The pages. A page whose verbs the bot does not offer is absent: no route, no entry in the menu.

Every page has a twin for programs (`?json`), and all that it shows or does is asked of the door.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from loligo.api import Door

from . import (
    access,
    acting,
    audit,
    automations,
    backtests,
    configuration,
    dashboard,
    decisions,
    entrance,
    experiments,
    health,
    hooks,
    installing,
    jobs,
    market,
    more,
    notifications,
    performance,
    reality,
    risk,
    search,
    shares,
    start,
    tentacles,
    trades,
    trying,
    views,
)
from .page import Page

PAGES: tuple[Page, ...] = (
    dashboard.PAGE,
    market.PAGE,
    trades.PAGE,
    installing.PAGE,  # before the paths KIND/NAME
    tentacles.PAGE,
    decisions.PAGE,
    trying.PAGE,  # before the path NAME
    experiments.PAGE,
    performance.PAGE,
    reality.PAGE,  # before the path NUMBER
    backtests.PAGE,
    jobs.PAGE,
    automations.PAGE,
    risk.PAGE,
    notifications.PAGE,
    health.PAGE,
    configuration.PAGE,
    access.PAGE,
    audit.PAGE,
    start.PAGE,
    hooks.PAGE,
    shares.PAGE,
    views.PAGE,
)


def offered(door: Door) -> tuple[Page, ...]:
    """Return every page that the door's verbs allow."""
    return tuple(page for page in PAGES if page.needs <= door.verbs.keys())


def routes(shown: Iterable[Page]) -> list[web.RouteDef]:
    """Return the routes of pages, and of what stands on all of them."""
    own = [route for page in shown for route in page.routes]
    return [*own, *entrance.routes(), *acting.routes(), *more.routes(), *search.routes()]
