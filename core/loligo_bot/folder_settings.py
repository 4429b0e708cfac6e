"""All that was set about a bot, unchecked, each value with where: files, vault, environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from loligo.config import read_settings
from loligo.config.layers import Setting
from loligo.host import bundled_root
from loligo_bot.vault import kept


def folder_settings(
    home: Path, *, file: Path | None = None, root: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Setting:
    """Return the settings of a bot folder; `file` replaces its configuration, `root` has the profiles that came along.

    ConfigError when something cannot be read.
    """
    return read_settings(home, bundled_root=root or bundled_root(), file=file, environ=environ, kept=kept(home))
