"""A proxy as companies have them: all outside is reached through it, by CONNECT, and it holds certificates of its
own for every host. It answers each request itself, with 503, and keeps what was asked for."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Condition, Thread

import pytest

LIMIT_S = 60.0
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Proxy:
    address: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)  # host and port, and the request line inside
    came: Condition = field(default_factory=Condition)

    def until(self, *hosts: str) -> dict[str, str]:
        """Return the first request line for each of the hosts, waiting for them."""
        with self.came:
            assert self.came.wait_for(lambda: set(hosts) <= {host for host, _ in self.seen}, LIMIT_S), self.seen
            return {host: line for host, line in reversed(self.seen)}


def certificate(folder: Path, hosts: Sequence[str]) -> Path:
    """Return a file with a key and a certificate for hosts, made by openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate for a TLS proxy")
    file, names = folder / "proxy.pem", ",".join(f"DNS:{host}" for host in hosts)
    command = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=proxy -addext subjectAltName={names}"
    made = ["-keyout", str(file), "-out", str(folder / "public.pem")]
    subprocess.run(["openssl", *command.split(), *made], capture_output=True, check=True)
    file.write_text(file.read_text() + (folder / "public.pem").read_text())
    return file


@contextmanager
def proxy(file: Path) -> Iterator[Proxy]:
    found, tls = Proxy(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)

    class Tunnel(StreamRequestHandler):
        def handle(self) -> None:
            host = self.rfile.readline().decode().split(" ")[1]
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with suppress(OSError), tls.wrap_socket(self.request, server_side=True) as inside:  # it may not trust us
                line = inside.recv(65_536).decode(errors="replace").partition("\r\n")[0]
                inside.sendall(BUSY)
                with found.came:
                    found.seen.append((host, line))
                    found.came.notify_all()

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Tunnel) as server:
        found.address = f"http://127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
