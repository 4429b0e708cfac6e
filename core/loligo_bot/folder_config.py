"""The configuration of a bot folder, every part's section judged by its own class. Imports nothing that runs a bot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from loligo.config import LoligoConfig, check_settings
from loligo.config.load import CONFIG_FILE
from loligo_bot.experiment_config import ExperimentsConfig
from loligo_bot.folder_settings import folder_settings
from loligo_bot.health.config import HealthConfig
from loligo_bot.jobs.config import JobsConfig
from loligo_kit.config import InstallConfig
from loligo_store.config import JournalConfig

PARTS: Mapping[str, type[BaseModel]] = {
    "journal": JournalConfig,
    "health": HealthConfig,
    "jobs": JobsConfig,
    "install": InstallConfig,
    "experiments": ExperimentsConfig,
}


def read_config(home: Path, *, file: Path | None = None) -> LoligoConfig:
    """Return the configuration of a bot folder. ConfigError tells of every fault."""
    settings = folder_settings(home, file=file)
    return check_settings(settings, parts=PARTS, where=str(file or home / CONFIG_FILE))
