"""Ways from a currency to an account's reference currency, over the instruments of the bot's venues.

A way is one instrument or two (one hop over a third currency), each as it is quoted or turned round. Which of them has
marks shows while the bot runs: the engine takes the first whose marks are all known and none older than allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from loligo.config.schema import AccountConfig, DeskConfig
from loligo.errors import ConfigError
from loligo.model.instrument import Instrument
from loligo.model.timeframe import SECOND_NS

Route = tuple[tuple[Instrument, bool], ...]  # the marks that multiply to a rate, True for one to divide by


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """All ways of one currency, the best first. A mark counts until it is older than `age_ns`."""

    routes: tuple[Route, ...]
    age_ns: int


def rates_of(
    name: str, account: AccountConfig, desks: Iterable[DeskConfig], instruments: Mapping[str, Instrument]
) -> dict[str, Ways]:
    """Return the ways of every currency that an account uses beside its reference. ConfigError where there is none."""
    quotes = [instruments[f"{desk.venue}:{symbol}"].quote for desk in desks for symbol in desk.instruments]
    used = {*quotes, *account.deposits, *(asset for desk in desks for asset in desk.balances)} - {account.reference}
    age_ns = int(account.max_rate_age_s * SECOND_NS)
    routes = {asset: _routes(name, asset, account.reference, instruments.values()) for asset in sorted(used)}
    return {asset: Ways(routes=found, age_ns=age_ns) for asset, found in routes.items()}


def _routes(account: str, asset: str, reference: str, instruments: Iterable[Instrument]) -> tuple[Route, ...]:
    known = sorted(instruments, key=lambda instrument: instrument.id)
    routes: list[Route] = [(step,) for _, step in _steps(asset, known, to=reference)]
    for middle, step in _steps(asset, known):
        routes += [(step, last) for _, last in _steps(middle, known, to=reference) if middle != reference]
    if not routes:
        raise ConfigError(
            f"accounts.{account}.reference: {asset} cannot be valued in {reference}: no instrument of the venues is "
            f"{asset}/{reference} or {reference}/{asset}, and no two lead there over a third currency; add one of them "
            f"to venues.NAME.instruments and its data to the feeds (no desk has to trade it)"
        )
    return tuple(sorted(routes, key=lambda route: (len(route), sum(step[0].is_perpetual for step in route))))


def _steps(
    asset: str, instruments: Iterable[Instrument], *, to: str = ""
) -> Iterator[tuple[str, tuple[Instrument, bool]]]:
    """Yield every currency one instrument away (or only `to`), with that instrument and whether to divide by it."""
    for instrument in instruments:
        for one, other, is_inverse in (
            (instrument.base, instrument.quote, False),
            (instrument.quote, instrument.base, True),
        ):
            if one == asset and to in ("", other):
                yield other, (instrument, is_inverse)
