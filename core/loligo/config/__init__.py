"""What a person can set, and how it is read: one file, a profile beneath it, environment and command line above."""

from loligo.config.load import check_settings, load_config, read_settings
from loligo.config.schema import (
    DEFAULT_RISK_RULES,
    AccountConfig,
    BotConfig,
    DeskConfig,
    EngineConfig,
    EvaluatorConfig,
    InstrumentConfig,
    LogConfig,
    LoligoConfig,
    TentacleConfig,
    VenueConfig,
)

__all__ = [
    "DEFAULT_RISK_RULES",
    "AccountConfig",
    "BotConfig",
    "DeskConfig",
    "EngineConfig",
    "EvaluatorConfig",
    "InstrumentConfig",
    "LogConfig",
    "LoligoConfig",
    "TentacleConfig",
    "VenueConfig",
    "check_settings",
    "load_config",
    "read_settings",
]
