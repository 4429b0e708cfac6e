"""Shared views as verbs of the page: links by which investors see results, each with an end and what it shows."""

from __future__ import annotations

import sqlite3
from typing import ClassVar, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from loligo.api import Answer, BadArguments, NotFound, Role

from .access.gate import KEEPER, address_of, base_url, caller_of
from .access.keeper import check_name
from .access.passwords import hash_secret, new_secret
from .access.verbs import name_field
from .hooks import HOOKS
from .own import Asked, Done, Made, OwnVerb, own

DAY_S = 86_400.0


class ShareRow(BaseModel):
    name: str
    person: str
    shows: list[str] = Field(description="besides percentages")
    made_s: float = Field(description="seconds since 1970")
    until_s: float = Field(description="when it ends, seconds since 1970")
    used_s: float | None


class ShareRows(Answer):
    shares: list[ShareRow]


class ShareAsked(Asked):
    name: str = name_field("for whom; who has the link sees it")
    days: int = Field(default=30, ge=1, le=365, description="after which it ends")
    shows: list[Literal["amounts", "positions", "strategies"]] = Field(
        default=[], max_length=3, description="besides percentages"
    )


class ShareMade(Made):
    secrets: ClassVar[frozenset[str]] = frozenset({"link"})
    name: str
    until_s: float = Field(description="when it ends, seconds since 1970")
    link: str | None = Field(description="told this once; null when the same key asks again")


class ShareNamed(Asked):
    name: str = Field(max_length=64, description="of the shared view")


def _shares(request: web.Request, _given: Asked) -> ShareRows:
    return ShareRows(
        shares=[
            ShareRow(
                name=one.name,
                person=one.person,
                shows=sorted(one.shows),
                made_s=one.made_s,
                until_s=one.until_s,
                used_s=one.used_s,
            )
            for one in request.app[HOOKS].store.shares(request.app[KEEPER].now_s)
        ]
    )


def _make(request: web.Request, given: ShareAsked) -> ShareMade:
    caller, keeper, secret = caller_of(request), request.app[KEEPER], new_secret()
    check_name(given.name)
    shows, until_s = sorted(set(given.shows)), keeper.now_s + given.days * DAY_S
    try:
        request.app[HOOKS].store.add_share(hash_secret(secret), given.name, caller.name, shows, keeper.now_s, until_s)
    except sqlite3.IntegrityError as exc:
        told = f'"{given.name}" is taken; choose another name'
        raise BadArguments(told, {"name": told}) from exc
    what = f", with {', '.join(shows)}" if shows else ""
    keeper.note(caller.actor.name, f'shared a view as "{given.name}" for {given.days} days{what}', address_of(request))
    return ShareMade(name=given.name, until_s=until_s, link=f"{base_url(request)}/investor/{secret}")


def _remove(request: web.Request, given: ShareNamed) -> Done:
    keeper, store = request.app[KEEPER], request.app[HOOKS].store
    found = next((one for one in store.shares(keeper.now_s) if one.name == given.name), None)
    if found is None:
        raise NotFound(f'there is no shared view "{given.name}"')
    store.remove_share(found.id)
    keeper.note(caller_of(request).actor.name, f'took back the shared view "{found.name}"', address_of(request))
    return Done(message=f"the shared view {found.name} is taken back")


_ADMIN = Role.ADMIN
VERBS: tuple[OwnVerb, ...] = (
    own("access.shares", "shared views: results for people without an account", _ADMIN, Asked, ShareRows, _shares),
    own("access.shares.make", "make a link that shows results", _ADMIN, ShareAsked, ShareMade, _make, changes=True),
    own("access.shares.remove", "take a shared view back", _ADMIN, ShareNamed, Done, _remove, changes=True),
)
