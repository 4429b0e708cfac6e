"""Pages and cards of tentacles over HTTP: what they declare is shown, escaped, with the rights of whoever looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.tentacle_folder import write_tentacle
from tests.scenario.bots import BotFolder
from tests.web.conftest import ATTACK
from tests.web.running import RunningPage, running_page

WORST = ATTACK[:40]  # of a title, as much of it as fits


def part(verb: str, **more: Any) -> dict[str, Any]:
    return {"title": WORST, "verb": verb, "fields": {"name": WORST}, "empty": ATTACK, **more}


def with_views(folder: BotFolder) -> None:
    """Let an evaluator at work show what it may, what it may not, and what is not there."""
    parts = [
        part("status", show="facts", fields={"name": WORST, "mode": "Mode"}),
        part("panic", show="facts"),
        part("tentacle.view", show="facts", arguments={"name": "showy"}),
        part("access.list", rows="people"),
        part("desks", rows="desks", fields={"name": "Desk"}),
    ]
    tables = {"page": {"title": WORST, "parts": parts}, "widget": {"title": "Faulty", "parts": []}}
    write_tentacle(folder.home, "evaluator", "showy", manifest={"show": inline(tables)})
    done = folder.call("tentacle", "refresh")
    assert done.code == 0, done.out
    folder.edit(lambda config: config["desks"]["trend"]["evaluators"].append({"tentacle": "showy"}))


def inline(value: Any) -> str:
    """Return a value as TOML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {inline(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


@pytest.fixture(scope="module")
def showing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPage]:
    with running_page(tmp_path_factory.mktemp("views") / "bot", with_views) as page:
        yield page


def got(page: RunningPage, path: str) -> tuple[int, str]:
    """Return status and text, as somebody who may only look gets them."""

    async def get() -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(headers=page.headers("view")) as session,
            session.get(page.address + path) as response,
        ):
            return response.status, await response.text()

    return asyncio.run(get())


def test_what_a_tentacle_declares_is_shown_and_nothing_of_it_is_markup(showing: RunningPage) -> None:
    status, page = got(showing, "/view/evaluator/showy")
    assert status == 200
    assert WORST not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert '<dd class="">replay</dd>' in page


def test_only_what_changes_nothing_is_asked_and_one_fault_takes_no_other_part_with_it(showing: RunningPage) -> None:
    _, text = got(showing, "/api/v1/tentacle/view?name=showy")
    status, panic, itself, nothing, desks = json.loads(text)["parts"]
    assert status["rows"] == [["loligo", "replay"]]
    for asked in (panic, itself):
        assert asked["problem"].endswith("a view may ask only for what changes nothing, and for no other view")
    assert nothing["problem"].startswith('there is no verb "access.list"')
    assert [row[0] for row in desks["rows"]] == ["dips", "trend"]
    _, state = got(showing, "/api/v1/status")
    assert json.loads(state)["kill_switch"] == 0


def test_a_card_that_cannot_be_read_says_why_and_the_dashboard_stands(showing: RunningPage) -> None:
    status, page = got(showing, "/")
    assert status == 200
    assert "tentacle.toml of showy, [show.widget]: parts" in page
    _, text = got(showing, "/api/v1/tentacle/views")
    rows = {(one["place"], one["name"]): one["problem"] for one in json.loads(text)["views"]}
    assert rows["page", "showy"] == "" and rows["widget", "showy"].startswith("tentacle.toml of showy")


def test_a_tentacle_that_nobody_uses_shows_nothing(showing: RunningPage) -> None:
    status, text = got(showing, "/view/trading_mode/grid")
    assert status == 404
    assert "no tentacle" in text
    assert "/view/trading_mode/grid" not in got(showing, "/more")[1]
    assert "/view/strategy/weighted_vote" in got(showing, "/more")[1]
