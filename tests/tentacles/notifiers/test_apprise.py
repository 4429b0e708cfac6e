"""Apprise: real e-mail to a real SMTP server, and posts to a real HTTP server, both on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from loligo.api import MakeContext, Message
from tests.fakes.chat_doors import HurryingClock
from tests.fakes.hook_server import hook_server
from tests.fakes.mail_server import Post, mail_server, text_of

Load = Callable[[str], ModuleType]
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # apprise looks for it


def mailto(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=bot@example.org&to=anna@example.org&mode=insecure"


def made(load: Load, *urls: str, rules: Any = (), clock: Any = None) -> Any:
    factory = load("notifiers/apprise").notifier()
    told = [{"name": f"d{number}", "url": url, "rules": rules} for number, url in enumerate(urls)]
    return factory.create(factory.settings(destinations=told), MakeContext(), clock=clock or HurryingClock())


def said(text: str, seq: int, level: str = "info") -> Message:
    return Message(level=level, text=text, seq=seq, fields={"net": "12.40"})


def test_messages_come_as_mails_in_order_also_when_the_server_refuses_some_at_first(load_tentacle: Load) -> None:
    async def story() -> None:
        post = Post(refusals=3)
        async with mail_server(post) as port:
            notifier = made(load_tentacle, mailto(port))
            await notifier.notify(said("one", 1))
            await notifier.notify(said("two", 2, "problem"))
            await post.until(2)
            await notifier.close()
        assert [text_of(mail).splitlines()[0] for mail in post.mails] == ["one", "two"]
        assert [mail["Subject"] for mail in post.mails] == ["Loligo", "Loligo: PROBLEM"]
        assert post.mails[0]["To"] == "anna@example.org"

    asyncio.run(story())


def test_other_services_are_told_by_the_same_notifier(load_tentacle: Load) -> None:
    async def story() -> None:
        async with hook_server() as server:
            address = server.address.replace("http://", "json://")
            notifier = made(load_tentacle, address)
            await notifier.notify(said("one", 1, "warning"))
            await server.until(1)
            await notifier.close()
        (body,) = server.taken
        assert (body["message"].splitlines()[0], body["type"]) == ("one", "warning")

    asyncio.run(story())


def test_a_destination_that_is_down_holds_up_no_other_and_no_address_shows(load_tentacle: Load) -> None:
    async def story() -> list[Any]:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            dead = f"json://anna:hidden-word@127.0.0.1:{closed.getsockname()[1]}/tok-en-path"
            async with hook_server() as server:
                notifier = made(load_tentacle, dead, server.address.replace("http://", "json://"))
                with capture_logs() as lines:
                    for seq in (1, 2, 3):
                        await notifier.notify(said(str(seq), seq))
                    await server.until(3)
                await notifier.close()
        down, well = notifier.tellers.values()
        assert down.outbox.is_failing(down.place) and not well.outbox.is_failing(well.place)
        assert down.outbox.waiting_at(down.place) == 3
        return [*lines, down.outbox.standing(down.place)]

    told = asyncio.run(story())
    assert "hidden-word" not in str(told) and "tok-en-path" not in str(told)
    assert "onnection" in told[-1].error


def test_discord_is_told_by_its_webhook_address(load_tentacle: Load) -> None:
    settings = load_tentacle("notifiers/apprise").notifier().settings
    made_of = settings(destinations=[{"name": "room", "url": "discord://4711/a-token-of-the-webhook"}])
    assert "a-token" not in made_of.model_dump_json() and "a-token" not in repr(made_of)


@pytest.mark.parametrize(
    ("destinations", "fault"),
    [
        ([{"name": "a", "url": "nonsense://x"}], "cannot read this nonsense:// address"),
        ([{"name": "a", "url": "json://x"}, {"name": "a", "url": "json://y"}], "have one name"),
        ([{"name": "a", "url": "json://x", "rules": [{"template": "{{ nett }}"}]}], "does not render its example"),
    ],
)
def test_faults_of_the_settings_are_found_when_they_are_read(
    load_tentacle: Load, destinations: Any, fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        load_tentacle("notifiers/apprise").notifier().settings(destinations=destinations)
