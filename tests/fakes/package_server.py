"""A web server on this machine that answers as a test tells it, well or badly."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], object]


class PackageServer:
    """Answers by path; `seen` lists the paths that were asked for, `stopped` is set when it ends."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[str] = []
        self.stopped = threading.Event()
        self.url = ""

    def gives(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> str:
        """Answer `path` with a body and return the URL; `Content_Length` replaces the true one, "" leaves it out."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **_headers(headers)}.items():
                if value:
                    handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        return self.does(path, answer)

    def does(self, path: str, answer: Answer) -> str:
        """Answer `path` by a function and return the URL."""
        self.answers[path] = answer
        return self.url + path

    def trickle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer with one byte of a header now and then, until the server stops or nobody listens."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.stopped.wait(0.02):
            handler.wfile.write(b"x")


@contextmanager
def package_server(tls: ssl.SSLContext | None = None) -> Iterator[PackageServer]:
    """Run a server in a thread while the block runs."""
    server = PackageServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.seen.append(self.path)
            try:
                server.answers[self.path](self)
            except OSError:
                self.close_connection = True  # the client had enough

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


def _headers(given: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}
