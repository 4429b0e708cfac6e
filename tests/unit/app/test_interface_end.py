"""An interface at the end of a bot: what it was told before is said, by a `run` that goes on until then."""

from __future__ import annotations

import asyncio

from loligo.ports.tentacles import Message
from loligo_bot.mailbox import Mailbox
from tests.fakes.edges import Told, edge, message, watching


class Talker:
    """Says in its `run` what it is told."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._line: asyncio.Queue[tuple[str, asyncio.Event]] = asyncio.Queue()

    async def run(self) -> None:
        while True:
            text, said = await self._line.get()
            self._told.add("talker", text)
            said.set()

    async def notify(self, message: Message) -> None:
        said = asyncio.Event()
        self._line.put_nowait((message.text, said))
        await said.wait()


def test_an_interface_says_everything_before_its_run_ends_with_the_bot() -> None:
    async def go() -> None:
        told = Told()
        async with watching() as watch:
            mailbox = Mailbox("interfaces/talker", watch.around)
            mailbox.open(edge(lambda: Talker(told), kind="interface", place="interfaces/talker"))
            await asyncio.sleep(0)
            for number in range(3):
                mailbox.offer(message(number))
            ended = await watch.end()
        assert told.texts == ["0", "1", "2"]
        assert ended.is_clean

    asyncio.run(go())
