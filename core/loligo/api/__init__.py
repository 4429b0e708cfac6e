"""The one door: everything that tentacles, web pages and research code may import. Versioned by semver.

Values (candles, evaluations, signals, orders, verdicts), the contracts of the tentacle kinds, `hookimpl`, incremental
indicators with their array twins, and sizing by risk.
"""

from loligo.api.candles import CandleBuilder, InstantOrder, instant_order, market_order
from loligo.api.history import CandleHistory
from loligo.api.indicators import ATR, EMA, RSI, SMA, RollingWindow, atr_series, ema_series, rsi_series, sma_series
from loligo.api.sizing import quantity_for_risk, quantity_for_share
from loligo.errors import (
    ConfigError,
    DataError,
    LoligoError,
    OrderError,
    TentacleError,
    VenueError,
)
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import Input, Record, TimerFired
from loligo.model.instrument import Instrument, InstrumentKind
from loligo.model.market import (
    BookUpdate,
    Candle,
    ExternalSignal,
    FundingRate,
    InstrumentStatus,
    MarketData,
    Quote,
    Side,
    Trade,
)
from loligo.model.money import money_from_float, round_to_step
from loligo.model.order import Filled, Order, OrderKind, OrderRequest, OrderRole, OrderState, TimeInForce
from loligo.model.portfolio import ClosedTrade, Position
from loligo.model.risk import (
    AccountLimits,
    ActionKind,
    DeskLimits,
    Outcome,
    RiskAction,
    Tier,
    Verdict,
    passed,
    reduced,
    refused,
)
from loligo.model.timeframe import DAY_NS, SECOND_NS, iso, ns_from_iso, period_start_ns, timeframe_ns
from loligo.ports.clock import Clock
from loligo.ports.hooks import hookimpl
from loligo.ports.tentacles import (
    AmendIntent,
    CancelIntent,
    CandleArrays,
    Factory,
    FloatArray,
    InboxPort,
    IntArray,
    Intent,
    MakeContext,
    Message,
    PlainState,
    Stateless,
    TentacleSettings,
    TimerIntent,
)
from loligo.ports.views import Board, BoardInput, DeskView, RiskView

API_VERSION = "1.0"

__all__ = [
    "API_VERSION",
    "ATR",
    "DAY_NS",
    "EMA",
    "RSI",
    "SECOND_NS",
    "SMA",
    "AccountLimits",
    "ActionKind",
    "AmendIntent",
    "Board",
    "BoardInput",
    "BookUpdate",
    "CancelIntent",
    "Candle",
    "CandleArrays",
    "CandleBuilder",
    "CandleHistory",
    "Clock",
    "ClosedTrade",
    "CommandKind",
    "ConfigError",
    "DataError",
    "Declined",
    "DeskLimits",
    "DeskView",
    "Direction",
    "Evaluation",
    "ExternalSignal",
    "Factory",
    "Filled",
    "FloatArray",
    "FundingRate",
    "InboxPort",
    "Input",
    "InstantOrder",
    "Instrument",
    "InstrumentKind",
    "InstrumentStatus",
    "IntArray",
    "Intent",
    "LoligoError",
    "MakeContext",
    "MarketData",
    "Message",
    "OperatorCommand",
    "Order",
    "OrderError",
    "OrderKind",
    "OrderRequest",
    "OrderRole",
    "OrderState",
    "Outcome",
    "PlainState",
    "Position",
    "Quote",
    "Record",
    "RiskAction",
    "RiskView",
    "RollingWindow",
    "Side",
    "Signal",
    "Stateless",
    "TentacleError",
    "TentacleSettings",
    "Tier",
    "TimeInForce",
    "TimerFired",
    "TimerIntent",
    "Trade",
    "VenueError",
    "Verdict",
    "atr_series",
    "ema_series",
    "hookimpl",
    "instant_order",
    "iso",
    "market_order",
    "money_from_float",
    "ns_from_iso",
    "passed",
    "period_start_ns",
    "quantity_for_risk",
    "quantity_for_share",
    "reduced",
    "refused",
    "round_to_step",
    "rsi_series",
    "sma_series",
    "timeframe_ns",
]
