"""Who comes in and who does not: first start, sign-in, lock-out, roles, tokens, and requests that nobody meant."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher

from loligo.api import Denied, LoligoError, MakeContext, NotFound, Role
from loligo_web.access import passwords
from loligo_web.access.keeper import Keeper
from loligo_web.access.store import AccessStore
from loligo_web.server import ACCESS_FILE, WebInterface
from loligo_web.settings import WebSettings
from tests.fakes.doors import FakeDoor
from tests.web.site import PASSWORD, Site, Visitor, join, site

EVIL = "https://evil.example"


def run(tmp_path: Path, story: Callable[[Site, Visitor], Any], door: FakeDoor | None = None, **settings: Any) -> Any:
    """Tell a story of the owner of a page."""

    async def told() -> Any:
        async with site(tmp_path, door, **settings) as place, place.owner() as owner:
            return await story(place, owner)

    return asyncio.run(told())


def test_the_first_link_makes_an_owner_once(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, place.visitor() as first, place.visitor() as second:
            link = place.first_link
            assert (await first.get("/access"))[0] == 303  # nobody is signed in
            owner = await join(first, link, "anna")
            assert (await owner.get("/access?json"))[1]["me"] == {"name": "anna", "role": "admin", "has_code": False}
            assert (await second.get(link))[0] == 404

    asyncio.run(told())


def test_a_page_without_an_owner_is_for_this_machine_alone(tmp_path: Path) -> None:
    web = WebInterface(WebSettings(host="0.0.0.0", port=0), MakeContext(home=str(tmp_path), door=FakeDoor()))
    with pytest.raises(LoligoError, match=r"host = '0\.0\.0\.0': the page has no owner yet"):
        asyncio.run(web.run())


def test_what_is_kept_of_access_is_for_its_owner_alone_and_holds_no_secret(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        _, page = await owner.post("/access/token", {"name": "grafana", "role": "view"})
        token = page.partition("loligo_")[2].partition("<")[0]
        cookies = [cookie.value for cookie in owner.session.cookie_jar]
        files = [path for path in (place.home / ACCESS_FILE).parent.iterdir() if path.is_file()]
        held = b"".join(path.read_bytes() for path in files)
        assert len(token) == 43  # 32 bytes in base64 without its padding
        assert [secret for secret in (PASSWORD, token, *cookies) if secret.encode() in held] == []
        assert stat.S_IMODE((place.home / ACCESS_FILE).stat().st_mode) == 0o600

    run(tmp_path, story)


REFUSED = {  # what a browser sends when a page of somebody else posts to us, and what it says
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "an address typed in": {"Sec-Fetch-Site": "none"},
    "an older browser": {"Origin": EVIL},
    "a sandboxed frame": {"Origin": "null"},
    "without the page's token": {"X-CSRF-Token": None},
    "with another token": {"X-CSRF-Token": "x" * 43},
    "a name that points to this machine": {"Host": "evil.example", "Origin": "http://evil.example"},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_a_change_that_our_page_did_not_send_is_refused(tmp_path: Path, headers: Mapping[str, str]) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        own = {"Idempotency-Key": "k", "Accept": "application/json"}
        status, problem = await owner.post("/api/v1/pause", json={}, headers={**own, **headers})
        assert (status, problem["title"], place.door.asked) == (403, "Not allowed", [])
        status, _ = await owner.post("/api/v1/pause", json={}, headers=own)  # the control: it does what ours sends
        assert (status, len(place.door.asked)) == (200, 1)

    run(tmp_path, story)


def test_a_socket_that_another_site_opens_is_refused(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": EVIL}
        assert (await owner.get("/api/v1/ws", headers=upgrade))[0] == 403

    run(tmp_path, story)


CLOSED = ["/access", "/api/v1/version", "/api/v1/openapi.json", "/events", "/live", "/api/v1/ws", "/more", "/api"]


@pytest.mark.parametrize("path", CLOSED)
def test_without_signing_in_nothing_is_shown(tmp_path: Path, path: str) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, place.visitor(Authorization="Bearer loligo_wrong") as stranger:
            status, body = await stranger.get(path)
            assert status in (303, 401)
            assert place.door.name not in str(body)

    asyncio.run(told())


PAGES_LEFT = {  # where somebody was when they were let in no more, and where they go on
    "/access?desk=a%26b": "/sign-in?next=%2Faccess%3Fdesk%3Da%2526b",
    "/access/password": "/sign-in?next=%2Faccess",  # the answer to a form, which no address shows
    "/nowhere/at/all": "/sign-in",
    "/": "/sign-in",
    "": "/sign-in",
}


@pytest.mark.parametrize(("page", "expected"), PAGES_LEFT.items(), ids=PAGES_LEFT)
def test_whoever_is_let_in_no_more_goes_on_where_they_were(tmp_path: Path, page: str, expected: str) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, place.visitor() as stranger:
            headers = {"HX-Request": "true", "HX-Current-URL": page and place.address + page}
            async with stranger.session.get(f"{place.address}/access", headers=headers) as answer:
                assert (answer.status, answer.headers.get("HX-Redirect")) == (401, expected)

    asyncio.run(told())


ROLES = [  # role, verb, method: status
    ("view", "trades/list", "GET", 200),
    ("view", "secrets", "GET", 403),
    ("view", "pause", "POST", 403),
    ("trade", "pause", "POST", 200),
    ("trade", "tentacle/switch", "POST", 403),
    ("admin", "tentacle/switch", "POST", 200),
    ("admin", "secrets", "GET", 200),
]


@pytest.mark.parametrize(("role", "verb", "method", "wanted"), ROLES)
def test_a_token_may_what_its_role_says(tmp_path: Path, role: str, verb: str, method: str, wanted: int) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        _, page = await owner.post("/access/token", {"name": "script", "role": role})
        token = "loligo_" + page.partition("loligo_")[2].partition("<")[0]
        async with place.visitor(Authorization=f"Bearer {token}") as program:
            if method == "GET":
                status, _ = await program.get(f"/api/v1/{verb}")
            else:
                own = {"Idempotency-Key": "one", "Origin": None, "X-CSRF-Token": None}  # no browser
                status, _ = await program.post(f"/api/v1/{verb}", json={}, headers=own)
        assert status == wanted
        assert [actor.name for actor, *_ in place.door.asked] == ["token:script"] * (wanted == 200 and method == "POST")

    run(tmp_path, story)


def test_somebody_invited_to_look_makes_no_token_that_trades_and_invites_nobody(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        _, page = await owner.post("/access/invite", {"role": "view"})
        link = page.partition(place.address)[2].partition("<")[0]
        async with place.visitor() as guest:
            bert = await join(guest, link, "bert")
            assert (await bert.post("/access/token", {"name": "bot", "role": "trade"}))[0] == 403
            assert (await bert.post("/access/invite", {"role": "view"}))[0] == 403
            assert (await bert.post("/access/remove-person", {"name": "anna"}))[0] == 403
            assert (await bert.get("/access?json"))[1]["people"] == []

    run(tmp_path, story)


def test_a_key_for_codes_that_no_app_takes_is_refused(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        for secret in ("", "short", "not base32!" * 4):
            form = {"password": PASSWORD, "secret": secret, "code": "123456"}
            status, page = await owner.post("/access/code", form)
            assert status == 422 and "the code does not match" in page

    run(tmp_path, story)


def test_who_has_a_session_but_no_password_neither_sets_nor_replaces_the_code(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        own, other = (pyotp.TOTP(pyotp.random_base32()) for _ in range(2))
        form = {"password": PASSWORD, "secret": own.secret, "code": own.now()}
        _, page = await owner.get("/access")
        assert page.count('autocomplete="current-password"') == 2  # one of them stands before the code
        for taken in ({**form, "password": ""}, {**form, "password": "a wrong password"}):
            status, page = await owner.post("/access/code", taken)
            assert status == 422 and "this is not your password" in page
        assert (await owner.get("/access?json"))[1]["me"]["has_code"] is False
        assert (await owner.post("/access/code", form))[0] == 303
        taken = {"password": "", "secret": other.secret, "code": other.now()}
        assert (await owner.post("/access/code", taken))[0] == 422
        sign_in = {"name": "anna", "password": PASSWORD}
        assert (await owner.post("/sign-in", {**sign_in, "code": other.now()}))[0] == 403
        later = own.at(int(time.time()) + 30)  # the one before was used up, and a step ahead will do
        assert (await owner.post("/sign-in", {**sign_in, "code": later}))[0] == 303

    run(tmp_path, story)


CHANGES = {  # of one's own access, each with the field of the password
    "password": {"old": "a wrong password", "new": "another long sentence", "repeated": "another long sentence"},
    "code": {"password": "a wrong password", "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "code": "123456"},
    "drop-code": {"password": "a wrong password"},
}


@pytest.mark.parametrize("deed", CHANGES)
def test_a_wrong_password_at_a_change_of_access_is_in_the_deeds_and_locks_the_door(tmp_path: Path, deed: str) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        for _ in range(3):
            assert (await owner.post(f"/access/{deed}", CHANGES[deed]))[0] == 422
        deeds = [(one["who"], one["deed"]) for one in (await owner.get("/access?json"))[1]["deeds"]]
        assert deeds.count(("web:anna", "gave a wrong password")) == 3
        assert (await owner.post(f"/access/{deed}", CHANGES[deed]))[0] == 403

    run(tmp_path, story, lock_after=3)


def test_the_last_admin_stays(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        assert (await owner.post("/access/person", {"name": "anna", "role": "view"}))[0] == 403
        assert (await owner.post("/access/remove-person", {"name": "anna"}))[0] == 403

    run(tmp_path, story)


def test_a_new_password_ends_every_session(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        form = {"old": PASSWORD, "new": "another long sentence", "repeated": "another long sentence"}
        assert (await owner.post("/access/password", {**form, "old": "wrong"}))[0] == 422
        assert (await owner.post("/access/password", form))[0] == 303
        assert (await owner.get("/access"))[0] == 303
        assert (await owner.post("/sign-in", {"name": "anna", "password": PASSWORD}))[0] == 403
        assert (await owner.post("/sign-in", {"name": "anna", "password": "another long sentence"}))[0] == 303

    run(tmp_path, story)


def test_after_sign_in_one_is_led_to_a_page_of_ours_and_nowhere_else(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        for target, wanted in (("/trades", "/trades"), ("//evil.example", "/"), (EVIL, "/"), ("/\\evil.example", "/")):
            form = {"name": "anna", "password": PASSWORD, "next": target}
            async with owner.session.post(
                f"{place.address}/sign-in", data=form, headers={"Origin": place.address}, allow_redirects=False
            ) as response:
                assert response.headers["Location"] == wanted

    run(tmp_path, story)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(tmp_path: Path, clock: Clock) -> Any:
    store = AccessStore(tmp_path / "access.db")
    yield Keeper(store, session_s=3600.0, lock_after=3, now_s=clock)
    store.close()


async def made_owner(keeper: Keeper) -> str:
    return await keeper.accept(keeper.first_invitation(), "anna", PASSWORD, PASSWORD, "::1", "a browser")


def test_wrong_passwords_lock_the_door_for_longer_each_time(keeper: Keeper, clock: Clock) -> None:
    async def told() -> None:
        await made_owner(keeper)
        for _ in range(3):
            with pytest.raises(Denied, match="wrong"):
                await keeper.sign_in("anna", "a wrong password", "", "::1", "")
        with pytest.raises(Denied, match="try again in 8 s"):  # 2**3 after the third
            await keeper.sign_in("anna", PASSWORD, "", "::1", "")
        clock.now_s += 8
        with pytest.raises(Denied, match="wrong"):
            await keeper.sign_in("anna", "a wrong password", "", "::1", "")
        with pytest.raises(Denied, match="try again in 16 s"):  # 2**4 after the fourth
            await keeper.sign_in("anna", PASSWORD, "", "::1", "")
        clock.now_s += 16
        await keeper.sign_in("anna", PASSWORD, "", "::1", "")

    asyncio.run(told())


def test_wrong_passwords_at_once_lock_the_door_as_well_as_one_after_another(keeper: Keeper) -> None:
    async def told() -> None:
        await made_owner(keeper)
        tries = (keeper.sign_in("anna", f"a wrong password {number}", "", "::1", "") for number in range(12))
        faults = [str(one) for one in await asyncio.gather(*tries, return_exceptions=True)]
        assert [one.startswith("too many failures") for one in faults] == [False] * 3 + [True] * 9

    asyncio.run(told())


def test_a_session_ends_when_nobody_uses_it(keeper: Keeper, clock: Clock) -> None:
    cookie = asyncio.run(made_owner(keeper))
    clock.now_s += 3599
    caller = keeper.by_cookie(cookie)
    assert caller is not None
    assert (caller.actor.name, caller.actor.role) == ("web:anna", Role.ADMIN)
    clock.now_s += 3599  # it was used meanwhile
    assert keeper.by_cookie(cookie) is not None
    clock.now_s += 3601
    assert keeper.by_cookie(cookie) is None


def test_a_first_link_is_good_for_a_day_and_until_the_next_one(keeper: Keeper, clock: Clock) -> None:
    first, second = keeper.first_invitation(), keeper.first_invitation()
    with pytest.raises(NotFound):
        keeper.invited_as(first)
    assert keeper.invited_as(second) is Role.ADMIN
    clock.now_s += 24 * 3600
    with pytest.raises(NotFound):
        keeper.invited_as(second)


def test_a_code_of_the_app_is_asked_for_and_works_once(keeper: Keeper, clock: Clock) -> None:
    async def told() -> None:
        caller = keeper.by_cookie(await made_owner(keeper))
        assert caller is not None
        app = pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        await keeper.set_code(caller, PASSWORD, app.secret, app.at(int(clock.now_s)), "::1")
        with pytest.raises(Denied, match="wrong"):
            await keeper.sign_in("anna", PASSWORD, "", "::1", "")
        clock.now_s += 60
        code = app.at(int(clock.now_s))
        await keeper.sign_in("anna", PASSWORD, code, "::1", "")
        with pytest.raises(Denied, match="wrong"):
            await keeper.sign_in("anna", PASSWORD, code, "::1", "")

    asyncio.run(told())


def test_a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has() -> None:
    assert not PasswordHasher().check_needs_rehash(passwords._NOBODY)  # as much work as is done for people
