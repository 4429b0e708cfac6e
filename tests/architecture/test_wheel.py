"""What `pip install .` brings: the wheel holds all of Loligo, and what a new bot folder is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = Path("loligo/bundled")


@pytest.fixture(scope="module")
def wheel() -> dict[str, Path]:
    """The files of the wheel by their path in it, and where each comes from."""
    builder = WheelBuilder(str(ROOT))
    forced = builder.config.get_force_include()
    files = [*builder.recurse_included_files(), *builder.recurse_forced_files(forced)]
    return {file.distribution_path: Path(file.path).resolve() for file in files}


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        ("core", Path()),
        ("tentacles", BUNDLED / "tentacles"),
        ("config", BUNDLED / "config"),
        ("web/loligo_web", BUNDLED / "web/loligo_web"),
    ],
)
def test_the_wheel_holds_every_file_of(folder: str, place: Path, wheel: dict[str, Path]) -> None:
    source = ROOT / folder
    files = [file.relative_to(source) for file in source.rglob("*") if file.is_file()]
    made = [file for file in files if "__pycache__" in file.parts or file.name.startswith(".")]
    wanted = [file for file in files if file not in made and (folder != "core" or str(file).startswith("loligo"))]
    assert wanted
    missing = [str(file) for file in wanted if wheel.get(str(place / file)) != source / file]
    assert missing == [], "add its package in pyproject.toml"


def test_the_wheel_holds_the_registry_and_nothing_that_a_run_leaves(wheel: dict[str, Path]) -> None:
    assert wheel[str(BUNDLED / "tentacle_registry.json")] == ROOT / "tentacle_registry.json"
    left = [name for name in wheel if {"__pycache__", "state"} & set(Path(name).parts) or name.endswith(".sqlite")]
    assert left == []
