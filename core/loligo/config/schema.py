"""The sections of `config/loligo.yaml` as frozen classes: names, types, bounds, defaults.

Unknown keys are refused everywhere. Sections that belong to another part (`journal`, a venue's `fills`, the settings of
tentacles) stay plain here; their owners' classes judge them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from loligo.errors import ConfigError
from loligo.log import Format, Level
from loligo.model.instrument import Instrument, InstrumentKind
from loligo.model.portfolio import HOUSE_BOOK, MARKET_BOOK
from loligo.model.risk import AccountLimits, DeskLimits
from loligo.model.timeframe import timeframe_ns

# Position tier, strategy tier, account tier; within a tier, what may only refuse stands before what may also reduce.
DEFAULT_RISK_RULES = (
    "protective_stop", "leverage", "position_size",
    "confidence", "loss_streak", "daily_trades", "open_positions", "cooldown", "stop_guard", "instrument_lock",
    "daily_loss", "drawdown", "order_rate", "price_collar", "price_age", "exposure", "minimum_balance", "buying_power",
)  # fmt: skip


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, content: Any) -> Any:
        """A key with nothing behind it, such as a section whose every line is commented out, is not set at all."""
        if not isinstance(content, dict):
            return content
        known = cls.model_fields
        return {k: v for k, v in content.items() if v is not None or k not in known or known[k].default is None}


def _timeframe(text: str) -> str:
    try:
        timeframe_ns(text)
    except ConfigError as exc:
        raise ValueError(str(exc)) from exc
    return text


def _trigger(text: str) -> str:
    return "" if text in ("", "none") else _timeframe(text)


def _free_name(name: str) -> str:
    if name in (HOUSE_BOOK, MARKET_BOOK):
        raise ValueError(f'"{name}" is the name of a book of the ledger; choose another')
    return name


Timeframe = Annotated[str, AfterValidator(_timeframe)]
# Names stand in event texts and order ids, and in capitals in environment variables.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$"), AfterValidator(_free_name)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]+/[A-Z0-9]+(:[A-Z0-9]+)?$")]  # "BTC/USD", as ccxt writes it
Asset = Annotated[str, Field(pattern=r"^[A-Z0-9]+$")]
Step = Annotated[Decimal, Field(gt=0)]
Rate = Annotated[Decimal, Field(ge=0, lt=1)]
FeeRate = Annotated[Decimal, Field(gt=-1, lt=1)]  # negative: the venue pays


class BotConfig(Section):
    name: Name = "loligo"  # in logs, messages and order ids
    profile: str | None = None  # config/profiles/NAME.yaml, applied beneath the file


class InstrumentConfig(Section):
    """The terms of one instrument. Rates are fractions: 0.001 is 0.1 %."""

    kind: InstrumentKind = InstrumentKind.SPOT
    price_step: Step = Decimal("0.01")  # quote units
    quantity_step: Step = Decimal("0.00000001")  # base units
    minimum_quantity: Step = Decimal("0.00000001")  # base units
    minimum_notional: Annotated[Decimal, Field(ge=0)] = Decimal("10")  # quote units
    maker_fee_rate: FeeRate = Decimal("0.001")
    taker_fee_rate: FeeRate = Decimal("0.001")
    fee_in: Literal["quote", "base"] = "quote"  # asset in which the fee of a buy is charged; spot only
    quote_step: Step = Decimal("0.00000001")  # smallest amount of the quote asset that is booked
    base_step: Step = Decimal("0.00000001")  # smallest amount of the base asset that is booked
    maximum_leverage: Annotated[Decimal, Field(ge=1)] = Decimal("1")
    maintenance_margin_rate: Rate = Decimal("0.005")
    liquidation_fee_rate: Rate = Decimal("0.005")
    funding_interval_s: Annotated[int, Field(gt=0)] = 28_800

    def instrument(self, venue: str, symbol: str) -> Instrument:
        """Return the instrument of these terms; base and quote are those of a symbol such as "BTC/USD"."""
        base, _, quote = symbol.partition(":")[0].partition("/")
        return Instrument(venue=venue, symbol=symbol, base=base, quote=quote, **dict(self))


class VenueConfig(Section):
    kind: str  # name of a venue tentacle
    instruments: dict[Symbol, InstrumentConfig] = Field(min_length=1)
    fills: dict[str, Any] = {}  # its settings, judged by its own class


class AccountConfig(Section):
    deposits: dict[Asset, Annotated[Decimal, Field(ge=0)]] = Field(min_length=1)  # asset: amount
    reference: Asset = "USD"  # currency in which equity is measured
    max_rate_age_s: Annotated[float, Field(gt=0)] = 86_400  # older marks do not count to measure other currencies
    limits: AccountLimits = AccountLimits()


class TentacleConfig(Section):
    """A tentacle by name, with settings that its own class judges."""

    tentacle: str
    settings: dict[str, Any] = {}


class FeedConfig(TentacleConfig):
    name: Name | None = None  # by which journal and state know it; None: the tentacle's


class EvaluatorConfig(TentacleConfig):
    timeframe: Timeframe | None = None  # of its candles; None: the desk's


class DeskConfig(Section):
    """One strategy, one trading mode, their limits, capital and account."""

    venue: str
    account: str
    instruments: tuple[Symbol, ...] = Field(min_length=1)
    timeframe: Annotated[str, AfterValidator(_trigger)] = "1h"  # its candle makes the strategy decide; none: opinions
    capital: Annotated[Decimal, Field(ge=0)]  # taken from the account, in its reference currency
    balances: dict[Asset, Annotated[Decimal, Field(gt=0)]] = {}  # what it takes of other assets
    evaluators: tuple[EvaluatorConfig, ...] = ()
    strategy: TentacleConfig
    mode: TentacleConfig
    limits: DeskLimits = DeskLimits()
    risk_rules: tuple[str, ...] = DEFAULT_RISK_RULES
    tick_s: Annotated[float, Field(gt=0)] | None = None  # a tick of the mode this often; true: 1.0; None: no ticks
    consent_s: Annotated[float, Field(gt=0)] | None = None  # each entry needs a person's yes in this time
    on_orphan: Literal["hold_protected", "flatten"] = "hold_protected"  # when strategy or mode is missing


class EngineConfig(Section):
    equity_every_s: Annotated[float, Field(gt=0)] = 3600  # how often equity is marked into the journal
    inbox_size: Annotated[int, Field(ge=1)] = 65_536  # inputs that may wait for the engine
    tentacle_timeout_s: Annotated[float, Field(ge=0.5)] = 5.0  # a call that takes longer is interrupted


class SwapConfig(Section):
    """How tentacles are exchanged while the bot runs. Each phase ends after so many inputs or seconds, whichever comes
    first."""

    watch: bool = True  # take up changes of files by itself; else `loligo tentacle apply` does
    when: Literal["now", "candle", "flat"] = "now"  # the new version leads at once, after a candle, or when flat
    rehearsal_inputs: Annotated[int, Field(ge=0)] = 1000  # so many of the newest are tried in an engine of its own
    shadow_inputs: Annotated[int, Field(ge=0)] = 200  # called beside the old one for so many inputs, not heeded yet
    shadow_s: Annotated[float, Field(ge=0)] = 2.0
    probation_inputs: Annotated[int, Field(ge=0)] = 500  # then it leads, and the old one is called beside it
    probation_s: Annotated[float, Field(ge=0)] = 5.0


class LogConfig(Section):
    level: Level = "info"
    format: Format = "console"
    file: str | None = None  # None: stderr; a relative path is in the bot folder


def _each_once(feeds: tuple[FeedConfig, ...]) -> tuple[FeedConfig, ...]:
    names = [feed.name or feed.tentacle for feed in feeds]
    if len(set(names)) < len(names):
        raise ValueError(f"two of {', '.join(names)} have one name: give each a name of its own, and keep it")
    return feeds


class LoligoConfig(Section):
    """All that a person can set about a bot."""

    bot: BotConfig = BotConfig()
    venues: dict[Name, VenueConfig] = {}
    accounts: dict[Name, AccountConfig] = {}
    desks: dict[Name, DeskConfig] = {}
    feeds: Annotated[tuple[FeedConfig, ...], AfterValidator(_each_once)] = ()
    notifiers: tuple[TentacleConfig, ...] = ()
    interfaces: tuple[TentacleConfig, ...] = ()
    automations: Annotated[tuple[FeedConfig, ...], AfterValidator(_each_once)] = ()
    experiments: dict[Name, Any] = {}  # judged by their own class
    journal: dict[str, Any] = {}  # judged by the store's own class
    engine: EngineConfig = EngineConfig()
    swap: SwapConfig = SwapConfig()
    health: dict[str, Any] = {}  # judged by its own class
    jobs: dict[str, Any] = {}  # judged by its own class
    install: dict[str, Any] = {}  # judged by its own class
    log: LogConfig = LogConfig()
