"""Webhooks in over HTTP: TradingView alerts by a token, signed messages, and all that is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from loligo_web.hooks_line import Allowance
from loligo_web.server import HOOKS_FILE
from tests.fakes.signal_doors import SignalDoor
from tests.web.site import Site, Visitor, join, site

ALERT = {"instrument": "COINBASE:BTCUSD", "action": "buy", "text": "crossed"}
MAKE = {"kind": "tradingview", "name": "alerts", "source": "tradingview"}


@asynccontextmanager
async def hooked(home: Path, made: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[tuple[Any, ...]]:
    """Open the page with one hook; yield its site, owner, a stranger, path and secret."""
    async with site(home, SignalDoor(), **settings) as place, place.owner() as owner, place.visitor() as stranger:
        path, secret = await make(owner, {**MAKE, **(made or {})})
        yield place, owner, stranger, path, secret


async def make(owner: Visitor, form: dict[str, Any]) -> tuple[str, str]:
    status, page = await owner.post("/access/hooks/make", form)
    assert status == 200, page
    url = re.search(r'id="hook-url">([^<]+)<', page)
    secret = re.search(r'id="hook-secret">([^<]+)<', page)
    assert url is not None
    return url[1].removeprefix(owner.address), unescape(secret[1]) if secret else ""


async def call(stranger: Visitor, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if isinstance(body, dict) else body.encode()
    sent = {"Content-Type": "application/json" if isinstance(body, dict) else "text/plain", **headers}
    async with stranger.session.post(stranger.address + path, data=data, headers=sent) as response:
        return response.status, await response.json()


def door_of(place: Site) -> SignalDoor:
    assert isinstance(place.door, SignalDoor)
    return place.door


def now(offset_s: float = 0.0) -> str:
    return datetime.fromtimestamp(time.time() + offset_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # as {{timenow}}


def test_an_alert_is_published_in_the_name_of_its_hook(tmp_path: Path) -> None:
    async def told() -> None:
        made = {"instruments": "coinbase:BTC/USD", "ttl_h": "2"}
        async with hooked(tmp_path, made) as (place, _, stranger, path, _):
            status, answer = await call(stranger, path, {**ALERT, "time": now(), "price": 1.5})
            assert (status, answer["status"], answer["seq"]) == (200, "published", 101)
            [(actor, said)] = door_of(place).told
            assert actor.name == "hook:alerts"
            assert said.model_dump() == {
                "source": "tradingview",
                "kind": "buy",
                "instrument": "COINBASE:BTCUSD",
                "value": None,
                "text": "crossed",
                "ttl_s": 7200.0,
                "among": ["coinbase:BTC/USD"],
            }

    asyncio.run(told())


BODIES: list[tuple[Any, dict[str, Any]]] = [
    ("Sell: RSI above 70", {"kind": "sell", "text": "Sell: RSI above 70"}),
    ("RSI above 70", {"kind": "signal", "text": "RSI above 70"}),
    ({"exchange": "COINBASE", "ticker": "BTCUSD", "action": "LONG"}, {"kind": "long", "instrument": "COINBASE:BTCUSD"}),
    ({"score": "0.25", "ttl": "60"}, {"value": 0.25, "ttl_s": 60.0, "kind": "signal"}),
    ({"type": "x", "data": {"value": -1, "message": "down"}}, {"value": -1.0, "text": "down"}),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_bodies_are_read_as_alerts_are_written(tmp_path: Path, body: Any, expected: dict[str, Any]) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, _, stranger, path, _):
            assert (await call(stranger, path, body))[0] == 200
            said = door_of(place).told[0][1].model_dump()
            assert {name: said[name] for name in expected} == expected

    asyncio.run(told())


REFUSED: dict[str, tuple[Any, int]] = {
    "nothing": ("", 422),
    "broken JSON": ('{"action": "buy"', 422),
    "a list": ("[1]", 422),
    "no text": (b"\xff\xfe", 422),
    "an object as text": ({"action": {"a": 1}}, 422),
    "a number that is none": ({"action": "buy", "value": "much"}, 422),
    "too old": ({**ALERT, "time": now(-3600)}, 422),
    "from the future": ({**ALERT, "time": now(3600)}, 422),
    "a time that is none": ({**ALERT, "time": "yesterday"}, 422),
    "too large": ({**ALERT, "text": "x" * 9000}, 413),
    "deep JSON": ("[" * 8000, 422),
    "an unknown instrument": ({**ALERT, "instrument": "nowhere"}, 422),
}


@pytest.mark.parametrize(("body", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sound_alert_is_refused_in_words_and_published_nowhere(
    tmp_path: Path, body: Any, expected: int
) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, owner, stranger, path, _):
            status, answer = await call(stranger, path, body)
            assert (status, answer["status"]) == (expected, "refused")
            assert len(answer["detail"]) > 10
            assert door_of(place).told == []
            _, page = await owner.get("/access/hooks?json")
            assert [one["status"] for one in page["calls"]] == [expected]  # it is written down

    asyncio.run(told())


def test_the_same_alert_counts_once_until_its_window_ends(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path, hook_window_s=60) as (place, _, stranger, path, _):
            first, second = await call(stranger, path, ALERT), await call(stranger, path, ALERT)
            assert (first[0], first[1]["status"]) == (200, "published")
            assert (second[0], second[1]["status"]) == (200, "known")
            named = {**ALERT, "id": "order 7"}
            answers = [await call(stranger, path, {**named, "text": text}) for text in ("a", "b")]
            assert [one[1]["status"] for one in answers] == [
                "published",
                "known",
            ]  # an id says it, whatever else differs
            assert len(door_of(place).told) == 2

    asyncio.run(told())


def test_the_same_text_counts_again_after_the_window(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path, hook_window_s=0) as (place, _, stranger, path, _):
            for _ in range(2):
                assert (await call(stranger, path, "buy"))[1]["status"] == "published"
            assert len(door_of(place).told) == 2

    asyncio.run(told())


def test_what_a_hook_says_is_text_on_its_page(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (_, owner, stranger, path, _):
            assert (await call(stranger, path, {**ALERT, "time": "<script>alert(1)</script>"}))[0] == 422
            _, page = await owner.get("/access/hooks")
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
            assert "<script>alert" not in page

    asyncio.run(told())


def test_what_was_refused_by_the_bot_may_be_sent_again(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (_, _, stranger, path, _):
            wrong = {**ALERT, "instrument": "nowhere", "id": "1"}
            assert (await call(stranger, path, wrong))[0] == 422
            assert (await call(stranger, path, {**ALERT, "id": "1"}))[1]["status"] == "published"

    asyncio.run(told())


def test_a_secret_in_the_body_is_asked_for_where_the_hook_has_one(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path, {"secret": "open sesame"}) as (place, _, stranger, path, _):
            for wrong in (ALERT, {**ALERT, "secret": "open"}, "buy"):
                assert (await call(stranger, path, wrong))[0] == 401
            assert (await call(stranger, path, {**ALERT, "secret": "open sesame"}))[0] == 200
            assert len(door_of(place).told) == 1
            assert b"open sesame" not in (tmp_path / HOOKS_FILE).read_bytes()

    asyncio.run(told())


def test_without_a_hook_nothing_is_there_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, owner, stranger, path, _):
            for wrong in ("/hooks/tv/x", path + "x", path[:-1], "/hooks/in/alerts", "/hooks/in/x"):
                assert await call(stranger, wrong, ALERT) == (
                    404,
                    {"status": "refused", "detail": "there is no such hook"},
                )
            _, page = await owner.get("/access/hooks?json")
            assert await owner.post("/access/hooks/remove", {"name": page["hooks"][0]["name"]}) == (303, "")
            assert (await call(stranger, path, ALERT))[0] == 404
            assert door_of(place).told == []
            _, page = await owner.get("/access?json")
            assert [one["deed"] for one in page["deeds"]][:2] == [
                'removed the hook "alerts"',
                'made the tradingview hook "alerts"',
            ]

    asyncio.run(told())


def test_a_hook_ends_with_the_rights_of_who_made_it(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (_, owner, stranger, path, _), owner_of_another(owner) as bert:
            own, _ = await make(bert, {**MAKE, "name": "of-bert"})
            assert (await call(stranger, own, ALERT))[0] == 200
            await owner.post("/access/person", {"name": "bert", "role": "view"})
            assert (await call(stranger, own, {**ALERT, "id": "2"}))[0] == 404
            assert (await call(stranger, path, ALERT))[0] == 200

    asyncio.run(told())


@asynccontextmanager
async def owner_of_another(owner: Visitor) -> AsyncIterator[Visitor]:
    """Let somebody else in who may trade."""
    _, page = await owner.post("/access/invite", {"role": "trade"})
    link = re.search(r"/join/[\w-]+", page)
    assert link is not None
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield await join(Visitor(session, owner.address), link[0], "bert")


def test_one_hook_that_calls_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path, hook_per_minute=3) as (place, owner, stranger, path, _):
            other, _ = await make(owner, {**MAKE, "name": "other"})
            statuses = [(await call(stranger, path, {**ALERT, "id": str(number)}))[0] for number in range(4)]
            assert statuses == [200, 200, 200, 429]
            assert (await call(stranger, other, ALERT))[0] == 200  # each has its own
            assert len(door_of(place).told) == 4

    asyncio.run(told())


def test_a_busy_engine_is_told_later_in_order_and_a_full_line_is_refused(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path, hook_per_minute=1000) as (place, _, stranger, path, _):
            door = door_of(place)
            door.is_free.clear()
            calls = [call(stranger, path, {**ALERT, "id": str(number), "value": number / 100}) for number in range(70)]
            answers = await asyncio.gather(*calls)
            assert {status for status, _ in answers} == {202, 429}
            assert sum(status == 202 for status, _ in answers) in (64, 65)  # that wait, and perhaps one being told
            refused = [number for number, (status, _) in enumerate(answers) if status == 429]
            door.is_free.set()
            again = [await call(stranger, path, {**ALERT, "id": str(number)}) for number in refused]
            assert {status for status, _ in again} == {200}
            assert len(door.told) == 70
            assert all(said.value is None for _, said in door.told[70 - len(refused) :])  # those came last

    asyncio.run(told())


def test_a_slow_body_and_a_busy_engine_together_are_answered_within_three_seconds(tmp_path: Path) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"buy: "
        await asyncio.sleep(1.4)  # in real time, as its sender is slow
        yield b"above the band"

    async def told() -> None:
        async with hooked(tmp_path) as (place, _, stranger, path, _):
            door_of(place).is_free.clear()
            since_s = time.monotonic()
            async with stranger.session.post(stranger.address + path, data=slowly()) as response:
                assert response.status == 202
            assert 1.4 < time.monotonic() - since_s < 3.0
            door_of(place).is_free.set()

    asyncio.run(told())


def test_a_body_that_does_not_come_is_answered_within_three_seconds(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, _, stranger, path, _):
            host, _, port = stranger.address.removeprefix("http://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            since_s = time.monotonic()
            writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nb".encode())
            assert b"408" in await reader.readline()
            assert time.monotonic() - since_s < 3.0
            assert door_of(place).told == []
            writer.close()

    asyncio.run(told())


def test_what_waits_is_told_when_the_page_is_closed(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, _, stranger, path, _):
            door_of(place).is_free.clear()
            assert (await call(stranger, path, ALERT))[0] == 202
            place.running.cancel()
            door_of(place).is_free.set()
            await asyncio.wait({place.running})
            assert len(door_of(place).told) == 1

    asyncio.run(told())


WAITING = ({**ALERT, "id": "7"}, {**ALERT, "text": "without an id"})


async def sent(stranger: Visitor, path: str) -> set[tuple[int, str]]:
    answers = await asyncio.gather(*(call(stranger, path, alert) for alert in WAITING))
    return {(status, answer["status"]) for status, answer in answers}


def test_what_still_waits_when_the_page_is_closed_is_published_once_when_it_is_sent_again(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, _, stranger, path, _):
            door = door_of(place)
            door.is_free.clear()
            assert await sent(stranger, path) == {(202, "accepted")}
            assert await sent(stranger, path) == {(202, "known")}  # it is not said to be published before it is
        async with site(tmp_path, door) as place, place.visitor() as stranger:
            door.is_free.set()
            assert await sent(stranger, path) == {(200, "published")}
            assert await sent(stranger, path) == {(200, "known")}
            assert sorted(said.text for _, said in door.told) == ["crossed", "without an id"]

    asyncio.run(told())


def test_who_waits_for_an_answer_while_the_page_is_closed_is_told_to_send_again(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, _, stranger, path, _):
            door_of(place).is_free.clear()
            waiting = asyncio.create_task(sent(stranger, path))
            while not door_of(place).asked_to_publish:
                await asyncio.sleep(0)
            place.running.cancel()
            assert await waiting == {(503, "refused")}

    asyncio.run(told())


@pytest.mark.parametrize("is_published", [False, True], ids=["before it is published", "before that is noted"])
def test_what_waits_when_the_bot_is_killed_is_published_once_when_it_is_sent_again(
    tmp_path: Path, is_published: bool
) -> None:
    async def told() -> None:
        async with hooked(tmp_path / "killed") as (place, _, stranger, path, _):
            door = door_of(place)
            door.is_free.clear()
            assert await sent(stranger, path) == {(202, "accepted")}
            shutil.copytree(tmp_path / "killed", tmp_path / "again")  # what a kill would leave on the disk
            door.is_free.set()
            while len(door.told) < 2:
                await asyncio.sleep(0)
        after = door if is_published else SignalDoor()
        async with site(tmp_path / "again", after) as place, place.visitor() as stranger:
            assert await sent(stranger, path) == {(200, "published")}
            assert await sent(stranger, path) == {(200, "known")}
            assert sorted(said.text for _, said in after.told) == ["crossed", "without an id"]

    asyncio.run(told())


def test_what_an_earlier_version_published_stays_known(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (_, _, _, path, _):
            pass
        with sqlite3.connect(tmp_path / HOOKS_FILE) as file:
            file.execute("CREATE TABLE seen (hook INTEGER, ident TEXT, until_s REAL)")
            file.execute("INSERT INTO seen SELECT id, 'id 7', ? FROM hooks", (time.time() + 60,))
        file.close()
        async with site(tmp_path, SignalDoor()) as place, place.visitor() as stranger:
            assert await sent(stranger, path) == {(200, "known"), (200, "published")}

    asyncio.run(told())


def test_only_tradingviews_addresses_may_where_that_is_set(tmp_path: Path) -> None:
    async def told() -> None:
        public = "http://bot.example.org"
        opened = site(tmp_path, SignalDoor(), tradingview_only=True, public_url=public)
        async with opened as place, place.visitor() as guest, place.visitor() as any_:
            owner = await join(guest, place.first_link.removeprefix(public), "anna")
            _, page = await owner.post("/access/hooks/make", MAKE)
            path = page.partition(f'id="hook-url">{public}')[2].partition("<")[0]
            assert (await call(any_, path, ALERT, **{"X-Forwarded-For": "203.0.113.9"}))[0] == 403
            forged = {"X-Forwarded-For": "52.89.214.238, 203.0.113.9"}  # the last one is what the proxy saw
            assert (await call(any_, path, ALERT, **forged))[0] == 403
            assert (await call(any_, path, ALERT, **{"X-Forwarded-For": "52.89.214.238"}))[0] == 200

    asyncio.run(told())


# (trusted_proxies, X-Forwarded-For by which the sender lies) -> whether it is let in; all come from 127.0.0.1
FORWARDED: dict[str, tuple[list[str], list[str], int]] = {
    "by a proxy": (["127.0.0.1"], ["52.89.214.238"], 200),
    "by a proxy in a network": (["10.0.0.0/8", "127.0.0.0/8"], ["203.0.113.9, 52.89.214.238"], 200),
    "by nobody trusted": (["10.0.0.0/8", "::1"], ["52.89.214.238"], 403),
    "by nobody at all": ([], ["52.89.214.238"], 403),
    "in a header before that of the proxy": (["127.0.0.1"], ["52.89.214.238", "203.0.113.9"], 403),
}


@pytest.mark.parametrize(("trusted", "forwarded", "expected"), FORWARDED.values(), ids=FORWARDED)
def test_an_address_is_believed_of_trusted_proxies_only(
    tmp_path: Path, trusted: list[str], forwarded: list[str], expected: int
) -> None:
    async def told() -> None:
        public = "http://bot.example.org"
        settings = {"tradingview_only": True, "public_url": public, "trusted_proxies": trusted}
        async with site(tmp_path, SignalDoor(), **settings) as place, place.visitor() as guest:
            owner = await join(guest, place.first_link.removeprefix(public), "anna")
            _, page = await owner.post("/access/hooks/make", MAKE)
            path = page.partition(f'id="hook-url">{public}')[2].partition("<")[0]
            headers = [("X-Forwarded-For", one) for one in forwarded]
            async with owner.session.post(place.address + path, data=b"buy", headers=headers) as response:
                assert response.status == expected
            _, page = await owner.get("/access/hooks?json")
            shown = {200: "52.89.214.238", 403: "203.0.113.9" if trusted == ["127.0.0.1"] else "127.0.0.1"}
            assert page["calls"][0]["address"] == shown[expected]

    asyncio.run(told())


# Signed ones: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md


def signed(secret: str, body: bytes, ident: str = "msg_1", at_s: float | None = None) -> dict[str, str]:
    sent = str(int(time.time() if at_s is None else at_s))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.new(key, f"{ident}.{sent}.".encode() + body, hashlib.sha256).digest()).decode()
    return {"webhook-id": ident, "webhook-timestamp": sent, "webhook-signature": f"v1,{made}"}


SIGNED = {"kind": "signed", "name": "ledger", "source": "model-7"}
BODY = b'{"instrument": "BTC/USD", "value": 0.5}'


def test_a_signed_message_is_published_once_by_its_id(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path, SIGNED) as (place, _, stranger, path, secret):
            assert path == "/hooks/in/ledger"
            headers = signed(secret, BODY)
            rotated = {**headers, "webhook-signature": f"v1,{'A' * 43}= {headers['webhook-signature']}"}
            first, again = await call(stranger, path, BODY, **rotated), await call(stranger, path, BODY, **headers)
            assert [first[1]["status"], again[1]["status"]] == ["published", "known"]
            [(_, said)] = door_of(place).told
            assert (said.source, said.value) == ("model-7", 0.5)
            kept = (tmp_path / HOOKS_FILE).read_bytes()
            assert base64.b64decode(secret.removeprefix("whsec_")) not in kept
            assert secret.encode() not in kept

    asyncio.run(told())


WRONG: dict[str, Any] = {
    "no headers": lambda secret: {},
    "no signature": lambda secret: {**signed(secret, BODY), "webhook-signature": ""},
    "another body": lambda secret: signed(secret, b"{}"),
    "another secret": lambda secret: signed("whsec_" + base64.b64encode(b"x" * 32).decode(), BODY),
    "another id": lambda secret: {**signed(secret, BODY), "webhook-id": "msg_2"},
    "another version": lambda secret: {
        **signed(secret, BODY),
        "webhook-signature": signed(secret, BODY)["webhook-signature"].replace("v1", "v2"),
    },
    "no base64": lambda secret: {**signed(secret, BODY), "webhook-signature": "v1,%%%"},
    "a time that is none": lambda secret: {**signed(secret, BODY), "webhook-timestamp": "now"},
    "too old": lambda secret: signed(secret, BODY, at_s=time.time() - 400),
    "too new": lambda secret: signed(secret, BODY, at_s=time.time() + 400),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_what_is_not_signed_right_is_refused(tmp_path: Path, headers: Any) -> None:
    async def told() -> None:
        async with hooked(tmp_path, SIGNED) as (place, _, stranger, path, secret):
            assert (await call(stranger, path, BODY, **headers(secret)))[0] == 401
            assert door_of(place).told == []
            assert (await call(stranger, path, BODY, **signed(secret, BODY)))[0] == 200  # nothing was used up

    asyncio.run(told())


def test_only_who_may_trade_makes_hooks_and_nobody_sees_a_secret_again(tmp_path: Path) -> None:
    async def told() -> None:
        async with hooked(tmp_path) as (place, owner, _, path, _):
            token = path.rpartition("/")[2]
            _, page = await owner.get("/access/hooks")
            assert token not in page
            assert token.encode() not in (tmp_path / HOOKS_FILE).read_bytes()
            status, page = await owner.post("/access/hooks/make", MAKE)
            assert (status, "is taken" in page) == (422, True)
            _, page = await owner.post("/access/token", {"name": "looker", "role": "view"})
            looker = {"Authorization": "Bearer loligo_" + page.partition("loligo_")[2].partition("<")[0]}
            async with place.visitor(**looker) as viewer:
                assert (await viewer.get("/access/hooks"))[0] == 403
                assert (await viewer.post("/access/hooks/make", MAKE))[0] == 403

    asyncio.run(told())


def test_an_allowance_comes_back_evenly() -> None:
    allowance = Allowance(per_minute=6)  # one in ten seconds
    assert [allowance.wait_s("a", 0.0) for _ in range(7)] == [0.0] * 6 + [10.0]
    assert allowance.wait_s("b", 0.0) == 0.0
    assert allowance.wait_s("a", 4.0) == pytest.approx(6.0)
    assert allowance.wait_s("a", 10.0) == 0.0
