"""The one door: everything that tentacles, web pages and research code may import. Versioned by semver.

Values (candles, evaluations, signals, orders, verdicts), the contracts of the tentacle kinds, `hookimpl`, incremental
indicators with their array twins, and sizing by risk.
"""

# Several names on a line, here and below: an overview of what there is.
# isort: off
# fmt: off
from loligo.api.candles import CandleBuilder, InstantOrder, instant_order, market_order
from loligo.api.history import CandleHistory
from loligo_indicators import ATR, EMA, RSI, SMA, RollingWindow, atr_series, ema_series, rsi_series, sma_series
from loligo.api.sizing import quantity_for_risk, quantity_for_share
from loligo.errors import (
    BadArguments, ConfigError, DataError, Denied, JournalError, LoligoError, NotFound, NotRunning, OrderError,
    TentacleError, VenueError,
)
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.evaluation import Declined, Direction, Evaluation, Numbers, Signal
from loligo.model.events import (
    DecisionDeclined, EquityMarked, Input, OrderReported, OrderSubmitted, Record, Refused, TentacleFailed,
    KillSwitchSet, PositionChanged, Resumed, RiskActed, TimerFired, TradeClosed,
)
from loligo.model.instrument import Instrument, InstrumentKind
from loligo.model.market import (
    BookUpdate, Candle, ExternalSignal, FundingRate, InstrumentStatus, MarketData, Quote, Side, Trade,
)
from loligo.model.money import DOWN, UP, ZERO, exact, money_from_float, round_to_step
from loligo.model.order import (
    Accepted, Amended, Canceled, Expired, Filled, Liquidated, Order, OrderKind, OrderRequest, OrderRole,
    OrderState, Rejected, TimeInForce, Triggered, VenueReport,
)
from loligo.model.portfolio import ClosedTrade, Position
from loligo.model.risk import (
    AccountLimits, ActionKind, DeskLimits, Outcome, RiskAction, Tier, Verdict, passed, reduced, refused,
)
from loligo.model.timeframe import DAY_NS, SECOND_NS, iso, ns_from_iso, period_start_ns, timeframe_ns
from loligo.ports.clock import Clock
from loligo.ports.door import Actor, Answer, Door, Role, Verb
from loligo.ports.hooks import hookimpl
from loligo.ports.runner import FinishedRun, Runner
from loligo.ports.tentacles import (
    AmendIntent, CancelIntent, CandleArrays, Factory, FloatArray, InboxPort, IntArray, Intent, MakeContext,
    Message, PlainState, Stateless, TentacleSettings, TimerIntent,
)
from loligo.ports.venue import EngineVenue
from loligo.ports.views import Board, BoardInput, DeskView, RiskView

API_VERSION = "1.0"

__all__ = [
    "API_VERSION", "ATR", "DAY_NS", "DOWN", "EMA", "RSI", "SECOND_NS", "SMA", "UP", "ZERO", "Accepted",
    "AccountLimits", "ActionKind", "Actor", "AmendIntent", "Amended", "Answer", "BadArguments", "Board",
    "BoardInput", "BookUpdate", "CancelIntent", "Canceled", "Candle", "CandleArrays", "CandleBuilder",
    "CandleHistory", "Clock", "ClosedTrade", "CommandKind", "ConfigError", "DataError", "DecisionDeclined",
    "Declined", "Denied", "DeskLimits", "DeskView", "Direction", "Door", "EngineVenue", "EquityMarked",
    "Evaluation", "Expired", "ExternalSignal", "Factory", "Filled", "FinishedRun", "FloatArray", "FundingRate",
    "InboxPort", "Input", "InstantOrder", "Instrument", "InstrumentKind", "InstrumentStatus", "IntArray",
    "Intent", "JournalError", "KillSwitchSet", "Liquidated", "LoligoError", "MakeContext", "MarketData",
    "Message", "NotFound", "NotRunning", "Numbers", "OperatorCommand", "Order", "OrderError", "OrderKind",
    "OrderReported", "OrderRequest", "OrderRole", "OrderState", "OrderSubmitted", "Outcome", "PlainState",
    "Position", "PositionChanged", "Quote", "Record", "Refused", "Rejected", "Resumed", "RiskActed",
    "RiskAction", "RiskView", "Role", "RollingWindow", "Runner", "Side", "Signal", "Stateless", "TentacleError",
    "TentacleFailed", "TentacleSettings", "Tier", "TimeInForce", "TimerFired", "TimerIntent", "Trade",
    "TradeClosed", "Triggered", "VenueError", "VenueReport", "Verb", "Verdict", "atr_series", "ema_series",
    "exact", "hookimpl", "instant_order", "iso", "market_order", "money_from_float", "ns_from_iso", "passed",
    "period_start_ns", "quantity_for_risk", "quantity_for_share", "reduced", "refused", "round_to_step",
    "rsi_series", "sma_series", "timeframe_ns",
]
