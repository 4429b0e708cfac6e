"""What people who mean ill try against the page of a bot at work, a row each, over HTTP: it is refused or escaped."""

from __future__ import annotations

import asyncio
import http.client
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from loligo.api import Role
from loligo_bot.door.catalogue import OFFERS
from loligo_web import pages
from tests.fakes.doors import FakeDoor
from tests.web.conftest import ATTACK
from tests.web.running import RunningPage
from tests.web.site import Site, Visitor, site

VERBS = {offer.verb.name: offer.verb for offer in OFFERS}
EVIL = "https://evil.example"
TIMEOUT_S = 60.0
EMPTY: dict[str, Any] = {}
Answer = tuple[int, Mapping[str, str], str]


def ask(
    page: RunningPage, method: str, path: str, *, role: str | None = "admin", body: Any = None, **headers: str
) -> Answer:
    """Ask as raw as a client can: no library tidies the path up."""
    place = urlsplit(page.address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=TIMEOUT_S)
    sent = {**(page.headers(role) if role else {}), "Accept": "application/json", **headers}
    content = None
    if body is not None:
        content, sent["Content-Type"] = json.dumps(body), "application/json"
        sent.setdefault("Idempotency-Key", uuid.uuid4().hex)
    try:
        connection.request(method, path, body=content, headers=sent)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()  # type: ignore[return-value]
    finally:
        connection.close()


def path_of(verb: str) -> str:
    return f"/api/v1/{verb.replace('.', '/')}"


# Roles


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_without_a_token_is_told_anything(running: RunningPage, verb: str) -> None:
    method, body = ("POST", EMPTY) if VERBS[verb].changes else ("GET", None)
    for headers in (
        {},
        {"Authorization": "Bearer loligo_x"},
        {"Authorization": "Basic YTph"},
        {"Cookie": "loligo_0=x"},
    ):
        status, _, text = ask(running, method, path_of(verb), role=None, body=body, **headers)
        assert (status, json.loads(text)["title"]) == (401, "Sign in first")


OVERSTEPPED = [(role.name.lower(), name) for name, verb in VERBS.items() for role in Role if role < verb.role]


@pytest.mark.parametrize(("role", "verb"), OVERSTEPPED)
def test_no_role_reaches_beyond_itself(running: RunningPage, role: str, verb: str) -> None:
    status, _, text = ask(running, "POST", path_of(verb), role=role, body={})
    assert status == 403
    assert VERBS[verb].role.name.lower() in json.loads(text)["detail"]


# Requests that nobody meant

POSTS = sorted({route.path for route in pages.routes(pages.PAGES) if route.method == "POST"} - {"/join/{secret}"})
FOREIGN: dict[str, dict[str, str | None]] = {  # how a browser posts from a page of somebody else
    "cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
    "same site, other port": {"Sec-Fetch-Site": "same-site"},
    "older browser": {"Origin": EVIL},
    "sandboxed frame": {"Origin": "null"},
    "rebound name": {"Host": "evil.example", "Origin": "http://evil.example"},
    "no token of the page": {"X-CSRF-Token": None},
}


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_site_does_nothing(tmp_path: Any, path: str) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, place.owner() as owner:
            await _posted_from_elsewhere(place, owner, path.replace("{verb}", "pause").replace("{deed}", "token"))

    asyncio.run(told())


async def _posted_from_elsewhere(place: Site, owner: Visitor, path: str) -> None:
    known = FakeDoor().verbs
    for name, headers in FOREIGN.items():
        if path == "/sign-in" and name == "no token of the page":
            continue  # who signs in has none yet
        status, _ = await owner.post(path, {"target": "*", "name": "x", "role": "admin"}, headers=dict(headers))
        assert status in (403, 404), (name, status)  # 404: the door of the tests has no verb for that page
    assert place.door.asked == []
    assert "pause" in known


# Paths

PATHS = [
    "/static/../settings.py",
    "/static/..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..\\..\\etc\\passwd",
    "/static//etc/passwd",
    "/part/../../config/loligo.yaml",
    "/part/%2e%2e%2fbase",
    "/tentacles/evaluator/..%2f..%2fconfig",
    "/tentacles/..%2f../state",
    "/market/..%2f..%2fetc%2fpasswd",
    "/why/..%2f..%2fetc%2fpasswd",
    "/api/v1/../../state/web/access.db",
    "/api/v1/%2e%2e/%2e%2e/state/journal.sqlite",
    "//etc/passwd",
    "/join/..%2f..%2fstate",
    "/hooks/tv/..%2f..%2fstate",
    "/hooks/in/..%2f..%2fetc%2fpasswd",
    "/investor/..%2f..%2fstate%2fweb%2fhooks.key",
    "/%00",
    "/static/%00",
]
LEAKS = ("root:x:", "SQLite format", "class WebSettings", "LOLIGO__", "deposits:", "{% block")


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_what_is_served(running: RunningPage, path: str) -> None:
    status, _, text = ask(running, "GET", path)
    assert status in (400, 404, 422)
    assert [leak for leak in LEAKS if leak in text] == []


NAMES = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "evaluator/../../state",
    "a\x00b",
    "~/.ssh/id_rsa",
    "file:///etc/passwd",
]
NAMED = [
    ("tentacle.info", "name"),
    ("config.show", "key"),
    ("market", "instrument"),
    ("why", "id"),
    ("logs", "contains"),
]


@pytest.mark.parametrize(("verb", "argument"), NAMED)
def test_no_name_is_taken_for_a_path(running: RunningPage, verb: str, argument: str) -> None:
    for name in NAMES:
        status, _, text = ask(running, "GET", f"{path_of(verb)}?{argument}={quote(name)}")
        assert status in (200, 404, 409, 422)
        assert "root:x:" not in text


HOOKS = ("/hooks/tv/x", "/hooks/in/x", "/hooks/tv/", "/hooks", "/hooks/in/../../access")


@pytest.mark.parametrize("path", HOOKS)
def test_without_a_hook_nothing_takes_what_others_send(running: RunningPage, path: str) -> None:
    for role in (None, "view", "admin"):  # a token of the API opens none
        status, _, text = ask(running, "POST", path, role=role, body={"action": "buy"})
        assert status in (401, 404)
        assert "seq" not in text


# Texts that are code to a browser


@pytest.fixture(scope="module")
def planted(running: RunningPage) -> RunningPage:
    """A bot whose log, histories and refusals hold the attack, too."""
    ask(running, "POST", "/api/v1/pause", body={"target": ATTACK})
    ask(running, "POST", "/api/v1/tentacle/switch", body={"name": "macd", "on": False, "why": ATTACK})
    ask(running, "POST", "/api/v1/cancel", body={"order": ATTACK})
    said = {"source": "x", "value": 1, "instrument": "btc", "text": ATTACK}
    assert ask(running, "POST", "/api/v1/signal/publish", body=said)[0] == 200
    ask(running, "POST", "/sign-in", body={"name": ATTACK, "password": ATTACK})
    return running


SHOWN = sorted({route.path for route in pages.routes(pages.PAGES) if route.method == "GET" and "{" not in route.path})
SHOWN += [
    "/tentacles/evaluator/hostile",
    f"/tentacles/evaluator/{quote(ATTACK, safe='')}",
    f"/why/{quote(ATTACK, safe='')}",
]
SHOWN += [f"/part/{quote(ATTACK, safe='')}", f"/market/{quote(ATTACK, safe='')}", f"/{quote(ATTACK, safe='')}"]
SHOWN += [f"/sign-in?next={quote(ATTACK)}", f"/trades?desk={quote(ATTACK)}", f"/decisions?result={quote(ATTACK)}"]
SHOWN += [f"/sign-in?next={quote(elsewhere)}" for elsewhere in (EVIL, "//evil.example", "/\\evil.example")]
SHOWN += [f"/health?contains={quote(ATTACK)}", f"/search?q={quote(ATTACK)}", f"/audit?by={quote(ATTACK)}"]
SHOWN += [f"/trades?show=fills&instrument={quote(ATTACK)}", f"/health?level={quote(ATTACK)}"]
SHOWN.remove("/app.webmanifest")  # for phones, and no page
SHOWN.remove("/health/diagnostics")  # a file to keep


@pytest.mark.parametrize("path", SHOWN)
def test_what_comes_from_outside_is_text_on_every_page(planted: RunningPage, path: str) -> None:
    _, headers, text = ask(planted, "GET", path, Accept="text/html")
    assert not text or "text/html" in headers["Content-Type"]
    assert urlsplit(headers.get("Location") or "").netloc == ""  # who is led on stays with us
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_the_attack_stands_on_pages_as_text(planted: RunningPage) -> None:
    _, _, text = ask(planted, "GET", "/tentacles/evaluator/hostile", Accept="text/html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_story_of_a_signal_from_outside_is_text(planted: RunningPage) -> None:
    said = {"source": "y", "value": 1, "instrument": "btc", "text": ATTACK}
    _, _, answer = ask(planted, "POST", "/api/v1/signal/publish", body=said)
    _, _, text = ask(planted, "GET", f"/why/{json.loads(answer)['seq']}", Accept="text/html")
    assert "Outside signal" in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text and "<img src=x" not in text


def test_data_for_programs_is_never_taken_for_a_page(planted: RunningPage) -> None:
    asked = ("tentacle/list", "tentacle/history", "risk/hits", "diagnostics", quote(ATTACK, safe=""))
    for path in (*(f"/api/v1/{one}" for one in asked), "/metrics", "/health/diagnostics"):
        _, headers, _ = ask(planted, "GET", path)
        assert "html" not in headers["Content-Type"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_that_is_code_is_no_name(planted: RunningPage) -> None:
    for deed in ("token", "invite"):
        status, _, text = ask(planted, "POST", f"/access/{deed}", body={"name": ATTACK, "role": "view"})
        assert (status, "<script>alert" in text) != (200, True)
    answer = planted.bot.asked("tentacle.info", name=ATTACK)
    assert answer["ok"] is False


NUMBERS = {"so many digits that none is read": "9" * 5_000, "a digit that is no number": "\u00b2", "a word": "many"}
NUMBERED = ("/notifications?before=", "/tentacles/install/steps?name=evaluator/rsi&since=")


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_what_is_no_number_is_no_fault_of_the_page(running: RunningPage, number: str) -> None:
    for path in NUMBERED:
        status, _, _ = ask(running, "GET", path + quote(number))
        assert status in (404, 422), path
    connection = http.client.HTTPConnection(urlsplit(running.address).netloc, timeout=TIMEOUT_S)
    form = {**running.headers("admin"), "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/access/remove-token", body=f"name={quote(number)}", headers=form)
    assert connection.getresponse().status in (404, 422)
    connection.close()


# Headers and sizes

SMUGGLED = {
    "two lengths": b"POST /api/v1/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
    b"Content-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST /api/v1/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a line break in a header": b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\rb\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("sent", SMUGGLED.values(), ids=SMUGGLED)
def test_what_is_no_sound_request_is_turned_away(running: RunningPage, sent: bytes) -> None:
    async def told() -> bytes:
        place = urlsplit(running.address)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(sent)
        async with asyncio.timeout(TIMEOUT_S):
            answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    assert asyncio.run(told()).split()[1] in (b"400", b"401")


def test_a_body_without_end_is_cut_off(running: RunningPage) -> None:
    status, _, _ = ask(running, "POST", "/api/v1/pause", body={"target": "x" * 300_000})
    assert status == 413
