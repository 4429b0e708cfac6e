"""The import rules of the kernel (import-linter), and of everything that stands outside of it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TENTACLES = sorted(path.parent for path in (ROOT / "tentacles").glob("*/*/tentacle.toml"))
OURS = {
    *(
        "loligo",
        "loligo_bot",
        "loligo_chat",
        "loligo_files",
        "loligo_indicators",
        "loligo_kit",
        "loligo_lab",
        "loligo_packages",
        "loligo_store",
        "loligo_web",
    ),
    *("loligo_testing", "loligo_verifier", "tentacles"),
}


def imported(file: Path) -> Iterator[tuple[int, str]]:
    """Yield level and dotted name of everything that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, ".".join(filter(None, (node.module, alias.name)))) for alias in node.names)


def test_the_contracts_of_import_linter_hold() -> None:
    paths = [str(ROOT / "core"), str(ROOT / "web"), os.environ.get("PYTHONPATH", "")]
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("folder", TENTACLES, ids=lambda folder: folder.name)
def test_a_tentacle_imports_of_ours_only_the_api_and_itself(folder: Path) -> None:
    wrong = []
    for file in sorted(folder.rglob("*.py")):
        depth = len(file.relative_to(folder).parts)
        for level, name in imported(file):
            is_foreign = level == 0 and name.partition(".")[0] in OURS and not f"{name}.".startswith("loligo.api.")
            if is_foreign or level > depth:
                wrong.append(f"{file.relative_to(ROOT)}: {'.' * level}{name}")
    assert wrong == []
