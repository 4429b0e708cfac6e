"""The control socket: how `loligo status`, `stop`, `panic` and others reach a bot that runs in a home folder.

A Unix domain socket, `HOME/state/control.sock`, for the owner only: mode 0600 in a folder of mode 0700, and both ends
check who the other one is. One JSON object per line each way. A home has one bot: a live socket is refused, a stale
one replaced. What a request means is the handler's business.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from loligo.errors import AlreadyRunning, LoligoError, NotRunning
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
        with _only_one_starts(state):
            if (pid := running_pid(self.home)) is not None:
                raise AlreadyRunning(f"{self.home}: already running, pid {pid}; stop it first with `loligo stop`")
            listener = _bind(self.home)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_LINE)

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
        peer_uid = _peer(writer.get_extra_info("socket"))[1]
        if peer_uid != os.getuid() or len(self._clients) >= MAX_CLIENTS:
            _log.warning("client refused", uid=peer_uid, clients=len(self._clients))
            writer.close()
            return
        self._clients.add(task)
        try:
            await self._talk(reader, writer)
        except (TimeoutError, ConnectionError) as exc:
            _log.debug("client gone", error=type(exc).__name__)
        finally:
            self._clients.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_LIMIT_S):
                    line = await reader.readline()
            except ValueError:  # longer than LONGEST_LINE: what follows cannot be told apart from its rest
                return
            if not line:
                return
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


def ask(home: Path, request: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """Send one request to the bot of `home` and return its answer, as it came.

    NotRunning if no bot listens there, PermissionError if it is another user's, LoligoError if it does not answer in
    `timeout_s`.
    """
    with _connect(home, timeout_s) as client:
        try:
            client.sendall(msgspec.json.encode(request) + b"\n")
            with client.makefile("rb") as answers:
                line = answers.readline(LONGEST_LINE)
        except TimeoutError as exc:
            pid = _peer(client)[0]
            raise LoligoError(f"{home}: the bot (pid {pid}) did not answer within {timeout_s:g} s") from exc
        except ConnectionError as exc:
            raise NotRunning(f"{home}: the bot ended before it answered") from exc
    if not line:
        raise NotRunning(f"{home}: the bot ended before it answered")
    return msgspec.json.decode(line, type=dict[str, Any])


def running_pid(home: Path) -> int | None:
    """Return the process id of the bot that runs in `home`, None if none does.

    A child that a killed bot left behind may still hold the socket, so the process is looked for as well.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, _address(home) as address:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except OSError:
            return None
        pid = _peer(probe)[0]
    return pid if Path(f"/proc/{pid}").exists() else None


def _connect(home: Path, timeout_s: float) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(timeout_s)
    try:
        with _address(home) as address:
            client.connect(address)
    except PermissionError:
        client.close()
        raise
    except OSError as exc:
        client.close()
        raise NotRunning(f"no bot is running in {home}: start it with `loligo run --home {home}`") from exc
    if (uid := _peer(client)[1]) != os.getuid():
        client.close()
        raise PermissionError(errno.EPERM, f"the bot in this folder belongs to user id {uid}, not to you", str(home))
    return client


@contextmanager
def _address(home: Path) -> Iterator[str]:
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


def _bind(home: Path) -> socket.socket:
    """Return a listening socket that nobody but the owner can reach."""
    (home / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _address(home) as address:
        listener.bind(address)
    (home / SOCKET).chmod(0o600)  # before it listens
    listener.listen(MAX_CLIENTS)
    listener.setblocking(False)
    return listener


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Return process and user id of the other end; for a client, of the process that called listen (unix(7))."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid, uid, _gid = _PEER.unpack(raw)
    return pid, uid


@contextmanager
def _only_one_starts(state: Path) -> Iterator[None]:
    """Hold the home's start lock: two bots that start at once must not both find a stale socket."""
    with (state / "control.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
