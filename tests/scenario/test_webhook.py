"""From an alert over HTTP to an order: what TradingView says is an input of the journal, and `why` tells it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from loligo.api import ExternalSignal, LoligoError
from loligo.model import events as ev
from loligo.model.events import Record
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.web.running import RunningPage, running_page
from tests.web.site import PASSWORD, Visitor

BTC = "coinbase:BTC/USD"
DESK = {
    "venue": "coinbase",
    "account": "paper",
    "instruments": ["BTC/USD"],
    "timeframe": "1h",
    "capital": 10_000,
    "evaluators": [{"tentacle": "external_signal", "settings": {"sources": ["tradingview"]}}],
    "strategy": {"tentacle": "weighted_vote"},
    "mode": {"tentacle": "signal_spot"},
}
ALERT = {"instrument": "COINBASE:BTCUSD", "action": "buy", "text": "crossed the line", "id": "order 1"}


def with_desk(folder: BotFolder) -> None:
    folder.edit(lambda config: config["accounts"]["paper"]["deposits"].update(USD=110_000))
    folder.edit(lambda config: config["desks"].update(alerts=DESK))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPage]:
    with running_page(tmp_path_factory.mktemp("hook") / "bot", with_desk) as page:
        yield page


async def alerted(page: RunningPage, *bodies: dict[str, Any]) -> list[tuple[int, Any]]:
    """Make a hook for TradingView as the owner does, and send it these alerts as TradingView does."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        owner = Visitor(session, page.address)
        await owner.post("/sign-in", {"name": "anna", "password": PASSWORD})
        _, shown = await owner.get("/access/hooks")
        found = re.search('name="csrf" content="([^"]+)"', shown)
        assert found is not None
        owner = Visitor(session, page.address, found[1])
        form = {"kind": "tradingview", "name": f"h{time.monotonic_ns()}", "source": "tradingview", "instruments": BTC}
        _, shown = await owner.post("/access/hooks/make", form)
        url = shown.partition('id="hook-url">')[2].partition("<")[0]
        answers = []
        for body in bodies:
            async with session.post(url, data=json.dumps(body), headers={"Content-Type": "text/plain"}) as response:
                answers.append((response.status, await response.json()))
        return answers


def answers(folder: BotFolder) -> None:
    """Wait until a bot that was started answers."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        try:
            if folder.asked("version")["ok"]:
                return
        except LoligoError:
            pass  # not listening yet
        time.sleep(0.05)
    raise AssertionError("the bot did not answer")


def ordered(page: RunningPage) -> dict[str, Any]:
    """Return the first order of the desk."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        found: list[dict[str, Any]] = page.bot.asked("orders", desk="alerts", limit=1)["answer"]["orders"]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no order came of the alert")


def test_an_alert_becomes_an_order_whose_causes_are_told(running: RunningPage) -> None:
    first, second, foreign = asyncio.run(
        alerted(running, ALERT, ALERT, {**ALERT, "id": "2", "instrument": "BITSTAMP:ETHUSD"})
    )
    assert (first[0], first[1]["status"], first[1]["instrument"], first[1]["value"]) == (200, "published", BTC, 1.0)
    assert (second[0], second[1]["status"]) == (200, "known")
    assert (foreign[0], BTC in foreign[1]["detail"]) == (422, True)  # known to the bot, but not this hook's
    order = ordered(running)
    steps = running.bot.asked("why", id=order["id"])["answer"]["steps"]
    told = {step["step"]: step for step in steps}
    assert told["outside signal"]["seq"] == first[1]["seq"]
    assert told["outside signal"]["text"] == f"tradingview says buy +1 of {BTC}: crossed the line"
    names = [step["step"] for step in steps]
    wanted = ["outside signal", "evaluation", "decision", "request", "check", "approved", "order"]
    assert [name for name in dict.fromkeys(names) if name in wanted] == wanted


def test_the_door_takes_signals_of_people_and_refuses_what_it_does_not_know(running: RunningPage) -> None:
    ask = running.bot.asked
    said = ask("signal.publish", "key-1", source="anna", instrument="btc", value=-0.25, text="a feeling", ttl_s=60)
    again = ask("signal.publish", "key-1", source="anna", instrument="btc", value=-0.25, text="a feeling", ttl_s=60)
    assert said["answer"] == again["answer"]
    assert (said["answer"]["instrument"], said["answer"]["value"]) == (BTC, -0.25)
    for wrong in (
        {"source": "anna", "instrument": "DOGE/USD", "value": 1},
        {"source": "anna", "value": 1.5},
        {"source": "anna"},
        {"source": "coinbase", "value": 1},
        {"source": "anna", "value": 1, "ttl_s": -1},
        {"source": "a b", "value": 1},
    ):
        assert ask("signal.publish", **wrong)["ok"] is False


def test_a_stopped_bot_comes_to_the_same_and_knows_what_it_was_told(tmp_path: Path) -> None:
    with running_page(tmp_path / "bot", with_desk) as page:
        asyncio.run(alerted(page, ALERT))
        told = {"source": "anna", "instrument": "btc", "value": 0.5}
        before = page.bot.asked("signal.publish", "a key", **told)["answer"]
        ordered(page)
    folder = page.bot  # it was killed: recovery works through the journal again, and compares
    with folder.running("run", "--headless", "--speed", "108000") as process:
        answers(folder)
        again = folder.asked("signal.publish", "a key", **told)["answer"]
        other = folder.asked("signal.publish", "a key", **{**told, "value": 0.6})
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert again == {**before, "is_new": False}
    assert other["ok"] is False
    records = folder.records()
    said = [record for record in records if isinstance(record.input, ExternalSignal)]
    assert [record.input.source for record in said if isinstance(record.input, ExternalSignal)] == [
        "tradingview",
        "anna",
    ]
    check_times(records)
    assert any(
        isinstance(event, ev.OrderSubmitted) and event.desk == "alerts" for one in records for event in one.events
    )


def check_times(records: list[Record]) -> None:
    """A signal has the time of the input before it: never of the past, never of the future of the data."""
    for before, record in pairwise(records):
        if isinstance(record.input, ExternalSignal):
            assert record.input.ts == before.input.ts
