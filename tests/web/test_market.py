"""Pages of markets with a door of the tests behind: names of every sort, old prices, and pictures."""

from __future__ import annotations

import asyncio
import html
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loligo.api import Actor, Answer, Role, Verb
from loligo_bot.door.chart import ChartAsked, Level, MarketChart
from loligo_bot.door.market import CandleRow
from loligo_bot.door.markets import MarketAsked, MarketRow, Markets
from loligo_bot.door.marks import Mark
from loligo_bot.door.picture import Chart, PictureAsked, Png
from loligo_bot.door.scanning import ScannedOpinion, WatchedRow
from loligo_web.pages.market import address
from tests.fakes.doors import FakeDoor
from tests.web.site import Site, Visitor, site

PNG = b"\x89PNG\r\n\x1a\n and the rest"
ODD = (
    "coinbase:BTC/USD",
    "x:\"><script>alert('1')</script>",
    "x:A/B?c=d#e&f%2Fg",
    "x:../../access",
    "x://..//B",
    "x:ü 😀 \u202e",
)


class MarketDoor(FakeDoor):
    """A door to one market of any name."""

    def __init__(self, instrument: str, *, is_stale: bool = False) -> None:
        super().__init__()
        self.instrument, self.is_stale = instrument, is_stale
        self.given: list[tuple[str, dict[str, Any]]] = []
        told: tuple[tuple[str, Any, Any], ...] = (
            ("market", MarketAsked, Markets),
            ("market.chart", ChartAsked, MarketChart),
            ("chart", PictureAsked, Chart),
        )
        own = [
            Verb(name=name, summary=name, role=Role.VIEW, arguments=asked, answer=answer)
            for name, asked, answer in told
        ]
        self.verbs = {**self.verbs, **{verb.name: verb for verb in own}}

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        if verb not in ("market", "market.chart", "chart"):
            return await super().ask(actor, verb, arguments, key=key)
        self.verbs[verb].arguments.model_validate(dict(arguments))
        self.given.append((verb, dict(arguments)))
        return {"market": self.markets, "market.chart": self.chart, "chart": self.picture}[verb]()

    def markets(self) -> Answer:
        row = MarketRow.model_construct(
            instrument=self.instrument,
            price=7_193.3,
            at="2020-01-01T00:00:00Z",
            age_s=90.0,
            is_stale=self.is_stale,
            change_day=-0.012,
            volume_day=5.0,
            bid=None,
            ask=None,
            spread=None,
            timeframes=["1h"],
            curve=[1.0, 2.0],
            curve_at_ms=[1, 2],
            positions=[],
            open_orders=0,
            opinions=[],
            watched=[self.watched()],
        )
        return Markets(time="2020-01-01T00:00:00Z", mode="paper", markets=[row], left_out=0)

    def watched(self) -> WatchedRow:
        said = ScannedOpinion(evaluator=f"rsi {self.instrument} 1d", value=0.8, code="oversold", time="2020-01-01")
        return WatchedRow(
            desk="trend",
            instrument=self.instrument,
            time="2020-01-01",
            opinions=[said],
            direction="long",
            code="dip",
            job=3,
        )

    def chart(self) -> Answer:
        evil = "<img src=x onerror=alert(1)>"
        mark = Mark(
            at_ms=1,
            seq=42,
            kind="exit",
            side="sell",
            desk=evil,
            price=1.0,
            quantity="1",
            net=-3.5,
            is_fill=True,
            text=evil,
        )
        return MarketChart(
            time="2020-01-01T00:00:00Z",
            instrument=self.instrument,
            timeframe="1h",
            timeframes=["1h", "4h"],
            candles=[CandleRow(opened_at_ms=0, open=1.0, high=2.0, low=0.5, close=1.5, volume=3.0)],
            next_until=None,
            evaluators=[],
            marks=[mark, *([mark.model_copy(update={"at_ms": 2, "text": "refused at 04:37Z"})] * 3)],
            levels=[Level(kind="stop", price=0.9, quantity=1, side="sell", desk=evil, seq=41, order_id="a")],  # type: ignore[arg-type]
            is_shortened=False,
        )

    def picture(self) -> Answer:
        picture = Png(width=1, height=1, base64=b64encode(PNG).decode())
        return Chart(time="", instrument=self.instrument, timeframe="1h", text=["up"], picture=picture)


def run(home: Path, door: MarketDoor, story: Callable[[Site, Visitor], Any]) -> None:
    async def told() -> None:
        async with site(home, door) as place, place.owner() as owner:
            await story(place, owner)

    asyncio.run(told())


@pytest.mark.parametrize("instrument", ODD)
def test_a_market_of_any_name_is_escaped_and_found_by_its_link(tmp_path: Path, instrument: str) -> None:
    door = MarketDoor(instrument)

    async def story(_place: Site, owner: Visitor) -> None:
        status, listed = await owner.get("/market")
        assert status == 200 and "<script>alert" not in listed
        [link] = re.findall(r'<th scope="row"><a href="([^"]*)"', listed)
        assert html.unescape(link) == address(instrument)
        status, page = await owner.get(html.unescape(link))
        assert status == 200 and "<script>alert" not in page and "<img" not in page
        asked = [given["instrument"] for verb, given in door.given if verb == "market.chart"]
        assert asked == [instrument]

    run(tmp_path, door, story)


def test_an_old_price_is_grey_and_says_so(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        for path in ("/market", address("coinbase:BTC/USD")):
            _, page = await owner.get(path)
            assert ("stale" in page and ">old</span>" in page) == place.door.is_stale  # type: ignore[attr-defined]

    run(tmp_path / "old", MarketDoor("coinbase:BTC/USD", is_stale=True), story)
    run(tmp_path / "new", MarketDoor("coinbase:BTC/USD"), story)


def test_marks_and_levels_lead_to_their_story_and_candles_stand_in_a_table(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        _, page = await owner.get(f"{address('coinbase:BTC/USD')}?timeframe=1h")
        row = "".join(f'<td class="right num">{one}</td>' for one in ("1.0000", "2.0000", "0.5000"))
        assert f'<th scope="row" class="num">1970-01-01 00:00</th>{row}' in page
        _, part = await owner.get(f"{address('coinbase:BTC/USD')}?part=facts&timeframe=1h")
        assert part.lstrip().startswith('<div class="stack" id="facts"')

    run(tmp_path, MarketDoor("coinbase:BTC/USD"), story)


def test_rest_gives_the_picture_to_who_accepts_it_and_json_to_all_others(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        path = "/api/v1/chart?instrument=btc"
        status, answer = await owner.get(path)
        assert (status, answer["picture"]["base64"]) == (200, b64encode(PNG).decode())
        async with owner.session.get(place.address + path, headers={"Accept": "image/png"}) as response:
            assert (response.content_type, await response.read()) == ("image/png", PNG)
        async with owner.session.get(place.address + "/market/coinbase:BTC/USD?png&timeframe=4h") as response:
            assert (response.content_type, await response.read()) == ("image/png", PNG)
        assert place.door.given[-1] == ("chart", {"count": 150, "instrument": "coinbase:BTC/USD", "timeframe": "4h"})  # type: ignore[attr-defined]
        _, told = await owner.get("/api/v1/openapi.json")
        content = told["paths"]["/chart"]["get"]["responses"]["200"]["content"]
        assert content.keys() == {"application/json", "image/png"}

    run(tmp_path, MarketDoor("coinbase:BTC/USD"), story)


def test_a_watched_market_says_what_its_desk_would_do(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        _, page = await owner.get(address("coinbase:BTC/USD"))
        card = page[page.index('id="watched"') :].partition("</section>")[0]
        assert "would go long <small>dip</small>" in card
        assert 'title="rsi coinbase:BTC/USD 1d: oversold"' in card and "+0.80" in card
        _, table = await owner.get("/market")
        assert ">watched</span>" in table

    run(tmp_path, MarketDoor("coinbase:BTC/USD"), story)


def test_what_happened_often_in_a_row_stands_once_and_keeps_its_capitals(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        _, body = await owner.get(f"{address('x:A/B')}")
        assert body.count("Refused at 04:37Z") == 1 and "· 3 times" in body
        assert "1 times" not in body

    run(tmp_path, MarketDoor("x:A/B"), story)
