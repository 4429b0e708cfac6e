"""The API as programs see it: verbs as paths, keys, problems, the description, and what hostile input comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loligo_web.own_verbs import own_verbs
from tests.fakes.doors import FakeDoor
from tests.web.site import Site, Visitor, site

KEY = {"Idempotency-Key": "one"}


def run(tmp_path: Path, story: Callable[[Site, Visitor], Any], door: FakeDoor | None = None) -> None:
    async def told() -> None:
        async with site(tmp_path, door) as place, place.owner() as owner:
            await story(place, owner)

    asyncio.run(told())


def test_a_verb_is_a_path_and_its_arguments_are_the_query(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        status, answer = await owner.get("/api/v1/trades/list?limit=7&tags=a,b&tags=c")
        assert (status, answer) == (200, {"rows": ["trend", "a", "b", "c"], "limit": 7})

    run(tmp_path, story)


def test_a_change_with_the_same_key_is_done_once_in_the_name_of_who_asked(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        first = await owner.post("/api/v1/pause", json={"target": "trend"}, headers=KEY)
        again = await owner.post("/api/v1/pause", json={"target": "trend"}, headers=KEY)
        assert first == again == (200, {"is_done": True, "message": "pause trend"})
        assert [(actor.name, verb, given) for actor, verb, given in place.door.asked] == [
            ("web:anna", "pause", {"target": "trend"})
        ]

    run(tmp_path, story)


PROBLEMS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "unknown verb": ("GET", "nonsense", {}, 404),
    "a path out of the API": ("GET", "../../etc/passwd", {}, 404),
    "dots instead of slashes": ("GET", "trades.list", {}, 404),
    "wrong argument": ("GET", "trades/list?limit=0", {}, 422),
    "unknown argument": ("GET", "trades/list?colour=red", {}, 422),
    "an argument twice": ("GET", "trades/list?limit=1&limit=2", {}, 422),
    "a change by GET": ("GET", "pause", {}, 405),
    "a read by POST": ("POST", "version", {"json": {}, "headers": KEY}, 405),
    "no key": ("POST", "pause", {"json": {}}, 400),
    "a key without end": ("POST", "pause", {"json": {}, "headers": {"Idempotency-Key": "x" * 201}}, 400),
    "no JSON": ("POST", "pause", {"data": b"{", "headers": {**KEY, "Content-Type": "application/json"}}, 422),
    "deep JSON": (
        "POST",
        "pause",
        {"data": b"[" * 99_999, "headers": {**KEY, "Content-Type": "application/json"}},
        422,
    ),
    "a list": ("POST", "pause", {"json": [], "headers": KEY}, 422),
    "a form": ("POST", "pause", {"data": {"target": "x"}, "headers": KEY}, 422),
    "too much": ("POST", "pause", {"json": {"target": "x" * 300_000}, "headers": KEY}, 413),
    "the bot says no": ("POST", "fail", {"json": {}, "headers": KEY}, 409),
}


@pytest.mark.parametrize(("method", "path", "sent", "wanted"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_goes_wrong_is_told_as_a_problem(
    tmp_path: Path, method: str, path: str, sent: dict[str, Any], wanted: int
) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        call = owner.get if method == "GET" else owner.post
        status, problem = await call(f"/api/v1/{path}", **{"headers": {"Accept": "application/json"}, **sent})
        assert (status, problem["status"]) == (wanted, wanted)
        assert problem["detail"]
        assert place.door.asked == []

    run(tmp_path, story)


def test_a_fault_of_ours_tells_nothing_but_a_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        status, problem = await owner.get("/api/v1/crash")
        assert status == 500
        assert "hunter2" not in str(problem)
        number = problem["detail"].rpartition(" ")[2]
        assert number in capsys.readouterr().out

    run(tmp_path, story)


def test_the_description_holds_every_verb_with_its_schema(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        _, described = await owner.get("/api/v1/openapi.json")
        calls = {
            (path, method): call for path, methods in described["paths"].items() for method, call in methods.items()
        }
        names = (*place.door.verbs, *own_verbs(place.door))
        assert sorted(path for path, _ in calls) == sorted(f"/{name.replace('.', '/')}" for name in names)
        listed = calls["/trades/list", "get"]
        assert [one["name"] for one in listed["parameters"]] == ["desk", "tags", "limit"]
        assert calls["/panic", "post"]["x-confirm"] == "Pull the kill switch?"
        assert calls["/panic", "post"]["parameters"][0]["name"] == "Idempotency-Key"
        assert _dangling(described) == set()
        error = listed["responses"]["404"]["content"]["application/problem+json"]["schema"]["$ref"]
        assert "detail" in described["components"]["schemas"][error.rpartition("/")[2]]["required"]

    run(tmp_path, story)


def _dangling(described: dict[str, Any]) -> set[str]:
    """Return what is referred to and not there."""
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}

    def referred(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(referred, node.values()))
        return set().union(*map(referred, node)) if isinstance(node, list) else set()

    return referred(described) - known


def test_health_is_told_to_everybody_and_nothing_else(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, place.visitor() as probe:
            assert await probe.get("/healthz") == (200, {"status": "ok"})
            assert await probe.get("/readyz") == (200, {"status": "ready"})

    asyncio.run(told())


PATHS = [
    "/static/../VENDOR.toml",
    "/static/..%2fVENDOR.toml",
    "/static/%2e%2e/%2e%2e/settings.py",
    "/static//etc/passwd",
    "/static/page.css",  # without its hash
    "/join/../access",
    "/part/..%2f..%2fserver.py",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_a_file_that_is_not_served(tmp_path: Path, path: str) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        raw = place.address.removeprefix("http://")
        host, _, port = raw.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))  # a client library would tidy the path up
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {raw}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer.split()[1] in (b"303", b"404")
        assert [text for text in (b"[[files]]", b"class Web", b"root:", b"--pico") if text in answer] == []

    run(tmp_path, story)


def test_what_comes_from_outside_is_escaped_wherever_it_stands(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x>"

    async def story(_place: Site, owner: Visitor) -> None:
        _, toast = await owner.post("/do/pause", {"target": "*", "key": "k"}, headers={"HX-Request": "true"})
        _, problem = await owner.get(f"/part/{attack.replace('/', '')}")
        _, form = await owner.post("/sign-in", {"name": attack, "password": attack, "next": attack})
        _, deeds = await owner.get("/access")
        for page in (toast, problem, form, deeds):
            assert "<script>alert" not in page
            assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in toast
        assert "&lt;script&gt;" in form

    run(tmp_path, story, FakeDoor(name=attack))


def test_what_ends_trading_is_not_done_without_the_typed_word(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        assert (await owner.post("/do/panic", {"level": "flatten"}))[0] == 422
        assert (await owner.post("/do/panic", {"level": "flatten", "typed": "stopp"}))[0] == 422
        assert (await owner.post("/do/close", {"target": "trend"}))[0] == 422
        assert place.door.asked == []
        assert (await owner.post("/do/panic", {"level": "flatten", "typed": " STOP"}))[0] == 303
        assert (await owner.post("/do/close", {"target": "trend", "confirmed": "yes"}))[0] == 303
        assert [(verb, given) for _, verb, given in place.door.asked] == [
            ("panic", {"level": "flatten"}),
            ("close", {"target": "trend"}),
        ]

    run(tmp_path, story)


def test_every_response_forbids_what_the_page_does_not_need(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        for path in ("/access", "/api/v1/version", "/nowhere", "/sign-in"):
            async with owner.session.get(place.address + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert "unsafe" not in policy
                assert "default-src 'none'" in policy
                assert response.headers["X-Frame-Options"] == "DENY"
                assert "Server" not in response.headers

    run(tmp_path, story)
