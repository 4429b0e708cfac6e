"""The page of automations by HTTP: what cannot be said so, and that what stands in settings is never markup."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from loligo.api import MakeContext
from loligo.config.schema import FeedConfig
from loligo.runtime.supervisor import Supervisor
from loligo_bot.door import automations
from loligo_bot.door.following import Following
from loligo_bot.door.front_door import FrontDoor
from loligo_web.server import WebInterface
from loligo_web.settings import WebSettings
from tests.fakes.inside import inside
from tests.web.site import Site

EVIL = "<script>alert(1)</script>"


class Edges:
    """Edges of which none is at work, and one says what markup would be."""

    def made(self, _section: str) -> dict[str, Any]:
        return {}

    def status(self) -> dict[str, dict[str, Any]]:
        return {"automations/guard": {"error": EVIL}}


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Site]:
    (home / "state").mkdir()
    (home / "tentacle_registry.json").write_text('{"format": 1, "tentacles": []}')
    placed = FeedConfig(tentacle="rule", name="guard", settings={"text": EVIL})
    running: Any = SimpleNamespace(config=SimpleNamespace(automations=(placed,)), loaded=())
    rows: Any = None
    door: Any = FrontDoor(automations.OFFERS)
    async with Supervisor({"edges": 1.0}) as tasks:
        parts = {"edges": Edges(), "reconciler": SimpleNamespace(running=running), "bot": SimpleNamespace(home=home)}
        door.open(inside(tasks=tasks, **parts), Following(1, lambda: rows))
        page = WebInterface(WebSettings(port=0), MakeContext(home=str(home), door=door))
        serving = asyncio.create_task(page.run())
        while not page.address:
            await asyncio.wait({serving}, timeout=0.005)
        try:
            yield Site(door, home, page.address, serving)
        finally:
            serving.cancel()
            await asyncio.wait({serving})


def run(home: Path, story: Callable[[Site], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(60), opened(home) as site:
            await story(site)

    asyncio.run(within())


def test_what_stands_in_settings_and_errors_is_text(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        async with site.owner() as anna:
            status, page = await anna.get("/automations")
            assert status == 200 and "The tentacle rule is off" in page
            assert EVIL not in page and "&lt;script&gt;alert(1)" in page

    run(tmp_path, story)


def test_a_form_that_says_nonsense_is_answered_with_what_was_expected(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        async with site.owner() as anna:
            form = {"sort": "rule", "name": EVIL, "what": "price_below", "then": "pause", "level": EVIL}
            status, page = await anna.post("/automations/add", form)
            assert status == 422 and "expected a number, such as 9000" in page and EVIL not in page
            status, page = await anna.post("/automations/add", {**form, "what": "nonsense"})
            assert status == 422 and "choose one" in page
            status, page = await anna.post("/automations/add", {**form, "level": "1"})
            assert status == 422 and "String should match pattern" in page
            assert (await anna.get("/automations/nobody"))[0] == 404

    run(tmp_path, story)


def test_rows_of_a_rule_are_drawn_by_what_is_chosen_and_nothing_of_a_form_is_markup(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        async with site.owner() as anna:
            form = {"conditions.0.is": "hours", "conditions.0.zone": EVIL, "conditions.3.is": "paused"}
            status, drawn = await anna.post("/automations/rows/conditions", form)
            assert status == 200 and EVIL not in drawn and "&lt;script&gt;alert(1)" in drawn
            assert 'name="conditions.0.begins"' in drawn and 'name="conditions.3.desk"' in drawn
            _, drawn = await anna.post("/automations/rows/conditions?remove=0", form)
            assert "conditions.0." not in drawn and 'name="conditions.3.desk"' in drawn
            _, drawn = await anna.post("/automations/rows/conditions?add=yes", form)
            assert 'name="conditions.4.is"' in drawn and "conditions.4.desk" not in drawn
            _, drawn = await anna.post("/automations/rows/then", {"then": "switch"})
            assert 'name="tentacle"' in drawn
            for path in ("nonsense", EVIL):
                assert (await anna.post(f"/automations/rows/{path}", form))[0] == 404
            refused = {"X-CSRF-Token": None}
            assert (await anna.post("/automations/rows/conditions", form, headers=refused))[0] == 403

    run(tmp_path, story)


def test_a_tentacle_or_a_condition_that_is_none_is_told_at_its_field_and_what_was_typed_stays(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        async with site.owner() as anna:
            form = {"sort": "rule", "name": "guard", "what": "price_below", "then": "switch", "level": "1"}
            condition = {"conditions.1.is": "price_above", "conditions.1.level": EVIL}
            status, page = await anna.post("/automations/add", {**form, **condition, "tentacle": EVIL})
            assert status == 422 and EVIL not in page
            assert "choose one of the tentacles" in page
            assert 'name="conditions.1.level" type="text" inputmode="decimal" value="&lt;script&gt;' in page

    run(tmp_path, story)


def test_a_change_without_the_pages_token_is_refused(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        async with site.owner() as anna:
            given = {"name": "guard", "confirmed": "yes"}
            assert (await anna.post("/do/automation.remove", given, headers={"X-CSRF-Token": ""}))[0] == 403
            assert (await anna.post("/do/automation.remove", {"name": "guard"}))[0] == 422  # nobody was asked

    run(tmp_path, story)
