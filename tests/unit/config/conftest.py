"""A bot folder with a small configuration, and the classes of the parts that it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from loligo.config import LoligoConfig, check_settings, read_settings
from loligo_bot.health.config import HealthConfig
from loligo_bot.jobs.config import JobsConfig
from loligo_kit.config import InstallConfig
from loligo_store.config import JournalConfig

REPOSITORY = Path(__file__).resolve().parents[3]


PARTS: dict[str, type[BaseModel]] = {
    "journal": JournalConfig,
    "health": HealthConfig,
    "jobs": JobsConfig,
    "install": InstallConfig,
}

SMALL = """\
venues:
  coinbase:
    kind: simulated
    instruments: {BTC/USD: {price_step: 0.01}}
accounts:
  paper:
    deposits: {USD: 1000}
desks:
  trend:
    venue: coinbase
    account: paper
    instruments: [BTC/USD]
    capital: 600
    strategy: {tentacle: weighted_vote}
    mode: {tentacle: signal_spot}
feeds:
  - tentacle: replay
    settings: {speed: 0}
"""

Load = Callable[..., LoligoConfig]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config" / "profiles").mkdir(parents=True)
    (tmp_path / "config" / "loligo.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


@pytest.fixture
def load(home: Path) -> Load:
    """Load the home's configuration; the keywords are environment variables without LOLIGO__."""

    def read(text: str | None = None, **environ: str) -> LoligoConfig:
        if text is not None:
            (home / "config" / "loligo.yaml").write_text(text, encoding="utf-8")
        variables = {f"LOLIGO__{name}": value for name, value in environ.items()}
        settings = read_settings(home, bundled_root=REPOSITORY, environ=variables)
        return check_settings(settings, parts=PARTS, where="config/loligo.yaml")

    return read
