"""The README of the simulated venue says of each setting what its class says."""

from __future__ import annotations

import json
from typing import Any

from tests.tentacles.conftest import TENTACLES, load_tentacle

PATH = "venues/simulated"


def test_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    module: Any = load_tentacle(PATH)
    model = module.venue().settings
    rows = [line.split(" | ") for line in (TENTACLES / PATH / "README.md").read_text().splitlines()]
    defaults = model().model_dump(mode="json")
    assert [[row[0], row[1], row[-1]] for row in rows if row[0].startswith("| `") and len(row) == 4] == [
        [
            f"| `{name}`",
            f"`{value if isinstance(value, str) else json.dumps(value)}`",
            f"{model.model_fields[name].description} |",
        ]
        for name, value in defaults.items()
    ]
