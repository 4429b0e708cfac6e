"""The dip_buyer strategy: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import DipBuyer, DipBuyerSettings


@hookimpl
def strategy() -> Factory:
    return Factory(settings=DipBuyerSettings, create=DipBuyer)
