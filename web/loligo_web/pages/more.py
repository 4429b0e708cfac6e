"""All pages in one list, for the phone; and the description of the API for people."""

from __future__ import annotations

from aiohttp import web

from ..look import MENU
from ..rest import DOOR
from .page import show


def routes() -> list[web.RouteDef]:
    return [web.get("/more", _more), web.get("/api", _api)]


async def _more(request: web.Request) -> web.Response:
    pages = [{"path": page.path, "label": page.label} for page in request.app[MENU]]
    return await show(request, "more.html", {"pages": pages}, more={"items": request.app[MENU]})


async def _api(request: web.Request) -> web.Response:
    verbs = sorted(request.app[DOOR].verbs.values(), key=lambda verb: verb.name)
    rows = [
        {
            "name": verb.name,
            "method": "POST" if verb.changes else "GET",
            "path": f"/api/v1/{verb.name.replace('.', '/')}",
            "role": verb.role.name.lower(),
            "summary": verb.summary,
            "arguments": list(verb.arguments.model_fields),
        }
        for verb in verbs
    ]
    return await show(request, "api.html", {"verbs": rows})
