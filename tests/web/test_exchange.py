"""A new version of the page takes over from the old one: on the same port, with the same sessions."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from loligo.api import LoligoError, MakeContext, TentacleError
from loligo_web.server import WebInterface
from loligo_web.settings import WebSettings
from tests.fakes.doors import FakeDoor
from tests.web.site import Visitor, site


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_new_version_takes_over_while_somebody_is_signed_in(tmp_path: Path) -> None:
    async def told() -> None:
        port, door = free_port(), FakeDoor()
        async with contextlib.AsyncExitStack() as old, contextlib.AsyncExitStack() as new:
            first = await old.enter_async_context(site(tmp_path, door, port=port))
            owner: Visitor = await new.enter_async_context(first.owner())
            await new.enter_async_context(site(tmp_path, door, port=port))  # both listen
            for _ in range(5):
                assert (await owner.get("/access?json"))[0] == 200
            await old.aclose()
            for _ in range(5):
                assert (await owner.get("/access?json"))[1]["me"]["name"] == "anna"

    asyncio.run(told())


def test_a_port_that_another_program_has_is_refused(tmp_path: Path) -> None:
    async def told() -> None:
        other = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        web = WebInterface(WebSettings(port=port), MakeContext(home=str(tmp_path), door=FakeDoor()))
        with pytest.raises(LoligoError, match=f"port {port} on 127.0.0.1 belongs to another program"):
            await web.run()
        other.close()
        await other.wait_closed()

    asyncio.run(told())


def test_a_port_that_another_bot_has_is_refused_too(tmp_path: Path) -> None:
    async def told() -> None:
        port = free_port()
        async with site(tmp_path / "one", port=port):
            web = WebInterface(WebSettings(port=port), MakeContext(home=str(tmp_path / "two"), door=FakeDoor()))
            with pytest.raises(LoligoError, match="belongs to another bot"):
                await web.run()

    asyncio.run(told())


def test_outside_of_a_bot_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match="no door"):
        asyncio.run(WebInterface(WebSettings(port=0), MakeContext(home=str(tmp_path))).run())
