"""Gets the bytes behind an http(s) URL, from a server that may be slow, endless or hostile.

There is a time-out per wait and one for the whole, a limit of bytes and one of redirects, and no redirect leads from
https to http. No cookie, password or referrer is sent and no proxy is used. Blocks: call it off the event loop.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import monotonic
from urllib.parse import SplitResult, urljoin, urlsplit

from loligo.errors import TentacleError

_REDIRECTS = {301, 302, 303, 307, 308}
_CHUNK_BYTES = 64 * 2**10


class SourceUnavailable(TentacleError):
    """A source could not be reached or did not give what was asked for; trying later may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long, and how far, a source is followed."""

    wait_s: float = 10.0  # for each answer of the other side
    total_s: float = 120.0  # for everything
    redirects: int = 5


PATIENCE = Patience()


def check_url(url: str) -> SplitResult:
    """Return the parts of an http(s) URL. TentacleError when it is none, or holds a user or a password."""
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise TentacleError(f"{url!a}: not a URL: {exc}") from exc
    if "@" in parts.netloc:
        raise TentacleError(f"the URL of {parts.hostname} holds a user or a password, which would end up in files")
    if not is_http or not url.isascii() or any(char <= " " for char in url):
        raise TentacleError(f"{url!a}: expected an address such as https://example.org/rsi-1.0.0.zip")
    return parts


def download(url: str, *, max_bytes: int, patience: Patience = PATIENCE, tls: ssl.SSLContext | None = None) -> bytes:
    """Return the body behind `url`.

    `tls` replaces the system's certificates. SourceUnavailable when it cannot be had in time, TentacleError when it is
    too large or led astray.
    """
    ends_at = monotonic() + patience.total_s
    for _ in range(patience.redirects + 1):
        found = _get(url, max_bytes, patience, ends_at, tls)
        if isinstance(found, bytes):
            return found
        url = _redirected(url, found)
    raise SourceUnavailable(f"{url}: more than {patience.redirects} redirects; name the final address")


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
    except ValueError as exc:
        raise TentacleError(f"{url}: redirected to {location!a}, which is no address") from exc
    if check_url(target).scheme == "http" and urlsplit(url).scheme == "https":
        raise TentacleError(f"{url}: redirected to {target}, which is not encrypted; nothing was fetched")
    return target


def _get(url: str, max_bytes: int, patience: Patience, ends_at: float, tls: ssl.SSLContext | None) -> bytes | str:
    """Return the body behind `url`, or the address that it redirects to."""
    try:
        with _connected(url, patience, ends_at, tls) as connection:
            parts = urlsplit(url)
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request("GET", target, headers={"Accept-Encoding": "identity", "User-Agent": "loligo"})
            response = connection.getresponse()
            location = response.headers["Location"]
            if response.status in _REDIRECTS and location:
                return location
            _check_response(url, response, max_bytes)
            body = _body(url, response, max_bytes)
            if monotonic() >= ends_at:  # a body without a length looks whole when it was cut
                raise TimeoutError("cut")
            return body
    except (OSError, HTTPException, ValueError) as exc:
        is_late = monotonic() >= ends_at or isinstance(exc, TimeoutError)
        told = f"no answer in {patience.total_s:g} s" if is_late else f"{type(exc).__name__} {exc}"
        raise SourceUnavailable(f"{url}: {told}; try again later") from exc


@contextmanager
def _connected(
    url: str, patience: Patience, ends_at: float, tls: ssl.SSLContext | None
) -> Iterator[HTTPConnection | HTTPSConnection]:
    """Give a connection to the server of `url` that is cut at `ends_at`, however slowly the other side trickles."""
    parts, left_s = check_url(url), ends_at - monotonic()
    if left_s <= 0:
        raise TimeoutError("no time left")
    wait_s = min(patience.wait_s, left_s)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=wait_s)
    if parts.scheme == "https":
        context = tls or ssl.create_default_context()
        connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=wait_s, context=context)
    try:
        connection.connect()
        cut = threading.Timer(max(0.0, ends_at - monotonic()), _cut, [connection.sock])
        cut.daemon = True
        cut.start()
        try:
            yield connection
        finally:
            cut.cancel()
    finally:
        connection.close()


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):  # closed in this moment
        socket.socket.shutdown(connected, socket.SHUT_RDWR)  # not TLS's own, which is not for other threads


def _check_response(url: str, response: HTTPResponse, max_bytes: int) -> None:
    if response.status != 200:
        raise SourceUnavailable(f"{url}: the server answered {response.status} {response.reason!a}; expected 200")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise TentacleError(
            f"{url}: sent as {response.headers['Content-Encoding']!a}, though only identity was asked for"
        )
    if response.length is not None and response.length > max_bytes:
        raise TentacleError(f"{url}: {response.length:,} bytes, at most {max_bytes:,}; nothing was fetched")


def _body(url: str, response: HTTPResponse, max_bytes: int) -> bytes:
    body = bytearray()
    expected = response.length
    while chunk := response.read1(_CHUNK_BYTES):  # returns with what is there, so that the limit holds at once
        body += chunk
        if len(body) > max_bytes:
            raise TentacleError(f"{url}: more than {max_bytes:,} bytes; nothing was kept")
    if expected is not None and len(body) != expected:
        raise ConnectionError(f"the connection broke after {len(body):,} of {expected:,} bytes")
    return bytes(body)
