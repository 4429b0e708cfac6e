"""`loligo ask`: arguments as people type them, and how the bot's answers and errors end a command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Call
from tests.unit.cli.test_operator_verbs import AnsweringBot


@pytest.fixture
def running(tmp_path: Path) -> Iterator[AnsweringBot]:
    bot = AnsweringBot(tmp_path)
    bot.start()
    yield bot
    bot.end()


def test_arguments_are_json_or_text(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    running.answer = {"ok": True, "answer": {"orders": []}, "lines": ["no orders"]}
    pairs = ("desk=trend", "limit=5", "is_open=true", "since=2019-07-01", 'values={"period": 7}', "why=a=b")
    called = call("ask", "orders", *pairs, "--key", "k1", "--home", tmp_path)
    assert (called.code, called.out) == (0, "no orders\n")
    expected: dict[str, Any] = {"desk": "trend", "limit": 5, "is_open": True, "since": "2019-07-01"}
    expected |= {"values": {"period": 7}, "why": "a=b"}
    assert running.heard == [{"do": "ask", "verb": "orders", "arguments": expected, "key": "k1"}]


def test_what_was_not_done_ends_with_one_and_its_answer_is_told(
    call: Call, tmp_path: Path, running: AnsweringBot
) -> None:
    running.answer = {
        "ok": False,
        "answer": {"is_done": False, "message": "no open order x"},
        "lines": ["no open order x"],
    }
    called = call("ask", "cancel", "order=x", "--home", tmp_path, "--json")
    assert (called.code, called.json) == (1, {"ok": False, "is_done": False, "message": "no open order x"})


@pytest.mark.parametrize(("kind", "code"), [("NotFound", 4), ("ConfigError", 3), ("Denied", 1), ("Exception", 1)])
def test_errors_of_the_bot_keep_their_kind(
    call: Call, tmp_path: Path, running: AnsweringBot, kind: str, code: int
) -> None:
    running.answer = {"ok": False, "kind": kind, "error": "said so"}
    called = call("ask", "orders", "--home", tmp_path)
    assert (called.code, called.err) == (code, "loligo: said so\n")


def test_an_argument_without_a_value_is_a_mistake_of_use(call: Call, tmp_path: Path) -> None:
    called = call("ask", "orders", "limit", "--home", tmp_path)
    assert called.code == 2
    assert '"limit": expected NAME=VALUE' in called.err
