"""Access: oneself (password, code), people, tokens, and who did what to access. Nothing of it concerns the bot.

All but oneself is asked of the verbs of the page, as programs ask them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, NotFound, Role

from ..access.gate import KEEPER, address_of, caller_of
from ..access.passwords import code_picture, code_secret, code_uri
from ..own import ask_own
from .page import Page, offers, show

DEEDS = 30
Form = dict[str, str]
_DOORS = (  # the verb behind it, where it is, and what
    ("signal.publish", "/access/hooks", "Webhooks", "TradingView alerts and signed messages come in"),
    ("track_record", "/access/shares", "Shared views", "results in percent for people without an account"),
)
_DOORS_NEED = {"signal.publish": Role.TRADE, "track_record": Role.ADMIN}


async def _access(request: web.Request) -> web.Response:
    return await _shown(request)


async def _shown(
    request: web.Request,
    *,
    faults: dict[str, str] | None = None,
    at: str = "",
    secret: str = "",
    status: int = 200,
    once: Form | None = None,
) -> web.Response:
    """Return the page. `once` is what is shown now and never again, a new token or link."""
    caller, store = caller_of(request), request.app[KEEPER].store
    is_admin = caller.actor.role >= Role.ADMIN
    person = store.person(caller.name)
    data: dict[str, Any] = {
        "me": {
            "name": caller.name,
            "role": caller.actor.role.name.lower(),
            "has_code": bool(person and person.code_secret),
        },
        **ask_own(request, "access.tokens", {}).model_dump(),
        **(ask_own(request, "access.people", {}).model_dump() if is_admin else {"people": []}),
        **(ask_own(request, "access.people.invitations", {}).model_dump() if is_admin else {"invitations": []}),
        **(ask_own(request, "access.deeds", {"limit": DEEDS}).model_dump() if is_admin else {"deeds": []}),
    }
    secret = code_secret(secret)
    more = {
        "faults": faults or {},
        "at": at,
        "once": once or {},
        "secret": secret,
        "uri": code_uri(secret, caller.name),
        "picture": code_picture(secret, caller.name),
        "is_admin": is_admin,
        "doors": [one[1:] for one in _DOORS if offers(request, one[0]) and caller.actor.role >= _DOORS_NEED[one[0]]],
        "roles": [role.name.lower() for role in Role if role <= caller.actor.role],
    }
    return await show(request, "access.html", data, more=more, status=status)


async def _change(request: web.Request) -> web.StreamResponse:
    """Do what one of the page's forms says."""
    deed = request.match_info["deed"]
    if deed not in _DEEDS:
        raise NotFound(f'there is nothing to do called "{deed[:40]}"')
    form = {name: str(value) for name, value in (await request.post()).items()}
    try:
        once = await _DEEDS[deed](request, form)
    except BadArguments as exc:
        return await _shown(request, faults=exc.problems, at=deed, secret=form.get("secret", ""), status=422)
    if once:
        return await _shown(request, once=once)
    return web.Response(status=303, headers={"Location": "/access"})


async def _password(request: web.Request, form: Form) -> Form:
    given = [form.get(name, "") for name in ("old", "new", "repeated")]
    await request.app[KEEPER].change_password(caller_of(request), given[0], given[1], given[2], address_of(request))
    return {}


async def _code(request: web.Request, form: Form) -> Form:
    given = [form.get(name, "") for name in ("password", "secret", "code")]
    await request.app[KEEPER].set_code(caller_of(request), given[0], given[1], given[2], address_of(request))
    return {}


async def _drop_code(request: web.Request, form: Form) -> Form:
    await request.app[KEEPER].drop_code(caller_of(request), form.get("password", ""), address_of(request))
    return {}


def _asking(verb: str, *fields: str) -> Callable[[web.Request, Form], Awaitable[Form]]:
    """Return what asks a verb of the page with these fields of a form, and shows what it tells."""

    async def asked(request: web.Request, form: Form) -> Form:
        answer = ask_own(request, verb, {name: form.get(name, "").strip() for name in fields})
        return {name: getattr(answer, name) for name in getattr(answer, "secrets", ())}

    return asked


_DEEDS: dict[str, Callable[[web.Request, Form], Awaitable[Form]]] = {
    "password": _password,
    "code": _code,
    "drop-code": _drop_code,
    "token": _asking("access.tokens.make", "name", "role"),
    "remove-token": _asking("access.tokens.revoke", "name"),
    "invite": _asking("access.people.invite", "role"),
    "remove-invitation": _asking("access.people.invitations.revoke", "id"),
    "person": _asking("access.people.role", "name", "role"),
    "remove-person": _asking("access.people.remove", "name"),
}

PAGE = Page(
    path="/access",
    label="Access",
    icon="access",
    routes=(web.get("/access", _access), web.post("/access/{deed}", _change)),
)
