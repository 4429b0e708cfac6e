"""Webhooks as verbs of the page: who outside may say something to the bot, and what came."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Annotated, ClassVar, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from loligo.api import Answer, BadArguments, NotFound, Role

from .access.gate import KEEPER, address_of, base_url, caller_of
from .access.keeper import check_name
from .access.passwords import hash_secret, new_secret
from .access.verbs import name_field
from .hooks import HOOKS
from .hooks_store import shown_secret
from .own import Asked, Done, Made, OwnVerb, own

Kind = Literal["tradingview", "signed"]


class HookRow(BaseModel):
    name: str
    kind: Kind
    source: str = Field(description="the name that evaluators listen to")
    instruments: list[str] = Field(description="of which it may speak; none: of all")
    has_secret: bool = Field(description="whether the message must hold a secret besides")
    ttl_s: float | None = Field(description="for how long a signal is good that does not say")
    person: str = Field(description="whose role it needs")
    made_s: float = Field(description="seconds since 1970")
    used_s: float | None


class HookRows(Answer):
    hooks: list[HookRow]


class CallsAsked(Asked):
    limit: int = Field(default=50, ge=1, le=500, description="at most so many, newest first")


class CallRow(BaseModel):
    ts_s: float = Field(description="seconds since 1970")
    hook: str
    address: str
    status: int = Field(description="that it was answered with")
    said: str
    seq: int | None = Field(description="of what was published")


class CallRows(Answer):
    calls: list[CallRow]


class HookAsked(Asked):
    name: str = name_field("of the new webhook; no other has it")
    kind: Kind = Field(description="TradingView, or a program that signs as Standard Webhooks has it")
    source: str = Field(max_length=64, description="the name that evaluators listen to: letters, digits and . _ -")
    instruments: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[], max_length=1000, description="of which it may speak; none: of all"
    )
    ttl_h: float | None = Field(
        default=None, gt=0, le=720, description="hours for which a signal is good that does not say"
    )
    secret: str = Field(
        default="", max_length=200, description="that TradingView's message must hold besides; of a signed one none"
    )


class HookMade(Made):
    secrets: ClassVar[frozenset[str]] = frozenset({"url", "secret"})
    name: str
    kind: Kind
    url: str | None = Field(
        description="where to send to; that of TradingView is told this once, null when asked again"
    )
    secret: str | None = Field(description="to sign with, told this once; of TradingView none")


class HookNamed(Asked):
    name: str = Field(max_length=64, description="of the webhook")


def _hooks(request: web.Request, _given: Asked) -> HookRows:
    return HookRows(
        hooks=[
            HookRow(
                name=one.name,
                kind="signed" if one.kind == "signed" else "tradingview",
                source=one.source,
                instruments=list(one.instruments),
                has_secret=one.secret_hash is not None,
                ttl_s=one.ttl_s,
                person=one.person,
                made_s=one.made_s,
                used_s=one.used_s,
            )
            for one in request.app[HOOKS].store.hooks()
        ]
    )


def _calls(request: web.Request, given: CallsAsked) -> CallRows:
    return CallRows(
        calls=[
            CallRow(ts_s=one.ts_s, hook=one.hook, address=one.address, status=one.status, said=one.said, seq=one.seq)
            for one in request.app[HOOKS].store.calls(given.limit)
        ]
    )


def _make(request: web.Request, given: HookAsked) -> HookMade:
    """Make a hook; the answer has what its user needs, for once."""
    caller, keeper, store = caller_of(request), request.app[KEEPER], request.app[HOOKS].store
    check_name(given.name)
    check_name(given.source, "source")
    if "@" in given.source:
        raise BadArguments("source", {"source": "expected letters, digits and . _ -"})
    is_signed = given.kind == "signed"
    token = secrets.token_hex(16) if is_signed else new_secret()
    try:
        store.add_hook(
            given.kind,
            given.name,
            token if is_signed else hash_secret(token),
            secret_hash=hash_secret(given.secret) if given.secret and not is_signed else None,
            source=given.source,
            instruments=given.instruments,
            ttl_s=given.ttl_h * 3600 if given.ttl_h is not None else None,
            person=caller.name,
            now_s=keeper.now_s,
        )
    except sqlite3.IntegrityError as exc:
        told = f'"{given.name}" is taken; choose another name'
        raise BadArguments(told, {"name": told}) from exc
    keeper.note(caller.actor.name, f'made the {given.kind} hook "{given.name}"', address_of(request))
    way = f"in/{given.name}" if is_signed else f"tv/{token}"
    return HookMade(
        name=given.name,
        kind=given.kind,
        url=f"{base_url(request)}/hooks/{way}",
        secret=shown_secret(store.secret_of(token)) if is_signed else None,
    )


def _remove(request: web.Request, given: HookNamed) -> Done:
    caller, store = caller_of(request), request.app[HOOKS].store
    found = next((one for one in store.hooks() if one.name == given.name), None)
    if found is None or (found.person != caller.name and caller.actor.role < Role.ADMIN):
        raise NotFound(f'there is no hook "{given.name}" of yours')
    store.remove_hook(found.id)
    request.app[KEEPER].note(caller.actor.name, f'removed the hook "{found.name}"', address_of(request))
    return Done(message=f"the hook {found.name} is removed")


_TRADE = Role.TRADE
VERBS: tuple[OwnVerb, ...] = (
    own("access.hooks", "webhooks: who outside may say something", _TRADE, Asked, HookRows, _hooks),
    own("access.hooks.calls", "what came by webhooks, newest first", _TRADE, CallsAsked, CallRows, _calls),
    own("access.hooks.make", "make a webhook", _TRADE, HookAsked, HookMade, _make, changes=True),
    own("access.hooks.remove", "remove a webhook", _TRADE, HookNamed, Done, _remove, changes=True),
)
