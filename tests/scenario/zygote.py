"""A process that has imported what `loligo` imports and does nothing but fork: half of what a short command costs is
its imports. Run as a script; its only argument is the descriptor of a socket (`tests.scenario.forked` is the other
end).

    request    4 bytes length, JSON {"arguments", "environment", "cwd", "script"}, with stdin, stdout, stderr and a pipe
    answer     4 bytes: the pid; into the pipe come 4 bytes when the child has ended: its wait status

Verifiers that its children want come from here, too: a message {"paths", "environment"} with the verifier's socket and
a pipe, into which come the pid and then the status. Those of other tests start as a user's do.

What must hold: it has one thread, and a child is told from a process of its own by nothing but its start: environment,
folder, signals and standard streams are those of the request; at its end it waits for threads and runs what is
registered, as the interpreter does.
"""

from __future__ import annotations

import asyncio
import atexit
import faulthandler
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, ClassVar

PRELOADED = (  # what a bot at work or a short command has imported; none of it begins a thread
    *(
        "loligo_bot.cli.command_line",
        "loligo_bot.run",
        "loligo_bot.backtest",
        "loligo_kit.listing",
        "loligo.host.verifier",
        "loligo_verifier.process",
    ),
    *("numpy", "pyarrow.parquet", "pyarrow.compute", "aiohttp.web", "jinja2", "prometheus_client", "rich.live"),
    *("sqlalchemy.dialects.sqlite", "alembic.command", "alembic.config"),
    *("markdown_it", "pygments.lexers", "watchdog.observers", "argon2", "segno"),
)
_SIZE = 4
_LONGEST = 65_536  # bytes of a wish


def serve(control: socket.socket, wishes: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork for each request; return the request and its descriptors in each child, None here at the end. `wishes` is
    where children ask for verifiers."""
    ended_r, ended_w = os.pipe()
    os.set_blocking(ended_w, False)
    signal.set_wakeup_fd(ended_w)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipes: dict[int, int] = {}  # of a child's pid
    while True:
        ready, _, _ = select.select([control.fileno(), wishes.fileno(), ended_r], [], [])
        if ended_r in ready:
            os.read(ended_r, 4_096)
            _reap(pipes)
        if wishes.fileno() in ready:
            body, descriptors, _, _ = socket.recv_fds(wishes, _LONGEST, 2)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for number in (ended_r, ended_w, control.fileno(), wishes.fileno(), descriptors[1], *pipes.values()):
                    os.close(number)
                verify(json.loads(body), descriptors[0])
            pipes[pid] = descriptors[1]
            os.close(descriptors[0])
            with suppress(BrokenPipeError):  # who asked was killed meanwhile
                os.write(pipes[pid], pid.to_bytes(_SIZE, "big"))
        if control.fileno() not in ready:
            continue
        found = _request(control)
        if found is None:
            return None
        request, descriptors = found
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (ended_r, ended_w, *pipes.values(), descriptors.pop()):
                os.close(number)
            control.close()
            wishes.close()
            return request, descriptors
        pipes[pid] = descriptors.pop()
        for number in descriptors:
            os.close(number)
        control.sendall(pid.to_bytes(_SIZE, "big"))


def _request(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    head, descriptors, _, _ = socket.recv_fds(control, _SIZE, 4)
    if not head:
        return None
    left, body = int.from_bytes(head, "big"), b""
    while len(body) < left:
        body += control.recv(left - len(body))
    return json.loads(body), descriptors


def _reap(pipes: dict[int, int]) -> None:
    while pipes:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        pipe = pipes.pop(pid)
        with suppress(BrokenPipeError):  # nobody asks any more
            os.write(pipe, status.to_bytes(_SIZE, "big"))
        os.close(pipe)


def verify(wish: dict[str, Any], handle: int) -> None:
    """Be the verifier of one bot, and end with it."""
    from loligo_verifier.process import serve as judge

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.environ.clear()
    os.environ.update(wish["environment"])
    os.chdir("/")
    sys.path[:] = wish["paths"]
    code = 1
    try:
        judge(handle)
        code = 0
    finally:
        os._exit(code)


class Verifier:
    """What `loligo_verifier.client` has of `subprocess.Popen`: a process that the zygote forks."""

    wishes: ClassVar[socket.socket]

    def __init__(self, command: list[str], *, env: dict[str, str], pass_fds: list[int], **_: Any) -> None:
        self._status, status_w = os.pipe()
        wish = json.dumps({"paths": command[5:], "environment": env}).encode()
        socket.send_fds(self.wishes, [wish], [*pass_fds, status_w])
        os.close(status_w)
        self.pid = int.from_bytes(os.read(self._status, _SIZE), "big")
        self._has_ended = False

    def poll(self) -> int | None:
        return self.wait() if self._has_ended or select.select([self._status], [], [], 0)[0] else None

    def wait(self) -> int:
        if not self._has_ended:
            os.read(self._status, _SIZE)
            os.close(self._status)
            self._has_ended = True
        return 0


def become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Make of this child what a new process would be."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv[:] = [request["script"] or "-c", *request["arguments"]]
    wanted = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [os.path.dirname(request["script"]), *wanted, *(path for path in sys.path[1:] if path not in wanted)]
    signal.signal(signal.SIGUSR2, tell_where)
    client: Any = importlib.import_module("loligo_verifier.client")
    client.subprocess = SimpleNamespace(Popen=Verifier, DEVNULL=subprocess.DEVNULL)


def tell_where(*_: object) -> None:
    """Write into "stacks.txt" of its folder where each thread is, and each task with what it knows there."""
    with open("stacks.txt", "w") as file:
        faulthandler.dump_traceback(file)
        with suppress(RuntimeError):  # no loop runs
            for task in asyncio.all_tasks():
                task.print_stack(file=file)
                known = [
                    (name, str(value)[:100]) for frame in task.get_stack() for name, value in frame.f_locals.items()
                ]
                print(*known, "", sep="\n", file=file)


def leave() -> None:
    """Run the command, or the script, and end as an interpreter does, but without taking everything apart that was
    imported."""
    from loligo_bot.cli.command_line import run

    code = 1
    try:
        if sys.argv[0] == "-c":
            code = run(sys.argv[1:])
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
            code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter's end does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def import_bundled() -> None:
    """Import the tentacles that every bot begins with, and what the page's templates are compiled to."""
    from loligo.host import bundled_root
    from loligo.host.finder import import_tree
    from loligo.host.loader import Sources, read_version
    from loligo.registry.content import CONTENT_FOLDER, ContentStore
    from loligo.registry.registry_file import load_registry

    root = bundled_root()
    sources = Sources(roots=(root,), store=ContentStore(root / CONTENT_FOLDER))
    for entry in load_registry(root / "tentacle_registry.json").tentacles:
        if entry.enabled:
            version = read_version(entry, sources)
            import_tree(version.package, version.files, version.folder)
            if entry.slot == "interface web" and f"{os.sep}web" in os.environ.get("PYTHONPATH", ""):
                importlib.import_module(f"{version.package}.server")
                look = importlib.import_module(f"{version.package}.look").environment()
                for name in look.list_templates():
                    look.get_template(name)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = ""  # as of `python -c`
    for name in PRELOADED:
        importlib.import_module(name)
    verbs = importlib.import_module("loligo_bot.cli.command_line").command()
    for name in verbs.list_commands(None):
        verbs.get_command(None, name)
    import_bundled()
    gc.collect()
    gc.freeze()  # a collection in a child would write to all of it, and so copy it
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would not be in the children"
    wishes, Verifier.wishes = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = serve(control, wishes)
    if child is not None:
        become(*child)
        leave()


if __name__ == "__main__":
    main()
