"""From configuration and loaded tentacles to the engine's plan. Raises ConfigError with the key that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from loligo.config import DeskConfig, EvaluatorConfig, LoligoConfig, TentacleConfig
from loligo.config.schema import AccountConfig, VenueConfig
from loligo.engine.plan import AccountPlan, DeskPlan, EnginePlan, EvaluatorPlan, RulePlan, SeatPlan, VenuePlan
from loligo.errors import ConfigError, TentacleOff
from loligo.host import LoadedTentacle
from loligo.model.command import SlotVersion
from loligo.model.instrument import Instrument
from loligo.model.risk import Tier
from loligo.model.timeframe import SECOND_NS
from loligo.ports.tentacles import (
    BookEvaluator,
    CandleEvaluator,
    ExternalEvaluator,
    MakeContext,
    QuoteEvaluator,
    RiskRule,
    TentacleSettings,
    TradeEvaluator,
)
from loligo.ports.venue import EngineVenue
from loligo_bot.currencies import CurrencyPortfolio, CurrencyView
from loligo_bot.guarded_venue import GuardedVenue
from loligo_bot.rates import rates_of
from loligo_bot.shared_account import execution_for


class Factories(Protocol):
    """Where tentacles come from: a host, or one that stands in for it."""

    def factory(self, kind: str, name: str) -> LoadedTentacle:
        """Return the one of this kind and name. TentacleOff while it is off, TentacleError when it is not there."""
        ...


_WITHOUT_TIMEFRAME = (TradeEvaluator, QuoteEvaluator, BookEvaluator, ExternalEvaluator)  # unless candles, too


def build_venues(config: LoligoConfig, host: Factories) -> dict[str, tuple[VenuePlan, EngineVenue]]:
    """Return how the venue of every venue section is made, and one that shows what it trades."""
    venues = {}
    for name, section in sorted(config.venues.items()):
        loaded = host.factory("venue", section.kind)
        settings = loaded.make_settings(section.fills, where=f"venues.{name}.fills")
        terms = sorted(section.instruments.items())
        instruments = tuple(instrument.instrument(name, symbol) for symbol, instrument in terms)
        make = partial(_guarded, loaded, settings, MakeContext(instruments=instruments))
        venue = make().venue
        if not isinstance(venue, EngineVenue):
            raise ConfigError(
                f'venues.{name}.kind: "{section.kind}" makes {type(venue).__name__}, which does not answer inside the '
                "engine as loligo.api.EngineVenue; name a venue that does"
            )
        venues[name] = VenuePlan(name=loaded.name, make=make, key=_key(loaded, settings)), venue
    return venues


def _guarded(loaded: LoadedTentacle, settings: TentacleSettings, context: MakeContext) -> GuardedVenue:
    return GuardedVenue(loaded.name, loaded.create(settings, context))


def build_plan(config: LoligoConfig, host: Factories, slots: tuple[SlotVersion, ...] = ()) -> EnginePlan:
    """Return the plan of every account and desk. A tentacle that is off leaves its place empty; see `EnginePlan`."""
    venues = build_venues(config, host)
    shown = {name: venue for name, (_, venue) in venues.items()}
    desks = tuple(_desk(name, desk, config, host, shown) for name, desk in sorted(config.desks.items()))
    instruments = {key: instrument for venue in shown.values() for key, instrument in venue.instruments.items()}
    accounts = tuple(
        AccountPlan(
            name=name,
            reference=account.reference,
            deposits=account.deposits,
            limits=account.limits,
            rules=_rules_of(name, config, host),
            rates=rates_of(name, account, [d for d in config.desks.values() if d.account == name], instruments),
        )
        for name, account in sorted(config.accounts.items())
    )
    return EnginePlan(
        bot=config.bot.name,
        accounts=accounts,
        desks=desks,
        venues={name: plan for name, (plan, _) in venues.items()},
        slots=slots,
        equity_every_ns=int(config.engine.equity_every_s * SECOND_NS),
        currencies=(CurrencyPortfolio, CurrencyView) if any(account.rates for account in accounts) else None,
        execution=execution_for(config),
    )


def _desk(
    name: str, desk: DeskConfig, config: LoligoConfig, host: Factories, venues: Mapping[str, EngineVenue]
) -> DeskPlan:
    where = f"desks.{name}"
    venue = venues.get(desk.venue)
    if venue is None:
        raise ConfigError(f'{where}.venue: "{desk.venue}" is not among venues: {", ".join(venues) or "none"}')
    if desk.account not in config.accounts:
        raise ConfigError(f'{where}.account: "{desk.account}" is not among accounts: {", ".join(config.accounts)}')
    seats = []
    for symbol in desk.instruments:
        instrument = venue.instruments.get(f"{desk.venue}:{symbol}")
        if instrument is None:
            known = ", ".join(venue.instruments)
            raise ConfigError(f'{where}.instruments: "{symbol}" is not an instrument of {desk.venue}; known: {known}')
        seats.append(_seat(name, desk, instrument, host))
    if not desk.timeframe and not desk.evaluators:
        raise ConfigError(f'{where}: with timeframe "none" new opinions make the strategy decide; give it evaluators')
    return DeskPlan(
        name=name,
        account=desk.account,
        timeframe=desk.timeframe,
        capital=desk.capital,
        balances=desk.balances,
        limits=desk.limits,
        seats=tuple(seats),
        rules=tuple(rule for rule, tier in _rules(desk, host, name) if tier is not Tier.ACCOUNT),
        tick_ns=int(desk.tick_s * SECOND_NS) if desk.tick_s else 0,
        flattens_orphans=desk.on_orphan == "flatten",
        consent_ns=int((desk.consent_s or 0) * SECOND_NS),
    )


class _Place(NamedTuple):
    """A place on a strategy's board (`loligo.ports.views.BoardInput`). It holds no code, as the plan of it would."""

    name: str
    timeframe: str
    label: str


def _seat(desk_name: str, desk: DeskConfig, instrument: Instrument, host: Factories) -> SeatPlan:
    evaluators = tuple(_evaluator(desk_name, desk, item, instrument, host) for item in desk.evaluators)
    inputs = tuple(_Place(evaluator.name, evaluator.timeframe, evaluator.label) for evaluator in evaluators)
    context = MakeContext(desk=desk_name, instrument=instrument, timeframe=desk.timeframe, inputs=inputs)
    decides = f"{desk.timeframe}/{','.join(evaluator.label for evaluator in evaluators)}"  # what a strategy is made for
    strategy = _maker(host, "strategy", desk.strategy, context, f"desks.{desk_name}.strategy.settings")
    mode = _maker(host, "trading_mode", desk.mode, context, f"desks.{desk_name}.mode.settings")
    return SeatPlan(
        instrument=instrument,
        evaluators=evaluators,
        strategy_name=desk.strategy.tentacle,
        make_strategy=strategy[1],
        strategy_key=f"{strategy[0]}/{decides}",
        mode_name=desk.mode.tentacle,
        make_mode=mode[1],
        mode_key=f"{mode[0]}/{desk.timeframe}",
    )


def _maker(
    host: Factories, kind: str, item: TentacleConfig, context: MakeContext, where: str
) -> tuple[str, Callable[[], Any] | None]:
    """Return the key of code and settings, and what makes an instance; None while the tentacle is off."""
    try:
        loaded = host.factory(kind, item.tentacle)
    except TentacleOff:
        return f"{item.tentacle}@off", None
    settings = loaded.make_settings(item.settings, where=where)
    return _key(loaded, settings), partial(loaded.create, settings, context)


def _key(loaded: LoadedTentacle, settings: TentacleSettings) -> str:
    return f"{loaded.entry.tentacle}@{loaded.tree_hash}#{settings_hash(settings.model_dump(mode='json'))}"


def _evaluator(
    desk_name: str, desk: DeskConfig, item: EvaluatorConfig, instrument: Instrument, host: Factories
) -> EvaluatorPlan:
    name = marked(item.tentacle, item.settings)
    try:
        loaded = host.factory("evaluator", item.tentacle)
    except TentacleOff:
        timeframe = item.timeframe or desk.timeframe
        label = f"{name} {instrument.id} {timeframe}"
        return EvaluatorPlan(name=item.tentacle, key=f"{label} off", label=label, timeframe=timeframe, make=None)
    settings = loaded.make_settings(item.settings, where=f"desks.{desk_name}.evaluators.{item.tentacle}.settings")
    timeframe = item.timeframe or desk.timeframe
    context = MakeContext(instrument=instrument, timeframe=timeframe)
    kind = loaded.factory.create
    if isinstance(kind, type) and issubclass(kind, _WITHOUT_TIMEFRAME) and not issubclass(kind, CandleEvaluator):
        timeframe = ""
    elif not timeframe:
        raise ConfigError(
            f'desks.{desk_name}.evaluators.{item.tentacle}: it reads candles, and the desk has timeframe "none"; give '
            "the evaluator a timeframe of its own, such as 1m"
        )
    key = f"{_key(loaded, settings)}/{instrument.id}/{timeframe}"
    label = f"{name} {instrument.id} {timeframe}".strip()
    return EvaluatorPlan(
        name=item.tentacle,
        key=key,
        label=label,
        timeframe=timeframe,
        make=partial(loaded.create, settings, context),
        settings=settings_hash(settings.model_dump(mode="json")),
    )


def _rules(desk: DeskConfig, host: Factories, desk_name: str) -> list[tuple[RulePlan, Tier]]:
    plans = []
    for name in desk.risk_rules:
        try:
            loaded = host.factory("risk_rule", name)
        except TentacleOff:
            plans.append(
                (RulePlan(name=name, make=cast(Callable[[], RiskRule], RuleOff), key=f"{name}@off"), RuleOff.tier)
            )
            continue
        settings = loaded.make_settings({}, where=f"desks.{desk_name}.risk_rules.{name}")
        make = partial(loaded.create, settings, MakeContext(desk=desk_name))
        plans.append((RulePlan(name=name, make=make, key=_key(loaded, settings)), Tier(make().tier)))
    return plans


class RuleOff:
    """Stands in the place of a risk rule that is off. It has no `check`, so the gate denies entries; what state the
    rule had it keeps for the day on which the rule is back."""

    tier = Tier.POSITION

    def __init__(self) -> None:
        self.state_version = 0  # of none
        self._state: Any = None

    def export_state(self) -> Any:
        return self._state

    def restore_state(self, state: Any) -> None:
        self._state = state

    def migrate_state(self, state: Any, from_version: int) -> Any:
        self.state_version = from_version
        return state


def _rules_of(account: str, config: LoligoConfig, host: Factories) -> tuple[RulePlan, ...]:
    """Return the account rules of every desk on the account, each once, in the order in which they are named."""
    found: dict[str, RulePlan] = {}
    for name, desk in sorted(config.desks.items()):
        if desk.account == account:
            for rule, tier in _rules(desk, host, name):
                if tier is Tier.ACCOUNT:
                    found.setdefault(rule.name, rule)
    return tuple(found.values())


def marked(evaluator: str, settings: Mapping[str, Any]) -> str:
    """Return the name of an evaluator as its label has it, with the beginning of a hash of its settings, if any."""
    return f"{evaluator}#{settings_hash(settings)[:4]}" if settings else evaluator


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Return a hash of plain settings that does not depend on the order of their keys."""
    return hashlib.sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()[:16]


def slots_of(config: LoligoConfig, loaded: tuple[LoadedTentacle, ...]) -> tuple[SlotVersion, ...]:
    """Return what a generation runs: the code of every tentacle, with the hash of the Python packages that it brings,
    and the settings of every desk, account and venue."""
    code = [SlotVersion(f"{item.kind}/{item.name}", item.tree_hash, item.entry.packages or "") for item in loaded]
    sections: dict[str, DeskConfig | AccountConfig | VenueConfig] = {
        **{f"desk/{name}": desk for name, desk in config.desks.items()},
        **{f"account/{name}": account for name, account in config.accounts.items()},
        **{f"venue/{name}": venue for name, venue in config.venues.items()},
    }
    settings = [SlotVersion(name, "", settings_hash(_plain(section))) for name, section in sorted(sections.items())]
    return (*sorted(code, key=lambda slot: slot.tentacle), *settings)


def _plain(section: DeskConfig | AccountConfig | VenueConfig) -> dict[str, Any]:
    limits = {} if isinstance(section, VenueConfig) else asdict(section.limits)
    return {**section.model_dump(mode="json", exclude={"limits"}), "limits": limits}
