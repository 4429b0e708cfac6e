"""The tutorial of tentacles/README.md, taken word by word."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from loligo.api import Candle, MakeContext
from loligo.host import Host
from loligo_bot.cli.command_line import run

README = Path(__file__).resolve().parents[2] / "tentacles" / "README.md"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_evaluator_of_the_tutorial_is_listed_loaded_and_bullish_on_a_rising_candle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tentacles/evaluators/candle_body"
    folder.mkdir(parents=True)
    (folder / "tentacle.toml").write_text(block("toml"))
    (folder / "__init__.py").write_text(block("python"))
    assert run(["--home", str(tmp_path), "--json", "tentacle", "refresh"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == ["evaluator candle_body"]
    (loaded,) = Host(tmp_path, tmp_path).load_all()
    evaluator = loaded.create(loaded.make_settings({}), MakeContext())
    candle = Candle("demo:BTC/USD", "1h", 0, 3_600_000_000_000, 100.0, 102.0, 99.0, 101.0, 1.0)
    assert evaluator.on_candle(candle).value == pytest.approx(0.5)  # 1 % of the 2 % that are a full opinion
