"""Streams: what happens is told in order, resumed where it was, and ended when the page ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from loligo.model import events
from loligo_web import live, plain
from tests.web.site import Site, Visitor, join, site

LIMIT_S = 60.0  # for what comes at once, on a busy machine


def run(tmp_path: Path, story: Callable[[Site, Visitor], Any], **settings: Any) -> None:
    async def told() -> None:
        async with asyncio.timeout(60), site(tmp_path, **settings) as place, place.owner() as owner:
            await story(place, owner)

    asyncio.run(told())


async def read_events(response: aiohttp.ClientResponse, count: int) -> list[dict[str, str]]:
    """Return so many events with data, as a browser would see them."""
    found: list[dict[str, str]] = []
    event: dict[str, str] = {}
    async with asyncio.timeout(LIMIT_S):
        while len(found) < count:
            line = (await response.content.readline()).decode().rstrip("\n")
            name, colon, value = line.partition(": ")
            if colon and name:
                event[name] = value
            elif not line:
                found += [event] if "data" in event else []
                event = {}
    return found


def test_a_stream_tells_what_happens_and_a_reconnect_leaves_nothing_out(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        place.door.happens(3)  # seqs 1, 3, 5, each with one consequence
        async with owner.session.get(f"{place.address}/events?since=0&topics=decisions") as response:
            first = await read_events(response, 2)
        assert [one["id"] for one in first] == ["2", "4"]  # the newest seq that each holds
        assert json.loads(first[0]["data"])["events"][0]["declined"]["code"] == "below_threshold"
        place.door.happens(1)
        resume = {"Last-Event-ID": "4"}
        async with owner.session.get(f"{place.address}/events?topics=decisions", headers=resume) as response:
            assert [json.loads(one["data"])["seq"] for one in await read_events(response, 2)] == [5, 7]

    run(tmp_path, story)


def test_who_comes_later_is_told_as_much_from_the_same_place_on(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        url = f"{place.address}/events?since=0&topics=decisions"
        for count in (1, 3):
            place.door.happens(count - len(place.door.records))
            async with owner.session.get(url) as response:
                found = [json.loads(one["data"])["seq"] for one in await read_events(response, count)]
                assert found == [1, 3, 5][:count]

    run(tmp_path, story)


def test_what_nobody_asked_for_is_left_out_and_not_read_again(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        place.door.happens(2)
        async with owner.session.get(f"{place.address}/events?since=0&topics=risk") as response:
            lines = [(await response.content.readline()).decode() for _ in range(4)]
        assert lines == ["retry: 1000\n", "\n", "id: 4\n", "\n"]
        assert (await owner.get("/events?topics=weather"))[0] == 422
        assert (await owner.get("/events?since=yesterday"))[0] == 422

    run(tmp_path, story)


def test_whatever_the_journal_can_hold_is_of_some_topic() -> None:
    kinds = [*get_args(events.Input), *events.Event.__subclasses__()]
    assert len(kinds) > 30
    assert [kind.__name__ for kind in kinds if kind.__struct_config__.tag not in plain.KNOWN_TAGS] == []
    assert set(plain.KNOWN_TAGS.values()) <= set(live.TOPICS)


def test_our_pages_hear_only_what_changed(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        async with owner.session.get(f"{place.address}/live") as response:
            await response.content.readline()  # the stream is open: what comes now is told
            await asyncio.sleep(0)
            telling = asyncio.create_task(read_events(response, 1))
            while not telling.done():
                place.door.happens()
                await asyncio.wait({telling}, timeout=0.02)
            assert telling.result() == [{"event": "changed", "data": '["decisions", "market"]'}]

    run(tmp_path, story)


def test_a_socket_tells_records_and_answers_questions(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        place.door.happens(1)
        url = f"{place.address}/api/v1/ws?since=0&topics=decisions"
        async with owner.session.ws_connect(url, headers={"Origin": place.address}) as socket:
            assert (await socket.receive_json(timeout=LIMIT_S))["seq"] == 1
            await socket.send_json({"id": 1, "verb": "pause", "key": "k", "arguments": {"target": "trend"}})
            assert (await socket.receive_json(timeout=LIMIT_S)) == {
                "id": 1,
                "answer": {"is_done": True, "message": "pause trend"},
            }
            for question, error in (("{", "BadArguments"), ('{"id": 2, "verb": "nonsense"}', "NotFound")):
                await socket.send_str(question)
                assert (await socket.receive_json(timeout=LIMIT_S))["error"] == error
            await socket.send_json({"id": 3, "verb": "pause"})  # no key
            assert (await socket.receive_json(timeout=LIMIT_S))["problems"] == {"key": "is missing"}

    run(tmp_path, story)


async def made_token(owner: Visitor, role: str) -> str:
    _, page = await owner.post("/access/token", {"name": "script", "role": role})
    return "loligo_" + str(page).partition("loligo_")[2].partition("<")[0]


def test_what_is_open_ends_with_the_token_and_nothing_is_done_by_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        rights = {"Authorization": f"Bearer {await made_token(owner, 'trade')}"}
        question = {"id": 1, "verb": "pause", "key": "k", "arguments": {"target": "trend"}}
        async with place.visitor(**rights) as program:
            stream = await program.session.get(f"{place.address}/events")
            socket = await program.session.ws_connect(f"{place.address}/api/v1/ws")
            await owner.post("/access/remove-token", {"name": "script"})
            await socket.send_json(question)
            assert (await socket.receive_json(timeout=LIMIT_S))["error"] == "Denied"
            closed = await socket.receive(timeout=LIMIT_S)
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)
            async with asyncio.timeout(LIMIT_S):
                await stream.read()  # its end was told
            assert (await program.get("/events"))[0] == 401
        assert place.door.asked == []

    monkeypatch.setattr(live, "LOOK_S", 0.3)
    run(tmp_path, story)


def test_a_question_over_a_socket_is_asked_by_the_role_of_that_moment(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        _, page = await owner.post("/access/invite", {"role": "trade"})
        async with place.visitor() as guest:
            bert = await join(guest, page.partition(place.address)[2].partition("<")[0], "bert")
            async with bert.session.ws_connect(
                f"{place.address}/api/v1/ws", headers={"Origin": place.address}
            ) as socket:
                await owner.post("/access/person", {"name": "bert", "role": "view"})
                await socket.send_json({"id": 1, "verb": "pause", "key": "k", "arguments": {"target": "trend"}})
                assert (await socket.receive_json(timeout=LIMIT_S))["error"] == "Denied"
        assert place.door.asked == []

    run(tmp_path, story)


def test_a_socket_that_goes_away_leaves_the_page_well(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        for _ in range(3):
            socket = await owner.session.ws_connect(f"{place.address}/api/v1/ws", headers={"Origin": place.address})
            await socket.close()
        assert (await owner.get("/healthz"))[0] == 200

    run(tmp_path, story, max_streams=3)


def test_no_more_streams_than_are_allowed(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        async with owner.session.get(f"{place.address}/events"):
            assert (await owner.get("/events"))[0] == 503

    run(tmp_path, story, max_streams=1)


def test_no_open_stream_holds_up_the_end_of_the_page(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        streams = [await owner.session.get(f"{place.address}/{path}") for path in ("events", "live", "events?since=0")]
        socket = await owner.session.ws_connect(f"{place.address}/api/v1/ws", headers={"Origin": place.address})
        place.running.cancel()
        await asyncio.wait({place.running})
        for stream in streams:
            await stream.read()  # its end was told: none breaks off
        assert (await socket.receive(timeout=LIMIT_S)).type is aiohttp.WSMsgType.CLOSE

    run(tmp_path, story)
