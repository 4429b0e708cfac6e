"""The web page of a bot and its API, as an interface tentacle: the hook.

Built on `loligo.api` and nothing else of ours; imports among its own modules are relative, so that two versions live
side by side in one bot.
"""

from __future__ import annotations

from typing import Any

from loligo.api import Factory, MakeContext, hookimpl

from .settings import WebSettings


@hookimpl
def interface() -> Factory:
    return Factory(settings=WebSettings, create=_create)


def _create(settings: WebSettings, context: MakeContext) -> Any:
    from .server import WebInterface  # aiohttp takes half a second, and verbs that only list tentacles need none of it

    return WebInterface(settings, context)
