"""Bell and page by HTTP, on the true verbs: what is new is kept for each person; nothing that came shows as markup."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import structlog

from loligo.api import MakeContext
from loligo.ports.tentacles import Message
from loligo.runtime.inbox import Inbox
from loligo.runtime.supervisor import Supervisor
from loligo_bot.daily import Daily
from loligo_bot.door import notifications
from loligo_bot.door.following import Following
from loligo_bot.door.front_door import FrontDoor
from loligo_bot.notifying import Notifying
from loligo_notify import Kind, Outbox, Page, RetryLater, Rule, Teller, post_of
from loligo_web.server import WebInterface
from loligo_web.settings import WebSettings
from tests.fakes.chat_doors import HurryingClock
from tests.fakes.inside import inside
from tests.web.site import Site, Visitor, join

EVIL = "<script>alert(1)</script>"


class Nobody:
    """Edges without anybody."""

    def tell(self, messages: Any, records: Any) -> None:
        """Nobody hears."""

    def status(self) -> dict[str, dict[str, Any]]:
        return {}


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[tuple[Site, Notifying]]:
    (home / "state").mkdir()
    rows: Any = None
    notifying = Notifying(post_of(str(home)), Nobody(), rows, Daily("00:00", "UTC", {}), 0)
    door: Any = FrontDoor(notifications.OFFERS)
    async with Supervisor({"edges": 1.0}) as tasks:
        notifying._go_on()  # nothing was missed
        thread = SimpleNamespace(inbox=Inbox())  # for the note that something was asked for
        door.open(inside(notifying=notifying, tasks=tasks, thread=thread), Following(1, lambda: rows))
        web = WebInterface(WebSettings(port=0), MakeContext(home=str(home), door=door))
        running = asyncio.create_task(web.run())
        while not web.address:
            await asyncio.wait({running}, timeout=0.005)
        try:
            yield Site(door, home, web.address, running), notifying
        finally:
            running.cancel()
            await asyncio.wait({running})


def run(home: Path, story: Callable[[Site, Notifying], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(60), opened(home) as (site, notifying):
            await story(site, notifying)

    asyncio.run(within())


def happened(notifying: Notifying, *texts: str, kind: Kind = Kind.COMMAND) -> None:
    for text in texts:
        notifying.say(Message(kind=kind, level="info", text=text, fields={"time": "2026-11-22T08:30:00Z"}))


async def unread(visitor: Visitor) -> int:
    _, answer = await visitor.get("/notifications?json")
    return int(answer["notifications"]["unread"])


def test_what_one_person_has_read_is_new_to_another_and_stays_read(tmp_path: Path) -> None:
    async def story(site: Site, notifying: Notifying) -> None:
        happened(notifying, "one", "two")
        async with site.owner() as anna:
            assert await unread(anna) == 2
            _, answer = await anna.get("/notifications?json")
            newest = answer["notifications"]["notifications"][0]
            assert (newest["text"], newest["is_new"]) == ("two", True)
            status, _ = await anna.post("/notifications/seen", {"up_to": newest["id"]})
            assert (status, await unread(anna)) == (303, 0)
            happened(notifying, "three")
            assert await unread(anna) == 1
            _, made = await anna.post("/access/invite", {"role": "view"}, headers={"HX-Request": "true"})
            link = made.split(site.address)[1].split('"')[0].split("<")[0].strip()
            async with site.visitor() as guest:
                bert = await join(guest, link, "bert")
                assert await unread(bert) == 3
                status, _ = await bert.post("/notifications/seen", {"up_to": newest["id"]})  # also who may only look
                assert (status, await unread(bert)) == (303, 1)

    run(tmp_path, story)


def test_what_came_from_outside_is_shown_as_text(tmp_path: Path) -> None:
    async def story(site: Site, notifying: Notifying) -> None:
        happened(notifying, EVIL)
        async with site.owner() as anna:
            for path in ("/notifications", "/part/bell"):
                status, page = await anna.get(path)
                assert status == 200
                assert EVIL not in page and "&lt;script&gt;alert(1)" in page

    run(tmp_path, story)


def test_pages_go_back_in_time_and_what_comes_often_is_shown_when_asked_for(tmp_path: Path) -> None:
    async def story(site: Site, notifying: Notifying) -> None:
        happened(notifying, *(f"event {number}" for number in range(70)))
        happened(notifying, "a fill", kind=Kind.FILL)
        async with site.owner() as anna:
            _, first = await anna.get("/notifications?json")
            rows, before = first["notifications"]["notifications"], first["notifications"]["next_before"]
            assert [rows[0]["text"], rows[-1]["text"], len(rows)] == ["event 69", "event 20", 50]
            _, second = await anna.get(f"/notifications?json&before={before}")
            assert [row["text"] for row in second["notifications"]["notifications"]][-1] == "event 0"
            assert second["notifications"]["next_before"] is None
            _, fills = await anna.get("/notifications?json&kind=fill")
            assert [row["text"] for row in fills["notifications"]["notifications"]] == ["a fill"]
            assert (await anna.get("/notifications?before=x"))[0] == 422
            assert (await anna.get("/notifications?kind=nonsense"))[0] == 422

    run(tmp_path, story)


def test_a_change_without_the_pages_token_is_refused(tmp_path: Path) -> None:
    async def story(site: Site, notifying: Notifying) -> None:
        happened(notifying, "one")
        async with site.owner() as anna:
            status, _ = await anna.post("/notifications/seen", {"up_to": 1}, headers={"X-CSRF-Token": ""})
            assert (status, await unread(anna)) == (403, 1)

    run(tmp_path, story)


def test_who_is_told_shows_with_state_rules_and_a_test_that_says_why_it_failed(tmp_path: Path) -> None:
    async def story(site: Site, notifying: Notifying) -> None:
        post, clock = notifying.post, HurryingClock()
        box: Outbox[str, Page] = Outbox(clock, structlog.get_logger(), store=post.store)
        teller = Teller("mail", box, "mail", (Rule(level="problem"),), lambda message, words: [Page(text=words)], clock)
        post.tellers.add(teller)

        async def send(_name: str, _page: Page) -> None:
            raise RetryLater("the server is away")

        running = asyncio.create_task(box.run(send))
        async with site.owner() as anna:
            status, tested = await anna.post(
                "/api/v1/notify/test", None, json={"name": "mail"}, headers={"Idempotency-Key": "1"}
            )
            assert (status, tested["is_done"]) == (200, False)
            assert tested["message"] == "mail: not delivered: the server is away"
            _, page = await anna.get("/notifications")
            assert "the server is away" in page and "problems only" in page and "failing" in page
            status, _ = await anna.post(
                "/api/v1/notify/test", None, json={"name": "male"}, headers={"Idempotency-Key": "2"}
            )
            assert status == 404
        running.cancel()
        await asyncio.wait({running})

    run(tmp_path, story)
