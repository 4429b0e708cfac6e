"""Pages and cards of tentacles over HTTP: what they declare is shown, escaped, with the rights of whoever looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from loligo.model.timeframe import ns_from_iso
from tests.fakes.tentacle_folder import write_tentacle
from tests.fakes.tentacle_version import EVALUATOR
from tests.scenario.bots import BotFolder
from tests.web.conftest import ATTACK
from tests.web.running import RunningPage, running_page

FAILS = f"{ns_from_iso('2017-12-05')} < candle.ts < {ns_from_iso('2019-01-01')}:"  # not when it is verified
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
    shaky = EVALUATOR.replace("candle):\n", f"candle):\n        if {FAILS} raise OSError('no way out')\n")
    write_tentacle(folder.home, "evaluator", "shaky", code=shaky)
    done = folder.call("tentacle", "refresh")
    assert done.code == 0, done.out
    folder.edit(
        lambda config: config["desks"]["trend"]["evaluators"].extend([{"tentacle": "showy"}, {"tentacle": "shaky"}])
    )


def inline(value: Any) -> str:
    """Return a value as TOML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {inline(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


@pytest.fixture(scope="module")
def showing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPage]:
    quick = {"LOLIGO__HEALTH__FAILURES": "3", "LOLIGO__HEALTH__BACKOFF_S": "36000000"}
    with running_page(tmp_path_factory.mktemp("views") / "bot", with_views, **quick) as page:
        yield page


def got(page: RunningPage, path: str, *, role: str = "view", form: dict[str, str] | None = None) -> tuple[int, str]:
    """Return status and text of a page, or of what a posted form leads to."""

    async def get() -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(headers=page.headers(role)) as session,
            session.request(
                "GET" if form is None else "POST", page.address + path, data=form, allow_redirects=False
            ) as response,
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


def test_what_is_in_quarantine_is_tried_again_by_a_button_of_who_may(showing: RunningPage) -> None:
    showing.bot.wait_until(lambda status: "evaluator shaky" in " ".join(status["quarantined"]))
    button = 'action="/do/tentacle.retry"'
    assert "Quarantined</b> · evaluator shaky" in got(showing, "/health")[1]
    assert button not in got(showing, "/health")[1]  # of who only looks
    page = got(showing, "/health", role="admin")[1]
    assert button in page and "&#34;evaluator/shaky&#34;" in page
    assert got(showing, "/do/tentacle.retry", form={"name": "evaluator/shaky"})[0] == 403
    assert got(showing, "/do/tentacle.retry", role="admin", form={"name": "evaluator/shaky"})[0] == 303
