"""The control socket: for the owner only, one bot per home, stale sockets replaced."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.errors import AlreadyRunning, ConfigError, LoligoError, NotRunning
from loligo_bot.cli.control_client import ask
from loligo_bot.control_socket import ControlServer, running_pid


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "heard": request}


def with_server(home: Path, handler: Any, use: Callable[[ControlServer], Awaitable[Any]]) -> Any:
    async def scenario() -> Any:
        server = ControlServer(home, handler)
        await server.start()
        try:
            return await use(server)
        finally:
            await server.close()

    return asyncio.run(asyncio.wait_for(scenario(), 10.0))


def asking(home: Path, request: dict[str, Any], timeout_s: float = 5.0) -> Callable[[Any], Awaitable[Any]]:
    return lambda _server: asyncio.to_thread(ask, home, request, timeout_s)


def test_request_reaches_the_handler_and_its_answer_comes_back(tmp_path: Path) -> None:
    answer = with_server(tmp_path, echo, asking(tmp_path, {"do": "status", "n": 1}))
    assert answer == {"ok": True, "heard": {"do": "status", "n": 1}}


def test_socket_is_for_the_owner_only(tmp_path: Path) -> None:
    async def modes(_server: ControlServer) -> tuple[int, int]:
        state = tmp_path / "state"
        return stat.S_IMODE(state.stat().st_mode), stat.S_IMODE((state / "control.sock").stat().st_mode)

    assert with_server(tmp_path, echo, modes) == (0o700, 0o600)


def test_asking_where_no_bot_runs_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"loligo run --home {tmp_path}"):
        ask(tmp_path, {"do": "status"})


def test_second_bot_in_one_home_is_refused_with_the_process_that_runs(tmp_path: Path) -> None:
    async def start_another(_server: ControlServer) -> None:
        with pytest.raises(AlreadyRunning, match=f"already running, pid {os.getpid()}"):
            await ControlServer(tmp_path, echo).start()

    with_server(tmp_path, echo, start_another)


def test_stale_socket_of_a_killed_bot_is_replaced(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(state / "control.sock"))
    assert running_pid(tmp_path) is None
    assert with_server(tmp_path, echo, asking(tmp_path, {}))["ok"] is True


def test_closed_server_leaves_no_socket_behind(tmp_path: Path) -> None:
    with_server(tmp_path, echo, asking(tmp_path, {}))
    assert not (tmp_path / "state" / "control.sock").exists()
    with pytest.raises(NotRunning):
        ask(tmp_path, {})


def test_home_with_a_path_too_long_for_a_socket_works_as_any_other(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 20) / ("er" * 30)
    home.mkdir(parents=True)
    assert with_server(home, echo, asking(home, {"n": 2}))["heard"] == {"n": 2}
    assert running_pid(home) is None
    with pytest.raises(NotRunning):
        ask(home, {})


def test_refusal_of_the_handler_is_answered_with_its_kind_and_words(tmp_path: Path) -> None:
    async def refuse(_request: dict[str, Any]) -> dict[str, Any]:
        raise ConfigError('desk "tren": no such desk; did you mean "trend"?')

    answer = with_server(tmp_path, refuse, asking(tmp_path, {}))
    assert answer == {"ok": False, "kind": "ConfigError", "error": 'desk "tren": no such desk; did you mean "trend"?'}


def test_failure_of_the_handler_is_answered_and_the_server_lives_on(tmp_path: Path) -> None:
    async def fail_once(request: dict[str, Any]) -> dict[str, Any]:
        return {"ok": 1 / request["n"] > 0}

    async def use(_server: ControlServer) -> list[Any]:
        return [await asyncio.to_thread(ask, tmp_path, {"n": n}) for n in (0, 1)]

    first, second = with_server(tmp_path, fail_once, use)
    assert first["ok"] is False and "ZeroDivisionError" in first["error"]
    assert second == {"ok": True}


def test_line_that_is_no_json_object_is_answered_with_what_was_expected(tmp_path: Path) -> None:
    async def use(_server: ControlServer) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "state" / "control.sock"))
        writer.write(b"[1, 2\n")
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    assert b"expected one JSON object" in with_server(tmp_path, echo, use)


def test_bot_that_does_not_answer_in_time_is_named(tmp_path: Path) -> None:
    async def hang(_request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def use(_server: ControlServer) -> None:
        with pytest.raises(LoligoError, match=rf"pid {os.getpid()}\) did not answer within 0.05 s"):
            await asyncio.to_thread(ask, tmp_path, {}, 0.05)

    with_server(tmp_path, hang, use)


def test_money_in_an_answer_keeps_its_digits_as_text(tmp_path: Path) -> None:
    from decimal import Decimal

    async def balance(_request: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "balance": Decimal("0.10")}

    assert with_server(tmp_path, balance, asking(tmp_path, {}))["balance"] == "0.10"
