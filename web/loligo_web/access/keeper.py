"""Lets people and programs in: first start, sign-in with lock-out, sessions, tokens.

    first link ─► owner        password [+ code] ─► session cookie        token ─► Authorization: Bearer

What must hold: who is unknown or wrong is told the same in the same time; after `lock_after` failures in a row one
waits, longer each time, also when many are tried at once; every change of access is in the deeds. Everybody who is let
in is a `Caller`.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from loligo.api import Actor, BadArguments, Denied, NotFound, Role

from .passwords import MINIMUM_LENGTH, hash_password, hash_secret, is_password, matching_step, new_secret
from .store import AccessStore, Person, Session

FIRST_LINK_S = 24 * 3600.0
INVITATION_S = 7 * 24 * 3600.0
LONGEST_LOCK_S = 900.0
TOKEN_PREFIX = "loligo_"
USED_UP = (
    "this link was used already, is too old or was taken back, or whoever made it may invite nobody any more;"
    " ask for another one"
)
FIRST_USED_UP = "this link was used already or is too old; a new first link is printed at each start of the bot"
NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
_NAME = re.compile(NAME_PATTERN)
_log = structlog.get_logger("web.access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request. `csrf` is what a page's changes must carry; a token's calls need none."""

    actor: Actor
    name: str = ""
    csrf: str = ""
    session: str = ""  # hash of the cookie's value
    token: int | None = None  # of whoever has no session

    @property
    def is_token(self) -> bool:
        return not self.session


class Keeper:
    """Decides who comes in. `now_s` is the wall clock."""

    def __init__(
        self, store: AccessStore, *, session_s: float, lock_after: int, now_s: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.session_s, self._lock_after, self._now_s = session_s, lock_after, now_s
        self.failures = Counter({"wrong": 0, "locked": 0})  # sign-ins since this page opened
        self._trying = asyncio.Lock()  # one password at a time: what is tried beside another would not be counted yet

    @property
    def now_s(self) -> float:
        return self._now_s()

    # Invitations

    def first_invitation(self) -> str:
        """Return the secret of the link that makes the owner; an earlier one is void. "" when there is an owner."""
        if self.store.has_people():
            return ""
        secret = new_secret()
        self.store.invite_first(hash_secret(secret), Role.ADMIN, self.now_s + FIRST_LINK_S)
        return secret

    def invite(self, by: Caller, role: Role, address: str) -> tuple[str, str]:
        """Return the id and the secret of a new invitation. It ends with the right of its maker to invite."""
        secret, now_s = new_secret(), self.now_s
        id = self.store.invite(
            hash_secret(secret), role, now_s + INVITATION_S, person=by.name, actor=by.actor.name, now_s=now_s
        )
        self.note(by.actor.name, f"invited somebody as {role.name.lower()}", address)
        return id, secret

    def take_back(self, by: Caller, id: str, address: str) -> Role:
        """End an open invitation; return what it was for. NotFound."""
        role = self.store.revoke_invitation(id, self.now_s)
        if role is None:
            raise NotFound(f'there is no open invitation "{id}"; it was used or taken back, or is too old')
        self.note(by.actor.name, f"took back an invitation as {role.name.lower()}", address)
        return role

    def invited_as(self, secret: str) -> Role:
        """Return the role of an invitation. NotFound when it is gone."""
        role = self.store.invitation(hash_secret(secret), self.now_s)
        if role is None:
            raise NotFound(USED_UP if self.store.has_people() else FIRST_USED_UP)
        return role

    async def accept(self, secret: str, name: str, password: str, repeated: str, address: str, agent: str) -> str:
        """Make the person who was invited, and return the cookie of their session."""
        self.invited_as(secret)
        check_name(name)
        _check_password(password, repeated)
        hashed = await asyncio.to_thread(hash_password, password)
        try:
            role = self.store.accept(hash_secret(secret), name, hashed, self.now_s)
        except sqlite3.IntegrityError as exc:
            raise BadArguments(f'"{name}" is taken', {"name": f'"{name}" is taken; choose another name'}) from exc
        if role is None:
            raise NotFound(USED_UP)
        self.note(f"web:{name}", f"joined as {role.name.lower()}", address)
        return self._begin(name, agent)

    # Sign-in

    async def sign_in(self, name: str, password: str, code: str, address: str, agent: str) -> str:
        """Return the cookie of a new session. Denied with what to do."""
        async with self._trying:
            return await self._signed_in(name, password, code, address, agent)

    async def _signed_in(self, name: str, password: str, code: str, address: str, agent: str) -> str:
        person = self.store.person(name)
        for who in (f"name:{name[:64]}", f"address:{address}"):
            self._refuse_locked(who, address)
        known = person.password if person else None
        is_right = await asyncio.to_thread(is_password, password, known)
        if person is None or not is_right or not self._is_code(person, code):
            for who in (f"name:{name[:64]}", f"address:{address}"):
                self.store.count_failure(who, self.now_s)
            self.failures["wrong"] += 1
            self.note(f"web:{name[:64]}", "could not sign in", address)
            raise Denied("name, password or code is wrong")
        for who in (f"name:{name}", f"address:{address}"):
            self.store.forget_failures(who)
        self.note(f"web:{name}", "signed in", address)
        return self._begin(name, agent)

    def _is_code(self, person: Person, code: str) -> bool:
        if person.code_secret is None:
            return True
        step = matching_step(person.code_secret, code, self.now_s, person.code_step)
        return step is not None and self.store.use_code(person.name, step)

    def _refuse_locked(self, who: str, address: str) -> None:
        count, newest_s = self.store.failures(who)
        if count < self._lock_after:
            return
        wait_s = min(2.0 ** min(count - self._lock_after + 3, 20), LONGEST_LOCK_S) - (self.now_s - newest_s)
        if wait_s > 0:
            self.failures["locked"] += 1
            self.note(who, "was turned away: too many failures", address)
            raise Denied(f"too many failures; try again in {wait_s:.0f} s")

    def _begin(self, name: str, agent: str) -> str:
        cookie = new_secret()
        oldest_s = self.now_s - self.session_s
        self.store.begin_session(hash_secret(cookie), name, new_secret(), self.now_s, agent, unused_since_s=oldest_s)
        return cookie

    def sign_out(self, caller: Caller, address: str) -> None:
        self.store.end_session(caller.session)
        self.note(caller.actor.name, "signed out", address)

    # Who is it?

    def by_cookie(self, cookie: str) -> Caller | None:
        hashed, now_s = hash_secret(cookie), self.now_s
        found: Session | None = self.store.session(hashed, now_s - self.session_s)
        if found is None:
            return None
        if now_s - found.used_s > 60:
            self.store.touch_session(hashed, now_s)
        actor = Actor(name=f"web:{found.person}", role=found.role)
        return Caller(actor=actor, name=found.person, csrf=found.csrf, session=hashed)

    def by_token(self, token: str) -> Caller | None:
        found = self.store.token(hash_secret(token), self.now_s) if token.startswith(TOKEN_PREFIX) else None
        if found is None:
            return None
        return Caller(actor=Actor(name=f"token:{found.name}", role=found.role), name=found.person, token=found.id)

    # Access of oneself and others

    async def change_password(self, caller: Caller, old: str, new: str, repeated: str, address: str) -> None:
        """Change one's own; every session ends."""
        person = await self._proven(caller, old, "old", address)
        _check_password(new, repeated)
        self.store.set_password(person.name, await asyncio.to_thread(hash_password, new))
        self.note(caller.actor.name, "changed the password", address)

    async def set_code(self, caller: Caller, password: str, secret: str, code: str, address: str) -> None:
        """Ask for a code at sign-in from now on; the given one proves that the app works."""
        person = await self._proven(caller, password, "password", address)
        step = matching_step(secret, code, self.now_s, 0)
        if step is None:
            raise BadArguments("wrong code", {"code": "the code does not match; is the clock of your phone right?"})
        self.store.set_code(person.name, secret, step)
        self.note(caller.actor.name, "switched codes at sign-in on", address)

    async def drop_code(self, caller: Caller, password: str, address: str) -> None:
        person = await self._proven(caller, password, "password", address)
        self.store.set_code(person.name, None)
        self.note(caller.actor.name, "switched codes at sign-in off", address)

    async def _proven(self, caller: Caller, password: str, field: str, address: str) -> Person:
        """Return the person who asks, once they have said their password."""
        async with self._trying:
            person = self._own(caller)
            self._refuse_locked(f"name:{person.name}", address)
            if not await asyncio.to_thread(is_password, password, person.password):
                self.store.count_failure(f"name:{person.name}", self.now_s)
                self.note(caller.actor.name, "gave a wrong password", address)
                raise BadArguments("wrong password", {field: "this is not your password"})
            return person

    def add_token(self, caller: Caller, name: str, role: Role, address: str) -> str:
        """Return a new token, for once. One that a token makes may do no more than that, and ends with it."""
        check_name(name)
        if role > caller.actor.role:
            raise Denied(f"you may {caller.actor.role.name.lower()}: a token of yours may not do more")
        token = new_secret(TOKEN_PREFIX)
        try:
            self.store.add_token(hash_secret(token), name, role, caller.name, self.now_s, maker=caller.token)
        except sqlite3.IntegrityError as exc:
            raise BadArguments(f'"{name}" is taken', {"name": f'"{name}" is taken; choose another name'}) from exc
        self.note(caller.actor.name, f'made the token "{name}" for {role.name.lower()}', address)
        return token

    def remove_token(self, caller: Caller, name: str, address: str) -> None:
        """Revoke a token, and all that were made with it. A token revokes none that may do more than itself."""
        found = next((token for token in self.store.tokens() if token.name == name), None)
        if found is None or (found.person != caller.name and caller.actor.role < Role.ADMIN):
            raise NotFound(f'there is no token "{name}" of yours')
        if caller.is_token and found.role > caller.actor.role:
            raise Denied(f"{caller.actor.name} may {caller.actor.role.name.lower()}, and {name} may do more")
        for gone in self.store.remove_token(found.id):
            self.note(caller.actor.name, f'removed the token "{gone}"', address)

    def set_role(self, caller: Caller, name: str, role: Role, address: str) -> None:
        self._keep_an_admin(name, role)
        ended = self.store.set_role(name, role)
        self.note(caller.actor.name, f"made {name} {role.name.lower()}", address)
        self._note_ended(caller, name, ended, address)

    def remove_person(self, caller: Caller, name: str, address: str) -> None:
        self._keep_an_admin(name, None)
        ended = self.store.remove_person(name)
        self.note(caller.actor.name, f"removed {name}", address)
        self._note_ended(caller, name, ended, address)

    def _note_ended(self, caller: Caller, name: str, ended: int, address: str) -> None:
        if ended:
            invitations = f"{ended} open invitation{'' if ended == 1 else 's'}"
            self.note(caller.actor.name, f"ended {invitations} of {name} with it", address)

    def _keep_an_admin(self, name: str, role: Role | None) -> None:
        people = {person.name: person.role for person in self.store.people()}
        if name not in people:
            raise NotFound(f'there is nobody called "{name}"')
        if role != Role.ADMIN and not any(each == Role.ADMIN for who, each in people.items() if who != name):
            raise Denied(f"{name} is the last one who may change access; make somebody else admin first")

    def _own(self, caller: Caller) -> Person:
        person = self.store.person(caller.name)
        if person is None or caller.is_token:
            raise Denied("only a person who is signed in can do this, not a token")
        return person

    def note(self, who: str, deed: str, address: str) -> None:
        self.store.note(self.now_s, who, deed, address)
        _log.info(deed, who=who, address=address)


def check_name(name: str, field: str = "name") -> None:
    """BadArguments unless it can be a name."""
    if not _NAME.fullmatch(name):
        told = "1 to 64 letters, digits and . _ @ -, the first a letter or digit"
        raise BadArguments(f"{name!r}: expected {told}", {field: f"expected {told}"})


def _check_password(password: str, repeated: str) -> None:
    if len(password) < MINIMUM_LENGTH or len(password) > 1024:
        told = f"expected {MINIMUM_LENGTH} to 1024 characters, these are {len(password)}"
        raise BadArguments(f"the password: {told}", {"password": told})
    if password != repeated:
        raise BadArguments("the passwords differ", {"repeated": "this differs from the one above"})
