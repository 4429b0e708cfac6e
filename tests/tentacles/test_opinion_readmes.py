"""The settings tables in the READMEs of evaluators and strategies say what the settings classes say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tentacles.conftest import TENTACLES, load_tentacle

PATHS = sorted(
    str(folder.relative_to(TENTACLES))
    for kind in ("evaluators", "strategies")
    for folder in (TENTACLES / kind).iterdir()
    if (folder / "tentacle.toml").is_file()
)


@pytest.mark.parametrize("path", PATHS)
def test_readme_lists_every_setting_with_its_default_and_meaning(path: str) -> None:
    module: Any = load_tentacle(path)
    factory = module.evaluator() if path.startswith("evaluators/") else module.strategy()
    readme = (TENTACLES / path / "README.md").read_text()
    listed = [line.split(" | ") for line in readme.splitlines() if line.startswith("| `") and line.count(" | ") == 3]
    defaults = factory.settings().model_dump(mode="json")
    expected = [
        [
            f"| `{name}`",
            f"`{default if isinstance(default, str) else json.dumps(default)}`",
            f"{factory.settings.model_fields[name].description} |",
        ]
        for name, default in defaults.items()
    ]
    assert [[setting, default, meaning] for setting, default, _, meaning in listed] == expected
