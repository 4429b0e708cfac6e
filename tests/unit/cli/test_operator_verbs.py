"""Operator verbs send the right request to a running bot and turn its answer into words and exit codes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loligo_bot.control_socket import ControlServer

from .conftest import Call


class AnsweringBot:
    """A bot of which only the control socket is there: notes what it is asked and answers as told."""

    def __init__(self, home: Path) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"ok": True, "message": "done"}
        self._home = home
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(5.0)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5.0)

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = ControlServer(self._home, self._hear)
        await server.start()
        self._ready.set()
        await self._end.wait()
        await server.close()

    async def _hear(self, request: dict[str, Any]) -> dict[str, Any]:
        self.heard.append(request)
        if request["do"] == "stop":
            self._loop.call_later(0.05, self._end.set)
        return self.answer


@pytest.fixture
def running(tmp_path: Path) -> Iterator[AnsweringBot]:
    bot = AnsweringBot(tmp_path)
    bot.start()
    yield bot
    bot.end() if bot._thread.is_alive() else None


@pytest.mark.parametrize("verb", [["status"], ["stop"], ["pause"], ["resume"], ["panic", "--yes"]])
def test_verb_without_a_running_bot_ends_with_four(call: Call, tmp_path: Path, verb: list[str]) -> None:
    called = call(*verb, "--home", tmp_path, "--json")
    assert called.code == 4
    assert called.json["error"]["kind"] == "NotRunning"


def test_status_prints_what_the_bot_says(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    running.answer = {"ok": True, "status": {"pid": 7, "desks": {"trend": {"equity": 50_000.5}}}}
    assert call("status", "--home", tmp_path, "--json").json == running.answer
    shown = call("status", "--home", tmp_path).out
    assert "desks.trend.equity" in shown
    assert "50,000.50" in shown


def test_status_check_ends_with_seven_while_the_kill_switch_is_on(
    call: Call, tmp_path: Path, running: AnsweringBot
) -> None:
    running.answer = {"ok": True, "status": {"kill_switch": 2}}
    assert call("status", "--home", tmp_path).code == 0
    assert call("status", "--check", "--home", tmp_path).code == 7


@pytest.mark.parametrize(
    ("verb", "request_"),
    [
        (["pause", "trend"], {"verb": "pause", "arguments": {"target": "trend"}}),
        (["resume"], {"verb": "resume", "arguments": {"target": "*"}}),
        (["panic"], {"verb": "panic", "arguments": {"level": "cancel-orders"}}),
        (["panic", "--level", "no-entries"], {"verb": "panic", "arguments": {"level": "no-entries"}}),
        (["panic", "--level", "3", "--yes"], {"verb": "panic", "arguments": {"level": "flatten"}}),
    ],
)
def test_verb_is_asked_of_the_door(
    call: Call, tmp_path: Path, running: AnsweringBot, verb: list[str], request_: dict[str, Any]
) -> None:
    running.answer = {"ok": True, "answer": {"message": "done so"}, "lines": ["done so"]}
    called = call(*verb, "--home", tmp_path)
    assert (called.code, called.out) == (0, "done so\n")
    assert running.heard == [{"do": "ask", "key": "", **request_}]


def test_refusal_of_the_bot_is_told_and_ends_with_one(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    running.answer = {"ok": False, "answer": {"message": 'no desk "trnd"; known: trend'}}
    called = call("pause", "trnd", "--home", tmp_path)
    assert (called.code, called.err) == (1, 'loligo: no desk "trnd"; known: trend\n')


def test_stop_waits_until_the_bot_is_gone(call: Call, tmp_path: Path, running: AnsweringBot) -> None:
    called = call("stop", "--home", tmp_path, "--json")
    assert called.code == 0
    assert called.json["message"] == "stopped"
    assert not (tmp_path / "state" / "control.sock").exists()
