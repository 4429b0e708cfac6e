"""The signed webhook: against a server on this machine, judged by the library of those who wrote the standard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook as Verifier

from loligo.api import ConfigError, MakeContext, Message
from tests.fakes.chat_doors import HurryingClock
from tests.fakes.hook_server import HookServer, hook_server

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Load = Callable[[str], ModuleType]


def made(load: Load, server: HookServer, *, clock: Any = None, home: str = "", **settings: Any) -> Any:
    factory = load("notifiers/webhook").notifier()
    given = factory.settings(**{"url": server.address, "secret": SECRET, **settings})
    return factory.create(given, MakeContext(home=home), **({"clock": clock} if clock else {}))


def said(text: str, seq: int = 1, **more: Any) -> Message:
    return Message(level="info", text=text, seq=seq, kind="command", fields={"command": "1", "done": "yes"}, **more)


def run(story: Callable[[HookServer], Any]) -> HookServer:
    async def within() -> HookServer:
        async with hook_server() as server:
            await story(server)
            return server

    return asyncio.run(within())


def test_a_message_is_posted_signed_so_that_a_library_of_the_standard_takes_it(load_tentacle: Load) -> None:
    async def story(server: HookServer) -> None:
        notifier = made(load_tentacle, server)
        await notifier.notify(said("paused", seq=7))
        await server.until(1)
        await notifier.close()

    headers, body = run(story).asked[0]
    assert headers["content-type"] == "application/json"
    content = Verifier(SECRET).verify(body, headers)  # raises when signature or time are wrong
    assert content["type"] == "loligo.command"
    assert (content["data"]["seq"], content["data"]["text"]) == (7, "paused")
    with pytest.raises(Exception, match="signature"):
        Verifier(SECRET).verify(body.replace(b"paused", b"forged"), headers)


def test_what_the_other_side_cannot_take_now_is_posted_again_with_the_same_id_when_it_says(load_tentacle: Load) -> None:
    clock = HurryingClock()

    async def story(server: HookServer) -> None:
        server.answers = [(503, {}), (429, {"Retry-After": "7"}), (500, {})]
        notifier = made(load_tentacle, server, clock=clock)
        await notifier.notify(said("paused"))
        await server.until(1)
        await notifier.close()

    server = run(story)
    assert len({headers["webhook-id"] for headers, _ in server.asked}) == 1
    assert clock.waits[:3] == [1, 7, 4]  # backing off by 1, 2, 4 s, but for what was asked for


def test_what_will_never_be_taken_is_counted_and_holds_nothing_up(load_tentacle: Load) -> None:
    async def story(server: HookServer) -> None:
        server.answers = [(404, {})]
        notifier = made(load_tentacle, server)
        await notifier.notify(said("lost", seq=1))
        await notifier.notify(said("kept", seq=2))
        await server.until(1)
        await notifier.close()
        (teller,) = notifier.tellers.values()
        assert teller.outbox.standing(teller.place).dropped == 1

    assert [one["data"]["text"] for one in run(story).taken] == ["kept"]


def test_what_is_told_twice_is_posted_once(load_tentacle: Load) -> None:
    async def story(server: HookServer) -> None:
        notifier = made(load_tentacle, server)
        for seq in (1, 2, 2, 1, 3):
            await notifier.notify(said(str(seq), seq=seq))
        await server.until(3)
        await notifier.close()

    assert [one["data"]["seq"] for one in run(story).taken] == [1, 2, 3]


def test_a_bundle_is_one_post_with_all_its_messages(load_tentacle: Load) -> None:
    async def story(server: HookServer) -> None:
        notifier = made(load_tentacle, server, rules=[{"group_s": 3600}])
        for seq in (1, 2, 3):
            await notifier.notify(said(str(seq), seq=seq))
        (teller,) = notifier.tellers.values()
        error = asyncio.create_task(teller.test(said("closes it"), within_s=20))  # past all rules, so at once
        await server.until(2)
        assert await error == ""
        await notifier.close()

    bundle, alone = run(story).taken
    assert bundle["type"] == "loligo.bundle"
    assert [one["seq"] for one in bundle["data"]["messages"]] == [1, 2, 3]
    assert alone["data"]["text"] == "closes it"


def test_without_a_secret_nothing_is_posted(load_tentacle: Load) -> None:
    async def story(server: HookServer) -> None:
        with pytest.raises(ConfigError, match="in the environment variable NO_SUCH_SECRET"):
            made(load_tentacle, server, secret=None, secret_env="NO_SUCH_SECRET")
        with pytest.raises(ConfigError, match="base64 after whsec_"):
            made(load_tentacle, server, secret="whsec_???")

    run(story)


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", "https://"])
def test_an_address_must_be_of_the_web(load_tentacle: Load, url: str) -> None:
    with pytest.raises(ValidationError, match=r"https://example.org/hook"):
        load_tentacle("notifiers/webhook").notifier().settings(url=url)


def test_what_waits_is_there_for_the_next_run(load_tentacle: Load, tmp_path: Any) -> None:
    async def story(server: HookServer) -> None:
        server.answers = [(503, {"Retry-After": "3600"})]
        first = made(load_tentacle, server, home=str(tmp_path))
        await first.notify(said("one", seq=1))
        await first.notify(said("two", seq=2))
        await first.close()
        ident = server.asked[0][0]["webhook-id"]
        del first
        second = made(load_tentacle, server, home=str(tmp_path))
        await second.notify(said("three", seq=3))
        await server.until(3)
        await second.close()
        assert server.asked[1][0]["webhook-id"] == ident

    assert [one["data"]["text"] for one in run(story).taken] == ["one", "two", "three"]
    assert "whsec" not in json.dumps([path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*.sqlite*")])


def test_two_webhooks_of_one_bot_keep_to_their_own_addresses(load_tentacle: Load, tmp_path: Any) -> None:
    async def story(server: HookServer) -> None:
        async with hook_server() as other:
            one = made(load_tentacle, server, home=str(tmp_path), name="one")
            two = made(load_tentacle, other, home=str(tmp_path), name="two", rules=[{"level": "problem"}])
            for notifier in (one, two):
                await notifier.notify(said("paused"))
                await notifier.notify(Message(level="problem", text="fire", seq=2))
            await server.until(2)
            await other.until(1)
            assert [post["data"]["text"] for post in other.taken] == ["fire"]
            await one.close()
            await two.close()

    assert [post["data"]["text"] for post in run(story).taken] == ["paused", "fire"]
