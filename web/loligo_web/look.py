"""How a page is made: templates, what all of them know, and the twin of each page as JSON.

Templates are read once, when the page is made, so that one version never mixes with the files of the next; what both
have is compiled once. Everything that comes from outside is escaped by jinja; no template marks anything as safe.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from aiohttp import web
from jinja2 import BytecodeCache, DictLoader, Environment, StrictUndefined
from jinja2.bccache import Bucket
from pydantic import BaseModel, TypeAdapter

from . import wording
from .access.gate import CALLER
from .assets import ASSETS
from .repairs import repair

HERE = Path(__file__).parent
LOOK = web.AppKey("look", Environment)
MENU = web.AppKey("menu", tuple)
_PLAIN = TypeAdapter(Any)


class _Compiled(BytecodeCache):
    """Templates that an earlier page of this process had: compiling all of them takes a second."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, CodeType]] = {}  # by name: hash of the text, and its code

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._known.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._known[bucket.key] = bucket.checksum, bucket.code


_compiled = _Compiled()


def environment() -> Environment:
    folder = HERE / "templates"
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.html"))}
    look = Environment(
        loader=DictLoader(texts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_compiled,
    )
    look.filters.update(wording.FILTERS)
    look.filters["repair"] = repair
    look.globals["MINUS"], look.globals["DASH"] = wording.MINUS, wording.DASH
    return look


def render(request: web.Request, template: str, data: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """Return a page, or a part of one."""
    caller = request.get(CALLER)
    known = {
        "caller": caller,
        "csrf": caller.csrf if caller else "",
        "asset": request.app[ASSETS].url,
        "menu": request.app[MENU],
        "path": request.path,
        "new_key": new_key,
        "frame": None,
    }
    text = request.app[LOOK].get_template(template).render({**known, **data})
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8", headers={"Cache-Control": "no-store"}
    )


def twin(data: Mapping[str, Any]) -> web.Response:
    """Return the content of a page as JSON."""
    plain = {name: one.model_dump(mode="json") if isinstance(one, BaseModel) else one for name, one in data.items()}
    return web.Response(
        body=_PLAIN.dump_json(plain), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def new_key() -> str:
    """Return a key for one change, so that a click that is sent twice is done once."""
    return secrets.token_hex(12)
