"""The page behind a reverse proxy that speaks TLS for it: a real one, which passes requests on as the README asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import ValidationError

from loligo_web.settings import WebSettings
from tests.web.site import PASSWORD, Site, site

PUBLIC = "https://bot.example.org"
OWN = {"Host": "bot.example.org", "Origin": PUBLIC}
CLIENT = "203.0.113.7"


@asynccontextmanager
async def proxied(place: Site, host: str | None = "bot.example.org") -> AsyncIterator[aiohttp.ClientSession]:
    """Put a proxy before the page; yield a client of it. `host` None: it passes on its own idea of the name."""
    async with aiohttp.ClientSession(auto_decompress=False) as upstream:

        async def pass_on(request: web.Request) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if name not in ("Host", "Connection")}
            headers |= {
                "X-Forwarded-For": f"6.6.6.6, {CLIENT}",
                "X-Forwarded-Proto": "https",
            }  # 6.6.6.6: a lie of theirs
            if host is not None:
                headers["Host"] = request.headers["Host"]
            url, body = place.address + request.path_qs, await request.read()
            async with upstream.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                response = web.StreamResponse(status=answer.status, headers=answer.headers)
                response.headers.popall("Transfer-Encoding", None)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        port = runner.addresses[0][1]
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=aiohttp.DummyCookieJar()) as client:
                yield client
        finally:
            await runner.cleanup()


async def joined(place: Site, client: aiohttp.ClientSession) -> str:
    """Follow the first link through the proxy; return the cookie."""
    link = place.first_link.removeprefix(PUBLIC)
    form = {"name": "anna", "password": PASSWORD, "repeated": PASSWORD}
    async with client.post(link, data=form, headers=OWN, allow_redirects=False) as answer:
        assert answer.status == 303
        cookie = answer.headers["Set-Cookie"]
        assert "Secure" in cookie and "HttpOnly" in cookie
        return cookie.partition(";")[0]


async def token_of_page(client: aiohttp.ClientSession, cookie: str) -> str:
    async with client.get("/access", headers={**OWN, "Cookie": cookie}) as answer:
        return (await answer.text()).partition('name="csrf" content="')[2].partition('"')[0]


def test_people_sign_in_through_the_proxy_and_are_known_by_their_own_address(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, public_url=PUBLIC) as place, proxied(place) as client:
            assert place.first_link.startswith(PUBLIC)
            cookie = await joined(place, client)
            async with client.get("/access?json", headers={**OWN, "Cookie": cookie}) as answer:
                access = await answer.json()
            assert access["me"]["name"] == "anna"
            assert CLIENT in str(access) and "6.6.6.6" not in str(access)
            form = {"role": "view", "csrf": await token_of_page(client, cookie)}
            async with client.post("/access/invite", data=form, headers={**OWN, "Cookie": cookie}) as answer:
                assert f"{PUBLIC}/join/" in await answer.text()  # a link that leads here, from wherever it is followed

    asyncio.run(told())


def test_events_come_through_as_they_happen(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, public_url=PUBLIC) as place, proxied(place) as client:
            cookie = await joined(place, client)
            path = "/events?topics=decisions"
            async with client.get(path, headers={**OWN, "Cookie": cookie}) as stream:
                assert stream.headers["X-Accel-Buffering"] == "no"
                assert (await stream.content.readline()).startswith(b"retry:")
                place.door.happens()
                while not (line := await stream.content.readline()).startswith(b"data:"):
                    pass
                assert b'"declined"' in line

    asyncio.run(told())


def test_another_name_and_another_origin_are_refused_behind_the_proxy_too(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, public_url=PUBLIC) as place, proxied(place) as client:
            async with client.get("/sign-in", headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403
            foreign = {**OWN, "Origin": "https://evil.example"}
            async with client.post("/sign-in", data={"name": "anna"}, headers=foreign) as answer:
                assert answer.status == 403

    asyncio.run(told())


def test_who_is_no_trusted_proxy_cannot_escape_the_lock_out_by_another_address(tmp_path: Path) -> None:
    async def tried(place: Site) -> list[str]:
        said = []
        async with place.visitor() as guest:
            for number in range(4):
                headers = {"X-Forwarded-For": f"203.0.113.{number}"}
                form = {"name": f"nobody-{number}", "password": "wrong"}
                _, page = await guest.post("/sign-in", form, headers=headers)
                said.append("locked" if "too many failures" in page else "wrong" if "is wrong" in page else page)
        return said

    async def told(trusted: list[str], home: Path) -> list[str]:
        async with site(home, public_url=PUBLIC, lock_after=2, trusted_proxies=trusted) as place:
            return await tried(place)

    assert asyncio.run(told(["192.0.2.1"], tmp_path / "untrusted")) == ["wrong", "wrong", "locked", "locked"]
    assert asyncio.run(told(["127.0.0.1"], tmp_path / "trusted")) == ["wrong"] * 4  # each has an address of its own


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.0/33", "10.0.0.5/8", ""])
def test_a_trusted_proxy_that_is_no_address_is_refused_in_words(wrong: str) -> None:
    with pytest.raises(ValidationError, match=f"'{wrong}': expected an address or a network, such as"):
        WebSettings(trusted_proxies=("::1", wrong))


def test_a_proxy_that_swallows_the_host_lets_nobody_change_anything(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, proxied(place, host=None) as client:  # and no public_url
            browser = {"Origin": PUBLIC}
            async with client.post("/sign-in", data={"name": "anna"}, headers=browser) as answer:
                assert answer.status == 403

    asyncio.run(told())
