"""The health of a bot that does not run: what its files say."""

from __future__ import annotations

from pathlib import Path

from loligo.config import LoligoConfig
from loligo_bot.health import store
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.quarantine import Quarantine
from loligo_bot.health.states import Health, Observed, survey
from loligo_bot.health.wanted import kept_off, load_wanted


def look(home: Path, config: LoligoConfig) -> tuple[list[Health], str, int]:
    """Return a row per tentacle, why the next start is a safe one ("" if it is not), and the crashed starts so far."""
    settings = HealthConfig.model_validate(config.health)
    remembered = store.load(home)
    crashed = remembered.crashed_starts
    safe_mode = f"the last {crashed} starts crashed" if crashed >= settings.crashed_starts else ""
    _, wanted = load_wanted(home, config, kept_off(home, safe_mode), keeps=False)
    observed = Observed(quarantine=Quarantine(settings, remembered.quarantine), faults=remembered.faults)
    return survey(home, wanted, observed), safe_mode, crashed
