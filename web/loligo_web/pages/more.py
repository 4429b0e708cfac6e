"""All pages in one list, for the phone; the description of the API for people; and what a phone asks of a page."""

from __future__ import annotations

from aiohttp import web

from ..access.gate import is_open
from ..assets import ASSETS
from ..look import MENU
from ..rest import verbs_of
from .page import show


def routes() -> list[web.RouteDef]:
    return [web.get("/more", _more), web.get("/api", _api), web.get("/app.webmanifest", _manifest)]


@is_open  # browsers ask for it without a cookie
async def _manifest(request: web.Request) -> web.Response:
    """Return what a phone needs to put the page on its home screen."""
    icon = {"src": request.app[ASSETS].url("icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    look = {"display": "standalone", "background_color": "#0a0f16", "theme_color": "#0b7285"}
    told = {"name": "Loligo", "short_name": "Loligo", "start_url": "/", "scope": "/", **look, "icons": [icon]}
    return web.json_response(told, content_type="application/manifest+json", headers={"Cache-Control": "no-cache"})


async def _more(request: web.Request) -> web.Response:
    pages = [{"path": page.path, "label": page.label} for page in request.app[MENU]]
    return await show(request, "more.html", {"pages": pages}, more={"items": request.app[MENU]})


async def _api(request: web.Request) -> web.Response:
    verbs = sorted(verbs_of(request).values(), key=lambda verb: verb.name)
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
