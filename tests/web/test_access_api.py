"""Access, webhooks and shared views as programs change them: roles, keys, secrets told once, what tokens pass on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from loligo.api import Role
from loligo_web.access.store import AccessStore
from loligo_web.server import ACCESS_FILE
from tests.fakes.doors import FakeDoor
from tests.fakes.signal_doors import SignalDoor
from tests.web.site import PASSWORD, Site, Visitor, join, site

HOOK = {"name": "alerts", "kind": "tradingview", "source": "tradingview", "secret": "open sesame"}
SIGNED = {"name": "model", "kind": "signed", "source": "model"}
SHARE = {"name": "aunt", "days": 30, "shows": ["amounts"]}


def run(tmp_path: Path, story: Callable[[Site, Visitor], Any], door: FakeDoor | None = None) -> None:
    """Tell a story of the owner of a page to which webhooks and shared views belong."""

    async def told() -> None:
        async with site(tmp_path, door or SignalDoor()) as place, place.owner() as owner:
            await story(place, owner)

    asyncio.run(told())


async def change(who: Visitor, verb: str, arguments: dict[str, Any], key: str = "") -> tuple[int, Any]:
    headers = {"Idempotency-Key": key or f"{verb} {arguments}"}
    return await who.post(f"/api/v1/access/{verb}", json=arguments, headers=headers)


async def done(who: Visitor, verb: str, arguments: dict[str, Any], key: str = "") -> Any:
    status, answer = await change(who, verb, arguments, key)
    assert status == 200, answer
    return answer


async def listed(who: Visitor, verb: str) -> Any:
    status, answer = await who.get(f"/api/v1/access/{verb}")
    assert status == 200, answer
    return answer[verb.partition("/")[2] or verb]


@asynccontextmanager
async def program(place: Site, token: str) -> AsyncIterator[Visitor]:
    async with place.visitor(Authorization=f"Bearer {token}") as visitor:
        yield visitor


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in rows]


def test_people_are_invited_get_another_role_and_are_removed(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        invited = await done(owner, "people/invite", {"role": "view"})
        async with place.visitor() as guest:
            bert = await join(guest, invited["link"].removeprefix(place.address), "bert")
            assert (await change(bert, "people/invite", {"role": "view"}))[0] == 403
            assert (await bert.get("/api/v1/access/people"))[0] == 403
            await done(owner, "people/role", {"name": "bert", "role": "trade"})
            assert [(one["name"], one["role"]) for one in await listed(owner, "people")] == [
                ("anna", "admin"),
                ("bert", "trade"),
            ]
            await done(owner, "people/remove", {"name": "bert"})
            assert (await bert.get("/api/v1/version"))[0] == 401
        assert (await change(owner, "people/remove", {"name": "bert"}, "another"))[0] == 404
        status, problem = await change(owner, "people/role", {"name": "anna", "role": "view"})
        assert (status, "last one" in problem["detail"]) == (403, True)
        deeds = [(one["who"], one["deed"]) for one in await listed(owner, "deeds")]
        assert [("web:anna", one) for one in ("removed bert", "made bert trade", "invited somebody as view")] == [
            one for one in deeds if one[0] == "web:anna" and not one[1].startswith("joined")
        ]

    run(tmp_path, story)


def test_open_invitations_are_listed_and_taken_back_by_an_admin_alone(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        first = await done(owner, "people/invite", {"role": "view"}, "one")
        token = (await done(owner, "tokens/make", {"name": "root", "role": "admin"}))["token"]
        async with program(place, token) as root:
            second = await done(root, "people/invite", {"role": "trade"})
        listing = await listed(owner, "people/invitations")
        assert {one["id"]: (one["role"], one["made_by"]) for one in listing} == {
            first["id"]: ("view", "web:anna"),
            second["id"]: ("trade", "token:root"),
        }
        assert [one["until_s"] - one["made_s"] for one in listing] == [pytest.approx(7 * 86_400)] * 2
        links = [one["link"].removeprefix(place.address) for one in (first, second)]
        async with place.visitor() as guest:
            bert = await join(guest, links[1], "bert")
            assert (await bert.get("/api/v1/access/people/invitations"))[0] == 403
            assert (await change(bert, "people/invitations/revoke", {"id": first["id"]}))[0] == 403
            assert [one["id"] for one in await listed(owner, "people/invitations")] == [first["id"]]
            assert (await guest.get(links[0]))[0] == 200
            lost = await done(owner, "people/invite", {"role": "view"}, "one")  # its answer is asked for again
            await done(owner, "people/invitations/revoke", {"id": lost["id"]})
            assert await listed(owner, "people/invitations") == []
            status, said = await guest.get(links[0])
            assert (status, "was taken back" in said) == (404, True)
        assert (await change(owner, "people/invitations/revoke", {"id": first["id"]}, "again"))[0] == 404
        assert (await listed(owner, "deeds"))[0]["deed"] == "took back an invitation as view"

    run(tmp_path, story)


@pytest.mark.parametrize(
    ("verb", "arguments"), [("people/remove", {"name": "bert"}), ("people/role", {"name": "bert", "role": "trade"})]
)
def test_an_invitation_ends_with_the_right_of_its_maker_to_invite(
    tmp_path: Path, verb: str, arguments: dict[str, Any]
) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        invited = await done(owner, "people/invite", {"role": "admin"})
        await done(owner, "people/invite", {"role": "view"})
        async with place.visitor() as guest, place.visitor() as friend:
            bert = await join(guest, invited["link"].removeprefix(place.address), "bert")
            link = (await done(bert, "people/invite", {"role": "admin"}))["link"].removeprefix(place.address)
            assert (await friend.get(link))[0] == 200
            await done(owner, verb, arguments)
            status, said = await friend.get(link)
            assert (status, "whoever made it may invite nobody any more" in said) == (404, True)
            form = {"name": "carl", "password": PASSWORD, "repeated": PASSWORD}
            assert (await friend.post(link, form))[0] == 404
        assert [one["made_by"] for one in await listed(owner, "people/invitations")] == ["web:anna"]  # which stays
        assert (await listed(owner, "deeds"))[0]["deed"] == "ended 1 open invitation of bert with it"

    run(tmp_path, story)


def test_an_invitation_of_an_earlier_version_is_listed_and_taken_back(tmp_path: Path) -> None:
    store = AccessStore(tmp_path / "access.db")
    with closing(sqlite3.connect(tmp_path / "access.db")) as connection, connection:
        connection.execute("INSERT INTO invitations VALUES (?, ?, 200.0, 0)", ("ab" * 32, int(Role.VIEW)))
    [found] = store.invitations(100.0)
    assert (found.id, found.made_by, found.made_s) == ("ab" * 6, None, None)
    assert store.revoke_invitation(found.id, 100.0) is Role.VIEW
    assert store.invitations(100.0) == []
    store.close()


# what is made, and the fields of its answer that are told once
SECRETS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "a token": ("tokens/make", {"name": "script", "role": "trade"}, ("token",)),
    "an invitation": ("people/invite", {"role": "view"}, ("link",)),
    "a hook for TradingView": ("hooks/make", HOOK, ("url",)),
    "a hook that signs": ("hooks/make", SIGNED, ("secret",)),
    "a shared view": ("shares/make", SHARE, ("link",)),
}


@pytest.mark.parametrize(("verb", "arguments", "secrets"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_told_once_made_once_and_kept_nowhere(
    tmp_path: Path, verb: str, arguments: dict[str, Any], secrets: tuple[str, ...]
) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner:
            deeds = await listed(owner, "deeds")
            first = await done(owner, verb, arguments, "one")
            again = await done(owner, verb, arguments, "one")
            assert again == {**first, **dict.fromkeys(("token", "link", "url", "secret") & first.keys())}
            assert len(await listed(owner, "deeds")) == len(deeds) + 1
            other: dict[str, Any] = {
                name: "trade" if name == "role" else "x" for name in ("role", "name") if name in arguments
            }
            status, problem = await change(owner, verb, {**arguments, **other}, "one")
            assert (status, list(problem["problems"])) == (422, ["key"])
            for name in secrets:
                last = first[name].rpartition("/")[2] if first[name].startswith("http") else first[name]
                bare = last.removeprefix("loligo_").removeprefix("whsec_")
                assert len(bare) > 40
                for file in (tmp_path / ACCESS_FILE).parent.iterdir():
                    held = file.read_bytes()
                    assert [one for one in (bare, "open sesame") if one.encode() in held] == [], file

    asyncio.run(told())


def test_a_key_is_known_to_the_next_page(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner:
            token = (await done(owner, "tokens/make", {"name": "root", "role": "admin"}))["token"]
            async with program(place, token) as before:
                assert (await done(before, "people/invite", {"role": "view"}, "one"))["link"]
        async with site(tmp_path, SignalDoor()) as place, program(place, token) as after:
            assert (await done(after, "people/invite", {"role": "view"}, "one"))["link"] is None
            assert (await done(after, "people/invite", {"role": "view"}, "two"))["link"]

    asyncio.run(told())


def test_a_token_passes_on_no_more_than_it_may_and_what_it_made_ends_with_it(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        token = (await done(owner, "tokens/make", {"name": "parent", "role": "trade"}))["token"]
        await done(owner, "tokens/make", {"name": "root", "role": "admin"})
        async with program(place, token) as parent:
            status, problem = await change(parent, "tokens/make", {"name": "wider", "role": "admin"})
            assert (status, "may not do more" in problem["detail"]) == (403, True)
            assert (await change(parent, "tokens/revoke", {"name": "root"}))[0] == 403
            child = (await done(parent, "tokens/make", {"name": "child", "role": "trade"}))["token"]
            async with program(place, child) as grown:
                await done(grown, "tokens/make", {"name": "grandchild", "role": "view"})
                assert (await grown.get("/api/v1/version"))[0] == 200
                await done(owner, "tokens/revoke", {"name": "parent"})
                assert (await grown.get("/api/v1/version"))[0] == 401
        assert names(await listed(owner, "tokens")) == ["root"]
        deeds = [one["deed"] for one in await listed(owner, "deeds")]
        assert sorted(deeds[:3]) == [f'removed the token "{one}"' for one in ("child", "grandchild", "parent")]

    run(tmp_path, story)


def test_one_sees_and_revokes_ones_own_tokens_and_an_admin_all(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        invited = await done(owner, "people/invite", {"role": "trade"})
        await done(owner, "tokens/make", {"name": "of-anna", "role": "view"})
        async with place.visitor() as guest:
            bert = await join(guest, invited["link"].removeprefix(place.address), "bert")
            await done(bert, "tokens/make", {"name": "of-bert", "role": "trade"})
            assert names(await listed(bert, "tokens")) == ["of-bert"]
            assert (await change(bert, "tokens/revoke", {"name": "of-anna"}))[0] == 404
        assert names(await listed(owner, "tokens")) == ["of-anna", "of-bert"]
        await done(owner, "tokens/revoke", {"name": "of-bert"})
        assert names(await listed(owner, "tokens")) == ["of-anna"]

    run(tmp_path, story)


def test_a_webhook_is_made_called_and_removed(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        token = (await done(owner, "tokens/make", {"name": "trader", "role": "trade"}))["token"]
        async with program(place, token) as trader:
            made = await done(trader, "hooks/make", {**HOOK, "ttl_h": 2, "instruments": ["coinbase:BTC/USD"]})
            body = {"action": "buy", "secret": "open sesame"}
            async with place.visitor() as stranger:
                path = made["url"].removeprefix(place.address)
                assert (await stranger.post(path, json=body))[0] == 200
            [hook] = await listed(trader, "hooks")
            assert (hook["name"], hook["person"], hook["has_secret"], hook["ttl_s"]) == ("alerts", "anna", True, 7200.0)
            assert [(one["hook"], one["status"]) for one in await listed(trader, "hooks/calls")] == [("alerts", 200)]
            await done(trader, "hooks/remove", {"name": "alerts"})
            assert await listed(trader, "hooks") == []
        assert (await listed(owner, "deeds"))[0]["who"] == "token:trader"

    run(tmp_path, story)


def test_a_view_is_shared_and_taken_back_by_an_admin_alone(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        token = (await done(owner, "tokens/make", {"name": "trader", "role": "trade"}))["token"]
        async with program(place, token) as trader:
            assert (await change(trader, "shares/make", SHARE))[0] == 403
            assert (await trader.get("/api/v1/access/shares"))[0] == 403
        link = (await done(owner, "shares/make", SHARE))["link"].removeprefix(place.address)
        assert [(one["name"], one["shows"]) for one in await listed(owner, "shares")] == [("aunt", ["amounts"])]
        async with place.visitor() as guest:
            assert (await guest.get(link))[0] == 200
            await done(owner, "shares/remove", {"name": "aunt"})
            assert (await guest.get(link))[0] == 404

    run(tmp_path, story)


def test_answers_are_kept_for_a_day_and_no_more_than_so_many(tmp_path: Path) -> None:
    store = AccessStore(tmp_path / "access.db")
    for number in range(5):
        store.keep_answer(f"key {number}", "asked", "{}", 100.0 + number, 101.0, kept=3)
    kept = [number for number in range(5) if store.answer(f"key {number}", 101.0)]
    assert kept == [2, 3, 4]  # the first is too old, the second one too many
    assert store.answer("key 2", 102.0) is None
    store.close()


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a name that is none": ("tokens/make", {"name": "a b", "role": "view"}, "name"),
    "half a character": ("tokens/make", {"name": "\ud800", "role": "view"}, "arguments"),
    "an unknown role": ("people/invite", {"role": "god"}, "role"),
    "no role": ("people/invite", {}, "role"),
    "an unknown argument": ("people/remove", {"name": "bert", "colour": "red"}, "colour"),
    "too long a secret": ("hooks/make", {**HOOK, "secret": "s" * 201}, "secret"),
    "hours without end": ("hooks/make", {**HOOK, "ttl_h": 721}, "ttl_h"),
    "a source with an at": ("hooks/make", {**HOOK, "source": "a@b"}, "source"),
    "days without end": ("shares/make", {**SHARE, "days": 366}, "days"),
    "what no view shows": ("shares/make", {**SHARE, "shows": ["keys"]}, "shows.0"),
}


@pytest.mark.parametrize(("verb", "arguments", "wrong"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_by_its_argument_and_no_secret_with_it(
    tmp_path: Path, verb: str, arguments: dict[str, Any], wrong: str
) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        status, problem = await change(owner, verb, arguments, "one")
        assert (status, list(problem["problems"])) == (422, [wrong])
        assert "sss" not in str(problem) and "sesame" not in str(problem)
        assert (await owner.post(f"/api/v1/access/{verb}", json=arguments))[0] == 400  # no key

    run(tmp_path, story)


def test_without_the_verbs_behind_them_hooks_and_shares_are_absent(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        for verb in ("hooks", "shares"):
            assert (await owner.get(f"/api/v1/access/{verb}"))[0] == 404
        _, shown = await owner.get("/api?json")
        assert "access.people.invite" in names(shown["verbs"])
        assert "access.hooks.make" not in names(shown["verbs"])

    run(tmp_path, story, FakeDoor())


OF_THE_SESSION = ("password", "code", "drop-code", "sign-in", "sign-out", "me/password", "sessions")


@pytest.mark.parametrize("deed", OF_THE_SESSION)
def test_password_code_and_session_are_nothing_that_a_token_reaches(tmp_path: Path, deed: str) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        assert (await change(owner, deed, {"password": "x"}))[0] == 404
        token = (await done(owner, "tokens/make", {"name": "root", "role": "admin"}))["token"]
        form = {"old": "x", "new": "another long sentence", "repeated": "another long sentence", "password": "x"}
        async with program(place, token) as root:
            if deed in ("password", "code", "drop-code"):
                assert (await root.post(f"/access/{deed}", form))[0] == 403

    run(tmp_path, story)
