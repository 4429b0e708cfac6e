"""People, tokens and what was done to access, as verbs of the page. Own password, codes and the session are no verbs:
they stay with the browser of the person (decision 0036)."""

from __future__ import annotations

from typing import ClassVar, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from loligo.api import Answer, Role

from ..own import Asked, Done, Made, OwnVerb, own
from .gate import KEEPER, address_of, base_url, caller_of
from .keeper import INVITATION_S, NAME_PATTERN

RoleName = Literal["view", "trade", "admin"]


def name_field(described: str) -> str:
    """Return a field of a name; `check_name` judges it, in words."""
    told: str = Field(max_length=64, description=described, json_schema_extra={"pattern": NAME_PATTERN})
    return told


class AccessToken(BaseModel):
    name: str
    role: RoleName = Field(description="what it may do, and no more than its person")
    person: str
    made_s: float = Field(description="seconds since 1970")
    used_s: float | None


class AccessTokens(Answer):
    tokens: list[AccessToken]


class TokenAsked(Asked):
    name: str = name_field("of the new token; no other has it")
    role: RoleName = Field(description="what it may do, at most as much as who asks")


class TokenMade(Made):
    secrets: ClassVar[frozenset[str]] = frozenset({"token"})
    name: str
    role: RoleName
    token: str | None = Field(description="told this once; null when the same key asks again")


class TokenNamed(Asked):
    name: str = Field(max_length=64, description="of the token")


class AccessPerson(BaseModel):
    name: str
    role: RoleName
    made_s: float = Field(description="seconds since 1970")
    has_code: bool = Field(description="whether a code is asked for at sign-in")


class AccessPeople(Answer):
    people: list[AccessPerson]


class InvitationAsked(Asked):
    role: RoleName = Field(description="what the new person may do")


class Invitation(Made):
    secrets: ClassVar[frozenset[str]] = frozenset({"link"})
    id: str = Field(default="", description="by which it is taken back; empty where an earlier version made it")
    role: RoleName
    until_s: float = Field(description="until when the link works, seconds since 1970")
    link: str | None = Field(description="works once and is told this once; null when the same key asks again")


class OpenInvitation(BaseModel):
    id: str
    role: RoleName
    until_s: float = Field(description="until when its link works, seconds since 1970")
    made_by: str | None = Field(description="it ends when they may invite no more; null: not known")
    made_s: float | None = Field(description="seconds since 1970; null: not known")


class OpenInvitations(Answer):
    invitations: list[OpenInvitation]


class InvitationNamed(Asked):
    id: str = Field(max_length=64, description="of the open invitation")


class RoleAsked(Asked):
    name: str = Field(max_length=64, description="of the person")
    role: RoleName = Field(description="what they may do from now on")


class PersonNamed(Asked):
    name: str = Field(max_length=64, description="of the person")


class DeedsAsked(Asked):
    limit: int = Field(default=50, ge=1, le=500, description="at most so many, newest first")


class AccessDeed(BaseModel):
    ts_s: float = Field(description="seconds since 1970")
    who: str
    deed: str
    address: str


class AccessDeeds(Answer):
    deeds: list[AccessDeed]


def named(role: Role) -> RoleName:
    return {Role.VIEW: "view", Role.TRADE: "trade", Role.ADMIN: "admin"}[role]  # type: ignore[return-value]


def _tokens(request: web.Request, _given: Asked) -> AccessTokens:
    """Return one's own tokens; to an admin all."""
    caller, tokens = caller_of(request), request.app[KEEPER].store.tokens()
    seen = [one for one in tokens if caller.actor.role >= Role.ADMIN or one.person == caller.name]
    return AccessTokens(
        tokens=[
            AccessToken(name=one.name, role=named(one.role), person=one.person, made_s=one.made_s, used_s=one.used_s)
            for one in seen
        ]
    )


def _make_token(request: web.Request, given: TokenAsked) -> TokenMade:
    role = Role[given.role.upper()]
    token = request.app[KEEPER].add_token(caller_of(request), given.name, role, address_of(request))
    return TokenMade(name=given.name, role=given.role, token=token)


def _revoke_token(request: web.Request, given: TokenNamed) -> Done:
    request.app[KEEPER].remove_token(caller_of(request), given.name, address_of(request))
    return Done(message=f"the token {given.name} is revoked")


def _people(request: web.Request, _given: Asked) -> AccessPeople:
    people = request.app[KEEPER].store.people()
    return AccessPeople(
        people=[
            AccessPerson(name=one.name, role=named(one.role), made_s=one.made_s, has_code=bool(one.code_secret))
            for one in people
        ]
    )


def _invite(request: web.Request, given: InvitationAsked) -> Invitation:
    keeper = request.app[KEEPER]
    id, secret = keeper.invite(caller_of(request), Role[given.role.upper()], address_of(request))
    link = f"{base_url(request)}/join/{secret}"
    return Invitation(id=id, role=given.role, until_s=keeper.now_s + INVITATION_S, link=link)


def _invitations(request: web.Request, _given: Asked) -> OpenInvitations:
    keeper = request.app[KEEPER]
    return OpenInvitations(
        invitations=[
            OpenInvitation(id=one.id, role=named(one.role), until_s=one.until_s, made_by=one.made_by, made_s=one.made_s)
            for one in keeper.store.invitations(keeper.now_s)
        ]
    )


def _take_back(request: web.Request, given: InvitationNamed) -> Done:
    role = request.app[KEEPER].take_back(caller_of(request), given.id, address_of(request))
    return Done(message=f"the invitation as {named(role)} is taken back")


def _set_role(request: web.Request, given: RoleAsked) -> Done:
    role = Role[given.role.upper()]
    request.app[KEEPER].set_role(caller_of(request), given.name, role, address_of(request))
    return Done(message=f"{given.name} may {given.role}")


def _remove_person(request: web.Request, given: PersonNamed) -> Done:
    request.app[KEEPER].remove_person(caller_of(request), given.name, address_of(request))
    return Done(message=f"{given.name} is removed")


def _deeds(request: web.Request, given: DeedsAsked) -> AccessDeeds:
    found = request.app[KEEPER].store.deeds(given.limit)
    rows = [AccessDeed(ts_s=one.ts_s, who=one.who, deed=one.deed, address=one.address) for one in found]
    return AccessDeeds(deeds=rows)


_VIEW, _ADMIN = Role.VIEW, Role.ADMIN
VERBS: tuple[OwnVerb, ...] = (
    own("access.tokens", "your tokens for programs; all of them for an admin", _VIEW, Asked, AccessTokens, _tokens),
    own(
        "access.tokens.make",
        "make a token that may do as much as you, or less",
        _VIEW,
        TokenAsked,
        TokenMade,
        _make_token,
        changes=True,
    ),
    own(
        "access.tokens.revoke",
        "revoke a token, and those that were made with it",
        _VIEW,
        TokenNamed,
        Done,
        _revoke_token,
        changes=True,
    ),
    own("access.people", "who may come in, and what they may do", _ADMIN, Asked, AccessPeople, _people),
    own(
        "access.people.invite",
        "make a link by which somebody joins",
        _ADMIN,
        InvitationAsked,
        Invitation,
        _invite,
        changes=True,
    ),
    own(
        "access.people.invitations",
        "invitations that nobody has used yet",
        _ADMIN,
        Asked,
        OpenInvitations,
        _invitations,
    ),
    own(
        "access.people.invitations.revoke",
        "take an open invitation back",
        _ADMIN,
        InvitationNamed,
        Done,
        _take_back,
        changes=True,
    ),
    own("access.people.role", "let somebody do more or less", _ADMIN, RoleAsked, Done, _set_role, changes=True),
    own(
        "access.people.remove",
        "remove somebody, with their sessions and tokens",
        _ADMIN,
        PersonNamed,
        Done,
        _remove_person,
        changes=True,
    ),
    own("access.deeds", "what was done to access, newest first", _ADMIN, DeedsAsked, AccessDeeds, _deeds),
)
