"""What a person can set, and how it is read: one file, a profile beneath it, vault, environment, command line above."""

from loligo.config.load import check_settings, read_settings
from loligo.config.schema import DeskConfig, EvaluatorConfig, LoligoConfig, TentacleConfig

__all__ = [
    "DeskConfig", "EvaluatorConfig", "LoligoConfig", "TentacleConfig", "check_settings", "read_settings",
]  # fmt: skip
