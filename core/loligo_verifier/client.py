"""Asks a process of its own whether a tentacle's version may be loaded, and gets its code objects from there.

    version ─► verifier process (kept warm): parse, lint, compile ─► a fork of it: run, check, round trip ─► verdict

Code of strangers runs there first, with nothing of the bot in its memory or environment. Compiling holds the
interpreter's lock, so the bot only runs what was compiled there; the code objects are made before anything of the
tentacle has run, and only their making process could send others. A crash, a time-out or an answer that cannot be read
is a refusal; the next version meets a new process. One version is judged at a time; others wait for their turn.
"""

from __future__ import annotations

import marshal
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from loligo.errors import TentacleError
from loligo.host.finder import modules_of
from loligo.host.verifier import Findings, TentacleVersion, Verified
from loligo.registry.manifest import MANIFEST_FILE, SETTINGS_FILE
from loligo_packages.package_set import PackageSet

TIMEOUT_S = 20.0  # for one verdict
_START_S = 60.0  # for the process, on a machine that has much else to do: no verdict on anybody
_TELLING = (".py", ".dist-info/METADATA", ".dist-info/RECORD")
READY = b"ready"  # the first frame of a process that has started
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # or no fork is safe
_MAIN = "import sys; sys.path[:] = sys.argv[2:]; from loligo_verifier.process import serve; serve(int(sys.argv[1]))"


class Request(msgspec.Struct, kw_only=True):
    """One version to judge: its entry as JSON and its files, empty where they neither say nor do anything."""

    entry: bytes
    tree_hash: str
    folder: str
    files: dict[str, bytes]
    packages: dict[str, bytes] = {}  # that it brings, in the same way
    packages_hash: str = ""
    packages_folder: str = ""
    runs: bool = True  # or it is only read


class Reply(msgspec.Struct, kw_only=True):
    """The verdict: a refusal with reason and place, or code objects (marshalled) by path and findings.

    The code of its packages stands beside its own, by `loligo_packages.importing.code_path`."""

    refusal: str = ""
    code: dict[str, bytes] = {}
    findings: Findings | None = None


class ProcessVerifier:
    """One verifier process, started at the first need or by `warm`. All methods may be called from any thread."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, import_path: Sequence[str] = ()) -> None:
        """`import_path` is what the process may import from; empty is what this process may."""
        self._timeout_s = timeout_s
        self._import_path = tuple(import_path)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = socket.socket()
        self._is_ready = False

    def warm(self) -> None:
        """Start the process if it does not run, without waiting for it."""
        with self._turn:
            self._start()

    def verify(self, version: TentacleVersion, *, runs: bool = True) -> Verified:
        """Return the version's code and what was found. TentacleError says why it is refused, and where.

        Unless it `runs` there, only its source is read: nothing is known of hooks, calls, settings and state then.

        Blocks for as long as the process takes: call it off the event loop.
        """
        said = {path: version.files[path] for path in (MANIFEST_FILE, SETTINGS_FILE) if path in version.files}
        request = Request(
            entry=version.entry.model_dump_json().encode(),
            tree_hash=version.tree_hash,
            folder=str(version.folder),
            files=dict.fromkeys(version.files, b"") | modules_of(version.files) | said,
            packages=_telling(version.packages),
            packages_hash=version.packages.tree_hash,
            packages_folder=str(version.packages.folder),
            runs=runs,
        )
        began = time.monotonic()
        reply = self._ask(msgspec.msgpack.encode(request))
        if reply.findings is None:
            raise TentacleError(reply.refusal or "the verifier gave no reason")
        code = {path: marshal.loads(packed) for path, packed in reply.code.items()}
        return Verified(code=code, findings=reply.findings, took_ms=(time.monotonic() - began) * 1e3)

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._stop()

    def _ask(self, request: bytes) -> Reply:
        with self._turn:
            self._start()
            self._await_ready()
            try:
                send_frame(self._socket, request)
                return msgspec.msgpack.decode(receive_frame(self._socket), type=Reply)
            except TimeoutError as exc:
                self._stop()
                raise TentacleError(f"its code did not come to an end within {self._timeout_s:g} s") from exc
            except (OSError, EOFError, msgspec.MsgspecError) as exc:
                self._stop()
                raise TentacleError(f"its code broke the process that judges it: {exc or type(exc).__name__}") from exc

    def _await_ready(self) -> None:
        if self._is_ready:
            return
        self._socket.settimeout(_START_S)
        try:
            self._is_ready = receive_frame(self._socket) == READY
            self._socket.settimeout(self._timeout_s)
        except (OSError, EOFError) as exc:
            self._stop()
            raise TentacleError(f"cannot be judged, no verifier starts: {exc}; standard error says why") from exc

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._stop()
        self._is_ready = False
        self._socket, theirs = socket.socketpair()
        handle = str(theirs.fileno())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _MAIN, handle, *map(os.path.abspath, self._import_path or sys.path)],
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | _ONE_THREAD,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # so that its forks end with it
            )

    def _stop(self) -> None:
        self._socket.close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _telling(packages: PackageSet) -> dict[str, bytes]:
    """Return the files of a set, empty where they neither are modules nor tell of a package."""
    return {path: content if path.endswith(_TELLING) else b"" for path, content in packages.files.items()}


def send_frame(target: socket.socket, content: bytes) -> None:
    """Send bytes with their length in front."""
    target.sendall(len(content).to_bytes(4, "big") + content)


def receive_frame(source: socket.socket) -> bytes:
    """Return the bytes of one frame. EOFError at the end of the stream."""
    return _exactly(source, int.from_bytes(_exactly(source, 4), "big"))


def _exactly(source: socket.socket, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        if not (part := source.recv(count - len(content))):
            raise EOFError("it ended without an answer")
        content += part
    return bytes(content)
