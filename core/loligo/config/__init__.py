"""What a person can set, and how it is read: one file, a profile beneath it, environment and command line above."""

from loligo.config.load import check_settings, load_config, read_settings
from loligo.config.schema import DeskConfig, EvaluatorConfig, LoligoConfig, TentacleConfig

__all__ = [
    "DeskConfig", "EvaluatorConfig", "LoligoConfig", "TentacleConfig", "check_settings", "load_config", "read_settings",
]  # fmt: skip
