"""Sign-in, sign-out, and the links that make the owner or let somebody else in."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from loligo.api import BadArguments, Denied

from ..access.gate import CALLER, KEEPER, address_of, caller_of, is_open, set_cookie
from ..look import render


def routes() -> list[web.RouteDef]:
    return [
        web.get("/sign-in", _ask),
        web.post("/sign-in", _sign_in),
        web.post("/sign-out", _sign_out),
        web.get("/join/{secret}", _invited),
        web.post("/join/{secret}", _join),
    ]


@is_open
async def _ask(request: web.Request) -> web.StreamResponse:
    if CALLER in request:
        return _go(_inside(request.query.get("next", "")))
    return _form(request, next=_inside(request.query.get("next", "")))


def _form(request: web.Request, *, next: str, name: str = "", fault: str = "", status: int = 200) -> web.Response:
    is_new = not request.app[KEEPER].store.has_people()
    data = {"next": next, "name": name, "fault": fault, "is_new": is_new}
    return render(request, "sign_in.html", data, status=status)


@is_open
async def _sign_in(request: web.Request) -> web.StreamResponse:
    form = {name: str(value) for name, value in (await request.post()).items()}
    name, target = form.get("name", "").strip(), _inside(form.get("next", ""))
    agent = request.headers.get("User-Agent", "")
    try:
        cookie = await request.app[KEEPER].sign_in(
            name, form.get("password", ""), form.get("code", ""), address_of(request), agent
        )
    except Denied as exc:
        return _form(request, next=target, name=name, fault=f"{exc}", status=403)
    response = _go(target)
    _keep(request, response, cookie)
    return response


async def _sign_out(request: web.Request) -> web.StreamResponse:
    request.app[KEEPER].sign_out(caller_of(request), address_of(request))
    response = _go("/sign-in")
    set_cookie(request, response, "", 0)
    return response


@is_open
async def _invited(request: web.Request) -> web.Response:
    return _welcome(request, {}, "", 200)


def _welcome(request: web.Request, faults: dict[str, str], name: str, status: int) -> web.Response:
    keeper = request.app[KEEPER]
    role = keeper.invited_as(request.match_info["secret"])
    data = {"role": role.name.lower(), "is_first": not keeper.store.has_people(), "faults": faults, "name": name}
    return render(request, "join.html", data, status=status)


@is_open
async def _join(request: web.Request) -> web.StreamResponse:
    form = {name: str(value) for name, value in (await request.post()).items()}
    name, agent = form.get("name", "").strip(), request.headers.get("User-Agent", "")
    secret, address = request.match_info["secret"], address_of(request)
    try:
        cookie = await request.app[KEEPER].accept(
            secret, name, form.get("password", ""), form.get("repeated", ""), address, agent
        )
    except BadArguments as exc:
        return _welcome(request, exc.problems, name, 422)
    response = _go("/")
    _keep(request, response, cookie)
    return response


def _keep(request: web.Request, response: web.StreamResponse, cookie: str) -> None:
    set_cookie(request, response, cookie, request.app[KEEPER].session_s)


def _go(target: str) -> web.Response:
    return web.Response(status=303, headers={"Location": target, "Cache-Control": "no-store"})


def _inside(target: str) -> str:
    """Return where to go on, a page of ours and of nobody else."""
    parts = urlsplit(target)
    is_ours = (
        target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc and "\\" not in target
    )
    return target if is_ours and target.isprintable() else "/"
