"""What a chat costs those who do not use it: its library is loaded when it runs, not when it is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import sys
from tests.tentacles.conftest import load_tentacle
from loligo.api import MakeContext
factory = load_tentacle("interfaces/{name}").interface()
made = factory.create(factory.settings(token="1:x"), MakeContext())
tops = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(tops & {{"telegram", "discord", "httpx", "aiohttp", "yarl"}}))
"""


@pytest.mark.parametrize("name", ["telegram", "discord"])
def test_an_instance_is_made_without_the_library_of_its_service(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CODE.format(name=name)],
        env={"PYTHONPATH": f"{ROOT / 'core'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
