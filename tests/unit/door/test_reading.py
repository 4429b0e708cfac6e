"""Those who read share the work of bringing the read models up to date."""

from __future__ import annotations

import asyncio
import threading

from tests.fakes.inside import inside


class Projecting:
    """Counts rounds; each waits until it is let go on."""

    def __init__(self) -> None:
        self.rounds = 0
        self.began, self.goes_on = threading.Event(), threading.Event()

    def catch_up(self, limit_s: float = 1.0) -> None:
        self.rounds += 1
        self.began.set()
        self.goes_on.wait(5)


def test_who_asks_during_a_round_shares_the_next_one_which_began_after_he_asked() -> None:
    async def story() -> None:
        projecting = Projecting()
        behind = inside(projecting=projecting)
        first = asyncio.ensure_future(behind.read(lambda: "first"))
        await asyncio.to_thread(projecting.began.wait, 5)
        others = [asyncio.ensure_future(behind.read(lambda: "other")) for _ in range(20)]
        await asyncio.sleep(0)
        projecting.goes_on.set()
        assert await first == "first"
        assert await asyncio.gather(*others) == ["other"] * 20
        assert projecting.rounds == 2

    asyncio.run(story())
