"""The view of an investor over HTTP: percent alone unless the link says more, while it lasts, and nothing else."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from loligo.api import Role
from loligo_bot.door.track_record import months
from loligo_web.investor import PER_MINUTE
from loligo_web.server import HOOKS_FILE
from tests.fakes.signal_doors import SignalDoor
from tests.web.site import Site, Visitor, site

DAY_NS = 86_400_000_000_000
AMOUNTS, POSITIONS, STRATEGIES = ("123\u202f456.78", "7.25"), ("BTC/USD", "long"), ("secret-sauce",)
SHOWN: dict[tuple[str, ...], tuple[str, ...]] = {
    (): (),
    ("amounts",): AMOUNTS[:1],
    ("positions",): POSITIONS,
    ("positions", "strategies"): (*POSITIONS, *STRATEGIES),
    ("amounts", "positions", "strategies"): (*AMOUNTS, *POSITIONS, *STRATEGIES),
}


async def shared(owner: Visitor, *shows: str, name: str = "aunt") -> str:
    """Make a link; return its path."""
    form = [("name", name), ("days", "30"), *(("shows", one) for one in shows)]
    status, page = await owner.post("/access/shares/make", form)
    assert status == 200, page
    link = re.search(r'id="share-link">([^<]+)<', page)
    assert link is not None
    return link[1].removeprefix(owner.address)


@pytest.mark.parametrize("shows", SHOWN, ids=["percent", *map("+".join, list(SHOWN)[1:])])
def test_a_link_shows_what_it_says_and_no_more(tmp_path: Path, shows: tuple[str, ...]) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner, place.visitor() as guest:
            status, page = await guest.get(await shared(owner, *shows))
            assert status == 200
            for text in ("+20.00 %", "\u22127.31 %", "+10.0 %", "+9.1 %", "3.45 %", ">42<"):
                assert text in page
            for text in (*AMOUNTS, *POSITIONS, *STRATEGIES):
                assert (text in page) == (text in SHOWN[shows]), text

    asyncio.run(told())


def test_who_has_a_link_only_looks(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner, place.visitor() as guest:
            path = await shared(owner, "amounts")
            async with guest.session.get(guest.address + path) as response:
                assert response.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
                assert response.cookies == {}
                page = await response.text()
            assert 'content="noindex, nofollow"' in page
            assert "<nav" not in page
            assert 'name="csrf"' not in page
            for other in ("/api/v1/version", "/api/v1/track_record", "/access/shares?json"):
                secret = path.rpartition("/")[2]
                assert (await guest.get(other, headers={"Authorization": f"Bearer {secret}"}))[0] == 401
            assert (await guest.post(path, {}))[0] == 404
            assert "<!doctype html>" in (await guest.get(f"{path}?json"))[1]  # no twin for programs
            actors = {(actor.name, actor.role) for actor, verb, _ in place.door.asked if verb == "track_record"}
            assert actors == {("share:aunt", Role.VIEW)}

    asyncio.run(told())


def test_a_link_that_is_taken_back_or_wrong_shows_nothing(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner, place.visitor() as guest:
            path = await shared(owner)
            _, listed = await owner.get("/access/shares?json")
            assert (await guest.get(path + "x"))[0] == 404
            assert path.rpartition("/")[2].encode() not in (tmp_path / HOOKS_FILE).read_bytes()
            assert (await owner.post("/access/shares/remove", {"name": listed["shares"][0]["name"]}))[0] == 303
            status, page = await guest.get(path)
            assert (status, "+20.00 %" in page) == (404, False)

    asyncio.run(told())


def test_a_link_ends_with_its_time(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner, place.visitor() as guest:
            path = await shared(owner)
            ends(place)
            assert (await guest.get(path))[0] == 404

    asyncio.run(told())


def ends(place: Site) -> None:
    """Let every link be of last month."""
    with sqlite3.connect(place.home / HOOKS_FILE) as database:
        database.execute("UPDATE shares SET until_s = until_s - 30.1 * 86400")
    database.close()


def test_a_link_cannot_be_called_without_end_and_asks_the_bot_seldom(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner, place.visitor() as guest:
            path = await shared(owner)
            answers = [(await guest.get(path))[0] for _ in range(PER_MINUTE + 5)]
            assert answers[: PER_MINUTE - 1] == [200] * (PER_MINUTE - 1)
            assert 429 in answers
            assert sum(verb == "track_record" for _, verb, _ in place.door.asked) < 5

    asyncio.run(told())


def test_only_an_admin_shares(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path, SignalDoor()) as place, place.owner() as owner:
            _, page = await owner.post("/access/token", {"name": "trader", "role": "trade"})
            trader = {"Authorization": "Bearer loligo_" + page.partition("loligo_")[2].partition("<")[0]}
            async with place.visitor(**trader) as visitor:
                assert (await visitor.get("/access/shares"))[0] == 403
                assert (await visitor.post("/access/shares/make", {"name": "x", "days": "30"}))[0] == 403
            assert (await owner.post("/access/shares/make", {"name": "x", "days": "9999"}))[0] == 422

    asyncio.run(told())


def test_each_month_is_against_the_end_of_the_one_before() -> None:
    worth = [(0, 100.0), (15, 120.0), (31, 132.0), (58, 99.0), (59, 198.0)]  # days since 1970-01-01
    rows: list[dict[str, Any]] = [{"ts": day * DAY_NS, "equity": equity} for day, equity in worth]
    found = [(one.month, one.result) for one in months(rows)]
    assert found == [
        ("1970-01", pytest.approx(0.2)),  # 100 to 120
        ("1970-02", pytest.approx(-0.175)),  # 120 to 99
        ("1970-03", pytest.approx(1.0)),  # 99 to 198
    ]
