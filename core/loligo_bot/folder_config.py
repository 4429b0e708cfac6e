"""The configuration of a bot folder, every part's section judged by its own class. Imports nothing that runs a bot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from loligo.config import LoligoConfig, load_config
from loligo.registry.registry_file import bundled_root
from loligo_bot.experiment_config import ExperimentsConfig
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
    return load_config(home, bundled_root=bundled_root(), file=file, parts=PARTS)
