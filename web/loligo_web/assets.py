"""Files for the browser: our own and those of others, in memory, each under a URL that holds its hash.

    /static/page-3f9c1b2a.css       ours, from `static/`
    /static/htmx-4.0.1.min-a0abb04f.js    others', from the package `loligo_browser`, as `VENDOR.toml` pins them

What must hold: a file of others whose hash is not the pinned one is not served, and the page does not start. What is
served under one URL never changes, so browsers keep it for a year.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from aiohttp import hdrs, web

from loligo.api import TentacleError

from .access.gate import is_open

HERE = Path(__file__).parent
PREFIX = "/static/"
PINS = HERE / "VENDOR.toml"
LIBRARIES = "loligo_browser"  # the package that holds what others wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    content: bytes
    kind: str

    @property
    def zipped(self) -> bytes:
        return _zipped(self.content)


@lru_cache(maxsize=64)  # when it is first asked for, and once for all versions of the page
def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


class Assets:
    """Every file by its URL."""

    def __init__(self) -> None:
        self._by_url: dict[str, _Asset] = {}
        self._urls: dict[str, str] = {}
        for name, content in {**pinned(PINS.read_text(), files(LIBRARIES)), **_ours()}.items():
            stem, dot, ending = name.rpartition(".")
            url = f"{PREFIX}{stem}-{hashlib.sha256(content).hexdigest()[:12]}{dot}{ending}"
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            self._urls[name] = url
            self._by_url[url] = _Asset(content=content, kind=kind)

    def url(self, name: str) -> str:
        """Return where the browser finds a file. KeyError for one that is not there, which is a fault of a template."""
        return self._urls[name]

    def size(self, url: str) -> int:
        """Return how many bytes travel for a URL."""
        return len(self._by_url[url].zipped)

    def response(self, request: web.Request) -> web.Response:
        found = self._by_url.get(request.path)
        if found is None:
            raise web.HTTPNotFound(text="there is no such file")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            return web.Response(
                body=found.zipped, content_type=found.kind, headers={**headers, "Content-Encoding": "gzip"}
            )
        return web.Response(body=found.content, content_type=found.kind, headers=headers)


ASSETS = web.AppKey("assets", Assets)


@is_open
async def serve(request: web.Request) -> web.Response:
    return request.app[ASSETS].response(request)


def routes() -> list[web.RouteDef]:
    return [web.get(f"{PREFIX}{{name:.+}}", serve)]


def _ours() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((HERE / "static").iterdir()) if path.is_file()}


def pinned(pins: str, folder: Traversable) -> dict[str, bytes]:
    """Return the files that `VENDOR.toml` names. TentacleError when one is missing or not the pinned one."""
    found = {}
    for pin in tomllib.loads(pins)["files"]:
        try:
            content = folder.joinpath(pin["name"]).read_bytes()
        except OSError as exc:
            raise TentacleError(f"{pin['name']} is missing: run `make setup`, or install Loligo again") from exc
        if (digest := hashlib.sha256(content).hexdigest()) != pin["sha256"]:
            raise TentacleError(f"{pin['name']}: sha256 is {digest}, VENDOR.toml wants {pin['sha256']}; install again")
        found[pin["name"]] = content
    return found
