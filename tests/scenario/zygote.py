"""A process that has imported what `loligo` imports and does nothing but fork: half of what a short command costs is
its imports. Run as a script; its only argument is the descriptor of a socket (`tests.scenario.forked` is the other
end).

    request    4 bytes length, JSON {"arguments", "environment", "cwd", "script"}, with stdin, stdout, stderr and a pipe
    answer     4 bytes: the pid; into the pipe come 4 bytes when the child has ended: its wait status

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
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Any

PRELOADED = (  # what a bot at work or a short command has imported; none of it begins a thread
    *(
        "loligo_bot.cli.command_line",
        "loligo_bot.run",
        "loligo_bot.backtest",
        "loligo_kit.listing",
        "loligo.host.verifier",
    ),
    *("numpy", "pyarrow.parquet", "pyarrow.compute", "aiohttp.web", "jinja2", "prometheus_client", "rich.live"),
    *("alembic.command", "alembic.config", "markdown_it", "pygments.lexers", "watchdog.observers", "argon2", "segno"),
)
_SIZE = 4


def serve(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork for each request; return the request and its descriptors in each child, None here at the end."""
    ended_r, ended_w = os.pipe()
    os.set_blocking(ended_w, False)
    signal.set_wakeup_fd(ended_w)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipes: dict[int, int] = {}  # of a child's pid
    while True:
        ready, _, _ = select.select([control.fileno(), ended_r], [], [])
        if ended_r in ready:
            os.read(ended_r, 4_096)
            _reap(pipes)
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


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = ""  # as of `python -c`
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("loligo_bot.cli.command_line").command()
    gc.collect()
    gc.freeze()  # a collection in a child would write to all of it, and so copy it
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would not be in the children"
    child = serve(control)
    if child is not None:
        become(*child)
        leave()


if __name__ == "__main__":
    main()
