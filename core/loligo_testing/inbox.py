"""An inbox that keeps what it is given, for tests of feeds."""

from __future__ import annotations

from collections.abc import Sequence

from loligo.api import Input


class CollectingInbox:
    """Stands where the engine's inbox stands (`loligo.api.InboxPort`); it is never full."""

    def __init__(self) -> None:
        self.items: list[Input] = []

    async def put(self, item: Input) -> None:
        self.items.append(item)

    async def put_many(self, items: Sequence[Input]) -> None:
        self.items += items
