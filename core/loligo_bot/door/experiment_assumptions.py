"""What a verdict takes for granted, in sentences: one stream, what fills are made of, what each arm began with, and how
soon a limit is noticed. None of it is judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loligo.config import LoligoConfig
from loligo.config.schema import VenueConfig
from loligo.host import LoadedTentacle
from loligo_bot.door.inside import Inside
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.standing import Standing

ALIKE = 0.01  # capital that differs by less is the same
COSTS = ("half_spread_rate", "slippage_model", "slippage_rate", "latency_ms", "max_volume_share")  # that are told


@dataclass(frozen=True, slots=True)
class Setup:
    """In what the arms trade: configuration, what is loaded, and the venues that are inside the engine."""

    config: LoligoConfig
    loaded: Sequence[LoadedTentacle]
    paper: Collection[str]


def setup_of(inside: Inside) -> Setup:
    """Return that of the running bot."""
    return Setup(inside.config, inside.reconciler.running.loaded, inside.engine.venues.keys())


def assumptions_of(setup: Setup, one: ExperimentConfig, standing: Standing | None) -> list[str]:
    """Return what the verdict of a test assumes."""
    whose = "Both" if len(one.arms) == 2 else "All"
    told = [f"{whose} are fed by the same records of the same feeds, and pay the same fees and slippage."]
    desk = setup.config.desks.get(one.control)
    if desk is not None:
        venue = setup.config.venues[desk.venue]
        is_paper = desk.venue in setup.paper
        told += [_paper(setup, desk.venue, venue) if is_paper else f"Fills are those of {desk.venue}, at its prices."]
        told += [_fees(venue, desk.instruments)]
    return [*told, *_capital(standing), *_shared(setup, one), _limits(setup)]


def _paper(setup: Setup, name: str, venue: VenueConfig) -> str:
    """Return how fills are made that no exchange has seen."""
    loaded = next((item for item in setup.loaded if item.entry.slot == f"venue {venue.kind}"), None)
    settings = loaded.make_settings(venue.fills).model_dump(mode="json") if loaded is not None else venue.fills
    costs = ", ".join(f"{key} {settings[key]}" for key in COSTS if settings.get(key) is not None)
    made = f"Fills are paper fills: {name} is the venue {venue.kind}, which fills orders by the data of the feeds"
    return f"{made}{f' ({costs})' if costs else ''}; no order reaches an exchange, and none moves its prices."


def _fees(venue: VenueConfig, instruments: tuple[str, ...]) -> str:
    by_terms: dict[str, list[str]] = {}
    for symbol in instruments:
        if (one := venue.instruments.get(symbol)) is not None:
            maker, taker = float(one.maker_fee_rate), float(one.taker_fee_rate)
            by_terms.setdefault(f"{maker:.4g} for orders that rest and {taker:.4g} for others", []).append(symbol)
    told = [f"{', '.join(symbols)} {terms}" for terms, symbols in by_terms.items()]
    return f"Fees, as a fraction of the value: {'; '.join(told)}."


def _capital(standing: Standing | None) -> list[str]:
    """Return what the arms began with where that is not the same, as with desks that had traded before."""
    began = standing.began if standing is not None else {}
    if not began or max(began.values()) <= min(began.values()) * (1 + ALIKE):
        return []
    told = ", ".join(f"{arm} with {worth:,.2f}" for arm, worth in began.items())
    return [f"They began with different equity: {told}. Returns are of each one's own; the smallest order is the same."]


def _shared(setup: Setup, one: ExperimentConfig) -> list[str]:
    """Return in what arms of one account are not on their own."""
    by_account: dict[str, list[str]] = {}
    for arm in one.arms:
        if (desk := setup.config.desks.get(arm)) is not None:
            by_account.setdefault(desk.account, []).append(arm)
    return [
        f"{', '.join(arms)} trade the account {account}: its limits (loss of a day, exposure, drawdown, orders) "
        "hold for them together, so one may keep another from entering, and an entry that would trade with an order of "
        "another waits. With an account each they would be on their own."
        for account, arms in by_account.items()
        if len(arms) > 1
    ]


def _limits(setup: Setup) -> str:
    every_s = setup.config.engine.equity_every_s
    every = f"{every_s / 60:g} minutes" if every_s >= 60 else f"{every_s:g} seconds"
    return (
        f"A limit that stops is held against each mark of equity, every {every} of the data "
        "(engine.equity_every_s): a challenger that breaks it between two marks is stopped at the next one. "
        "A control that breaks it ends what counts for the verdict, not its own trading."
    )
