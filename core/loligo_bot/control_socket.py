"""The control socket: how `loligo status`, `stop`, `panic` and others reach a bot that runs in a home folder.

A Unix domain socket, `HOME/state/control.sock`, for the owner only: mode 0600 in a folder of mode 0700, and both ends
check who the other one is. One JSON object per line each way. A home has one bot: a live socket is refused, a stale
one replaced. What a request means is the handler's business.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from loligo.errors import AlreadyRunning, LoligoError
from loligo.log import get_logger

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

SOCKET = Path("state/control.sock")  # in the home folder
LONGEST_PATH = 107  # bytes of sun_path on Linux: 108 with the closing zero, see unix(7)
LONGEST_LINE = 1 << 20  # bytes of one request or answer
IDLE_LIMIT_S = 60.0  # a client that sends nothing for this long is cut off
MAX_CLIENTS = 32

_log = get_logger("control")
_PEER = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


class ControlServer:
    """Answers requests while the bot runs. `start` refuses when the home's bot already runs: AlreadyRunning."""

    def __init__(self, home: Path, handler: Handler) -> None:
        self.home = home
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Open the socket."""
        state = self.home / "state"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.chmod(0o700)
        with (state / "control.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two bots that start at once must not both find a stale socket
            if (pid := running_pid(self.home)) is not None:
                raise AlreadyRunning(f"{self.home}: already running, pid {pid}; stop it first with `loligo stop`")
            with socket_address(self.home) as address:
                self._server = await asyncio.start_unix_server(
                    self._serve, address, limit=LONGEST_LINE, start_serving=False
                )
            (self.home / SOCKET).chmod(0o600)  # before it listens
            await self._server.start_serving()

    async def close(self) -> None:
        """Cut off all clients and remove the socket."""
        if self._server is None:
            return
        (self.home / SOCKET).unlink(missing_ok=True)
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        uid = peer(writer.get_extra_info("socket"))[1]
        if uid != os.getuid() or len(self._clients) >= MAX_CLIENTS:
            _log.warning("client refused", uid=uid, clients=len(self._clients))
            writer.close()
            return
        self._clients.add(task)
        try:
            await self._talk(reader, writer)
        except (TimeoutError, ConnectionError, ValueError) as exc:  # ValueError: a line longer than LONGEST_LINE
            _log.debug("client gone", error=type(exc).__name__)
        finally:
            self._clients.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await asyncio.wait_for(reader.readline(), IDLE_LIMIT_S):
            writer.write(msgspec.json.encode(await self._answer(line), enc_hook=str) + b"\n")
            await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            return await self._handler(msgspec.json.decode(line, type=dict[str, Any]))
        except msgspec.DecodeError as exc:
            return {"ok": False, "error": f"request: expected one JSON object on a line: {exc}"}
        except LoligoError as exc:
            return {"ok": False, "kind": type(exc).__name__, "error": str(exc)}
        except Exception as exc:  # top of a task: recorded, answered, and the bot goes on
            _log.exception("request failed")
            return {"ok": False, "kind": "internal", "error": f"{type(exc).__name__}: {exc}; the bot's log has more"}


def running_pid(home: Path) -> int | None:
    """Return the process id of the bot that runs in `home`, None if none does.

    A child that a killed bot left behind may still hold the socket, so the process is looked for as well.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, socket_address(home) as address:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except OSError:
            return None
        pid = peer(probe)[0]
    return pid if Path(f"/proc/{pid}").exists() else None


@contextmanager
def socket_address(home: Path) -> Iterator[str]:
    """Give an address of the home's socket that fits into sun_path: through an open folder if the path is too long."""
    path = home / SOCKET
    if len(os.fsencode(path)) <= LONGEST_PATH or not path.parent.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return process and user id of the other end; for a client, of the process that called listen (unix(7))."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid, uid, _gid = _PEER.unpack(raw)
    return pid, uid
