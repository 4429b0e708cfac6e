"""A process of `loligo` for tests: as by `subprocess.Popen`, but forked from one that has imported everything already
(`tests/scenario/zygote.py`). What starts with another interpreter's settings is started for itself."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_SIZE = 4
_SCRIPT = Path(__file__).with_name("zygote.py")
_ROOT = _SCRIPT.parents[2]
_KNOWN = {str(_ROOT / "core"), str(_ROOT / "web"), str(_ROOT)}  # in a PYTHONPATH that can be shared
_OF_INTERPRETER = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC")  # beginnings of variables that count at a start
_OF_ONE = ("PYTHONHASHSEED", "SSL_CERT_FILE", "SSL_CERT_DIR")  # who sets one means a process of its own
_ALONE = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}  # libraries begin no threads


class Zygote:
    """The other end of one, for all processes with equal settings of their interpreter."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self._control, self._turn = ours, threading.Lock()
        command = (sys.executable, str(_SCRIPT), str(theirs.fileno()))
        self._process = subprocess.Popen(command, env={**environment, **_ALONE}, pass_fds=[theirs.fileno()])
        theirs.close()
        atexit.register(self.close)

    def fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> int:
        """Return the pid of a new child."""
        body = json.dumps(request).encode()
        with self._turn:
            socket.send_fds(self._control, [len(body).to_bytes(_SIZE, "big")], descriptors)
            self._control.sendall(body)
            answer = self._control.recv(_SIZE)
        if len(answer) < _SIZE:
            raise RuntimeError(f"{_SCRIPT.name} ended with {self._process.wait()}")
        return int.from_bytes(answer, "big")

    def close(self) -> None:
        self._control.close()
        self._process.wait()


_zygotes: dict[tuple[tuple[str, str], ...], Zygote] = {}
_making = threading.Lock()


def zygote_of(environment: Mapping[str, str]) -> Zygote | None:
    """Return the one for an environment; None where a process must be started for itself."""
    counting = {name: value for name, value in environment.items() if name.startswith(_OF_INTERPRETER)}
    paths = counting.get("PYTHONPATH", "").split(os.pathsep)
    counting["PYTHONPATH"] = os.pathsep.join(path for path in paths if path in _KNOWN)  # a child adds the others
    is_alone = any(environment.get(name) != os.environ.get(name) for name in _OF_ONE)
    if is_alone or sys.platform != "linux":
        return None
    key = tuple(sorted(counting.items()))
    with _making:
        if key not in _zygotes:
            _zygotes[key] = Zygote({**environment, "PYTHONPATH": counting["PYTHONPATH"]})
        return _zygotes[key]


class Forked(subprocess.Popen[str]):
    """One process; what is public of Popen works as there, text in and out."""

    def __init__(
        self, zygote: Zygote, arguments: Sequence[str], environment: Mapping[str, str], cwd: Path, script: Path | None
    ) -> None:
        self._child_created = False  # Popen's end would wait for a child of its own
        self.args, self.returncode, self.stdin = tuple(arguments), None, None
        (out_r, out_w), (err_r, err_w), (self._status, status_w) = os.pipe(), os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        request = {"arguments": list(arguments), "environment": dict(environment), "cwd": str(cwd)}
        request["script"] = str(script or "")
        try:
            self.pid = zygote.fork(request, [nothing, out_w, err_w, status_w])
        finally:
            for number in (nothing, out_w, err_w, status_w):
                os.close(number)
        self.stdout, self.stderr = os.fdopen(out_r), os.fdopen(err_r)
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        with self._waiting:
            if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
                self.returncode = os.waitstatus_to_exitcode(int.from_bytes(os.read(self._status, _SIZE), "big"))
                os.close(self._status)
            return self.returncode

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        until = None if timeout is None else time.monotonic() + timeout
        found: dict[int, str] = {}
        readers = [
            threading.Thread(target=lambda at=at, file=file: found.update({at: file.read()}), daemon=True)
            for at, file in enumerate((self.stdout, self.stderr))
            if file is not None and not file.closed
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if until is None else max(0.0, until - time.monotonic()))
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        return found.get(0, ""), found.get(1, "")

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
