"""A private PostgreSQL server for tests: real, empty, on a free loopback port, gone when the session ends.

Binaries are looked for in PostgreSQL's usual places; where they lack, root installs them from the system's packages.
Without them a run under CI=true fails, any other skips with the reason. Nothing is written to disk safely (fsync off).
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from tests.fakes.system_packages import POSTGRESQL, install

START_TIMEOUT_S = 60
_USER = "loligo"  # of the database, not of the system
_SYSTEM_USER = "postgres"  # initdb refuses to run as root


class PostgresMissing(Exception):
    """No server can be started here; the message says why."""


class PostgresServer:
    """A running server that hands out empty databases."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._count = 0

    def new_database(self) -> str:
        """Return the URL of a new, empty database."""
        self._count += 1
        name = f"loligo_{self._count}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._address(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, with whatever is still connected to it."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _address(self, name: str) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{name}"


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server and stop it at the end. PostgresMissing if there are no binaries and none can be installed."""
    binaries = _binaries() or _installed()
    folder = Path(tempfile.mkdtemp(prefix="loligo-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _SYSTEM_USER, pwd.getpwnam(_SYSTEM_USER).pw_gid)
        data = folder / "data"
        _run(folder, binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        port = _free_port()
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        start = ("-D", data, "-w", "-t", START_TIMEOUT_S, "-l", folder / "log", "-o", options, "start")
        _run(folder, binaries / "pg_ctl", *start)
        try:
            yield PostgresServer(port)
        finally:
            _run(folder, binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    """Return the folder of the newest server's programs."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _installed() -> Path:
    """Install the server where that is possible, and return the folder of its programs."""
    failed = install(*POSTGRESQL)
    binaries = _binaries()
    if binaries is None:
        raise PostgresMissing(f"PostgreSQL is not installed: {failed or 'its programs are not where they should be'}")
    return binaries


def _run(folder: Path, *command: object) -> None:
    arguments = [str(part) for part in command]
    if os.geteuid() == 0:
        arguments = ["setpriv", f"--reuid={_SYSTEM_USER}", f"--regid={_SYSTEM_USER}", "--init-groups", *arguments]
    # The server inherits these files; a pipe would keep the caller waiting for as long as it runs.
    with (folder / "setup.log").open("a+") as log:
        done = subprocess.run(arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode != 0:
            log.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} failed ({done.returncode}):\n{log.read()}")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
