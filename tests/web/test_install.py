"""Installing over HTTP into a bot at work: looked at, agreed to by name, seen in the history, taken back, removed."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from loligo_web import uploads
from tests.fakes.archives import attacks
from tests.fakes.package_server import PackageServer, package_server
from tests.fakes.packages import archive, commit, package
from tests.fakes.pure_wheels import environment_of, write_wheel
from tests.fakes.tentacle_folder import write_tentacle
from tests.scenario.bots import LIMIT_S
from tests.web.running import RunningPage, running_page
from tests.web.test_attacks import ask

NET = {"permissions": '["net:a.example", "files"]'}


@pytest.fixture(scope="module")
def server() -> Iterator[PackageServer]:
    with package_server() as running:
        yield running


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPage]:
    root = tmp_path_factory.mktemp("install")
    write_wheel(root / "shop", "wavy", "1.0", {"wavy.py": "SAID = 1\n"})
    settings = {"LOLIGO__INSTALL__FOLDERS": "true"} | environment_of(root / "shop")
    with running_page(root / "bot", lambda folder: folder.environment.update(settings)) as page:
        page.bot.wait_until(lambda status: status["next_seq"] > 500)
        yield page


def post(page: RunningPage, verb: str, role: str = "admin", **arguments: Any) -> tuple[int, dict[str, Any]]:
    status, _, text = ask(page, "POST", f"/api/v1/{verb.replace('.', '/')}", role=role, body=arguments)
    return status, json.loads(text)


def get(page: RunningPage, verb: str, **arguments: Any) -> dict[str, Any]:
    query = "&".join(f"{name}={quote(str(value))}" for name, value in arguments.items())
    status, _, text = ask(page, "GET", f"/api/v1/{verb.replace('.', '/')}?{query}", role="view")
    assert status == 200, text
    return dict(json.loads(text))


def sent(page: RunningPage, path: str, content: bytes, role: str = "admin", **headers: str) -> tuple[int, str]:
    """Post bytes and return status and text."""
    place = urlsplit(page.address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=LIMIT_S)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", path, content, {"Accept": "application/json", **page.headers(role), **named})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def send(page: RunningPage, content: bytes, kind: str = "application/zip", role: str = "admin") -> tuple[int, Any]:
    """Send a file as a program does."""
    status, text = sent(page, "/uploads", content, role, Content_Type=kind)
    return status, json.loads(text)


def looked(page: RunningPage, content: bytes) -> dict[str, Any]:
    status, kept = send(page, content)
    assert status == 200, kept
    status, answer = post(page, "tentacle.install.look", upload=kept["upload"])
    assert status == 200, answer
    return answer


def agreed(page: RunningPage, answer: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
    given = {"plan": answer["plan"], "permissions": answer["to_grant"], "tree_hash": answer["tree_hash"], **more}
    return post(page, "tentacle.install.agree", **given)


def installed(page: RunningPage, name: str) -> dict[str, Any] | None:
    rows = get(page, "tentacle.list")["tentacles"]
    return next((row for row in rows if row["name"] == name), None)


def test_a_file_is_looked_at_installed_updated_rolled_back_and_removed(bot: RunningPage) -> None:
    first = looked(bot, archive())
    assert (first["kind"], first["name"], first["installed"], first["permissions"]) == ("evaluator", "drift", "", [])
    assert installed(bot, "drift") is None  # nothing but looked at
    status, done = agreed(bot, first)
    assert (status, done["result"], done["undo"]["verb"]) == (200, "good", "tentacle.remove")
    assert installed(bot, "drift") is not None

    second = looked(bot, archive("1.1.0", code="STEP = 2\n"))
    assert second["installed"] == "1.0.0"
    assert [(one["path"], one["plus"], one["minus"]) for one in second["files"]] == [
        ("__init__.py", 1, 0),
        ("tentacle.toml", 1, 1),
    ]
    assert "+STEP = 2" in second["files"][0]["diff"]
    status, done = agreed(bot, second)
    assert (status, done["is_done"]) == (200, True)
    history = get(bot, "tentacle.history", name="evaluator/drift")["swaps"]
    assert history[0]["why"] == "tentacle update evaluator drift"
    assert history[0]["by"] == "token:admin"

    status, _ = post(bot, "tentacle.rollback", name="evaluator/drift")
    assert (status, installed(bot, "drift")["version"]) == (200, "1.0.0")  # type: ignore[index]
    status, _ = post(bot, "tentacle.remove", name="evaluator/drift")
    assert (status, installed(bot, "drift")) == (200, None)


def test_python_packages_that_it_brings_are_shown_and_agreed_to_by_name(bot: RunningPage) -> None:
    content = archive(name="surf", code="import wavy\n", requires='{ python = ["wavy"] }')
    first = looked(bot, content)
    assert [(one["name"], one["version"], one["consent"]) for one in first["packages"]] == [
        ("wavy", "1.0", "package:wavy==1.0")
    ]
    assert (first["to_grant"], first["against"], first["imports"]) == (
        ["package:wavy==1.0"],
        [],
        ["loligo.api", "wavy"],
    )
    status, refused = agreed(bot, first, permissions=[])
    assert status == 422 and "package:wavy==1.0 not granted" in json.dumps(refused)
    status, done = agreed(bot, first)
    assert (status, done["result"]) == (200, "good")
    lacking = looked(bot, archive(name="swell", requires='{ python = ["no-such-thing"] }'))
    assert lacking["against"][0].startswith("it needs the package no-such-thing: pip finds no wheel of it that fits")


def test_every_permission_must_be_named_and_no_other(bot: RunningPage) -> None:
    answer = looked(bot, archive(name="greedy", **NET))
    told = {one["name"]: (one["sentence"], one["is_dangerous"]) for one in answer["permissions"]}
    assert told["net:a.example"] == ("opens connections to a.example", False)
    assert told["files"][1] is True
    assert answer["to_grant"] == ["net:a.example", "files"]
    for named in ([], ["files"], ["net:a.example", "files", "process"]):
        status, problem = agreed(bot, answer, permissions=named)
        assert (status, list(problem["problems"])) == (422, ["permissions"])
    assert installed(bot, "greedy") is None
    status, _ = agreed(bot, answer)
    assert status == 200
    post(bot, "tentacle.remove", name="greedy")


def test_a_zip_behind_a_url_is_taken_with_its_hash_and_with_no_other(bot: RunningPage, server: PackageServer) -> None:
    zipped = archive(name="from_url")
    url = server.gives("/from_url.zip", zipped)
    known = "sha256:" + hashlib.sha256(zipped).hexdigest()
    status, refused = post(bot, "tentacle.install.look", source=url, hash="sha256:" + "0" * 64)
    assert (status, "it was changed, do not install it" in refused["detail"]) == (409, True)
    status, answer = post(bot, "tentacle.install.look", source=url, hash=known)
    assert (status, answer["needs_confirmation"], answer["archive_hash"]) == (200, False, known)

    status, open_ = post(bot, "tentacle.install.look", source=url)
    assert open_["needs_confirmation"] is True
    assert agreed(bot, open_)[1]["problems"].keys() == {"is_published"}
    assert agreed(bot, open_, is_published=True)[0] == 200
    server.gives("/from_url.zip", archive("1.1.0", name="from_url"))
    status, newer = post(bot, "tentacle.install.look", name="from_url")
    assert (status, newer["version"], newer["installed"]) == (200, "1.1.0", "1.0.0")
    post(bot, "tentacle.remove", name="from_url")


def available(page: RunningPage) -> str:
    row = installed(page, "aging")
    assert row is not None
    return str(row["available"])


def test_sources_are_asked_for_newer_versions_only_when_a_person_wants_it(
    bot: RunningPage, server: PackageServer
) -> None:
    url = server.gives("/aging.zip", archive(name="aging"))
    answer = post(bot, "tentacle.install.look", source=url)[1]
    assert agreed(bot, answer, is_published=True)[0] == 200
    server.gives("/aging.zip", archive("1.1.0", name="aging"))
    assert available(bot) == ""
    status, told = post(bot, "tentacle.outdated")
    row = next(one for one in told["sources"] if one["name"] == "aging")
    assert (status, row["version"], row["available"], row["source"]) == (200, "1.0.0", "1.1.0", url)
    assert available(bot) == "1.1.0"
    assert ">1.1.0 is there</span>" in ask(bot, "GET", "/tentacles", role="admin")[2]
    by_command = bot.bot.call("tentacle", "outdated").data["sources"]
    assert [one["available"] for one in by_command if one["name"] == "aging"] == ["1.1.0"]
    newer = post(bot, "tentacle.install.look", name="aging")[1]
    assert agreed(bot, newer, is_published=True)[0] == 200
    assert available(bot) == ""
    server.gives("/aging.zip", b"no zip at all")
    row = next(one for one in post(bot, "tentacle.outdated")[1]["sources"] if one["name"] == "aging")
    assert row["available"] == "" and "refused" in row["problem"]
    assert post(bot, "tentacle.outdated", role="trade")[0] == 403
    post(bot, "tentacle.remove", name="aging")


def test_a_commit_is_taken_from_git_and_a_branch_is_not(bot: RunningPage, tmp_path: Path) -> None:
    first = commit(tmp_path / "repository", package(name="from_git"))
    url = f"git+file://{tmp_path}/repository"
    status, answer = post(bot, "tentacle.install.look", source=f"{url}@{first}")
    assert (status, answer["name"], answer["needs_confirmation"]) == (200, "from_git", False)
    assert agreed(bot, answer)[0] == 200
    second = commit(tmp_path / "repository", package("1.2.0", name="from_git", code="STEP = 3\n"))
    status, done = post(bot, "tentacle.update", name="from_git", source=f"{url}@{second}")
    assert (status, done["is_done"]) == (200, True)
    assert installed(bot, "from_git")["version"] == "1.2.0"  # type: ignore[index]
    assert "can move" in post(bot, "tentacle.install.look", source=f"{url}@main")[1]["detail"]
    post(bot, "tentacle.remove", name="from_git")


def test_an_update_that_wants_more_waits_until_it_is_looked_at_and_agreed_to(bot: RunningPage, tmp_path: Path) -> None:
    agreed(bot, looked(bot, archive(name="waiting")))
    zipped = tmp_path / "waiting-2.zip"
    zipped.write_bytes(archive("2.0.0", name="waiting", **NET))
    status, done = post(bot, "tentacle.update", name="waiting", source=str(zipped))
    assert (status, done["is_done"], "waits" in done["message"]) == (200, False, True)
    row = installed(bot, "waiting")
    assert row is not None
    assert (row["version"], row["waiting"]) == ("1.0.0", "2.0.0")
    status, answer = post(bot, "tentacle.install.look", name="waiting")
    assert (status, answer["to_grant"]) == (200, ["net:a.example", "files"])
    assert agreed(bot, answer)[0] == 200
    assert installed(bot, "waiting")["waiting"] == ""  # type: ignore[index]
    post(bot, "tentacle.remove", name="waiting")


def test_a_pinned_one_is_left_alone_by_updates(bot: RunningPage) -> None:
    agreed(bot, looked(bot, archive(name="held")))
    assert post(bot, "tentacle.pin", name="held")[0] == 200
    assert installed(bot, "held")["is_pinned"] is True  # type: ignore[index]
    _, kept = send(bot, archive("1.1.0", name="held"))
    status, refused = post(bot, "tentacle.install.look", upload=kept["upload"])
    assert (status, "is pinned" in refused["detail"]) == (409, True)
    assert post(bot, "tentacle.unpin", name="held")[0] == 200
    post(bot, "tentacle.remove", name="held")


def test_what_a_desk_uses_is_not_removed(bot: RunningPage) -> None:
    status, refused = post(bot, "tentacle.remove", name="rsi")
    assert status == 409
    assert "evaluator rsi is used by desks." in refused["detail"]
    assert installed(bot, "rsi") is not None


def test_a_plan_is_for_who_looked_and_for_once(bot: RunningPage) -> None:
    answer = looked(bot, archive(name="once"))
    assert agreed(bot, {**answer, "plan": "0123456789abcdef"})[0] == 404
    assert agreed(bot, {**answer, "tree_hash": "h1:" + "0" * 64})[0] == 422
    second_tab = looked(bot, archive(name="once"))
    assert agreed(bot, answer)[0] == 200
    assert agreed(bot, answer)[0] == 404
    status, refused = agreed(bot, second_tab)
    assert (status, "was changed" in refused["detail"]) == (409, True)
    for role in ("view", "trade"):
        assert post(bot, "tentacle.install.look", role, source="https://a.example/x.zip")[0] == 403
    post(bot, "tentacle.remove", name="once")


def test_code_that_reaches_further_than_it_says_is_told_before_anything_runs(bot: RunningPage, tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    answer = looked(bot, archive(name="sly", code=f"import socket\nopen({str(trace)!r}, 'w')\n"))
    assert [one for one in answer["against"] if "socket" in one]
    assert agreed(bot, answer)[0] == 409
    assert (trace.exists(), installed(bot, "sly")) == (False, None)


def test_what_lies_on_the_disk_and_does_not_run_is_told_line_by_line(bot: RunningPage) -> None:
    agreed(bot, looked(bot, archive(name="lined")))
    agreed(bot, looked(bot, archive("1.1.0", name="lined", code="STEP = 7\n")))
    assert get(bot, "tentacle.diff", name="lined")["differs"] is False
    earlier = get(bot, "tentacle.diff", name="lined", before="1.0.0", after="running")
    assert (earlier["before"]["version"], earlier["after"]["version"]) == ("1.0.0", "1.1.0")
    assert "+STEP = 7" in earlier["files"][0]["diff"]
    post(bot, "tentacle.remove", name="lined")


def test_a_change_on_the_disk_that_is_refused_waits_with_its_diff_and_a_choice_of_how(bot: RunningPage) -> None:
    folder = write_tentacle(bot.bot.home, "evaluator", "kept_here")
    assert bot.bot.call("tentacle", "refresh").code == 0
    with (folder / "__init__.py").open("a") as file:
        file.write("import socket\n")
    bot.bot.call("tentacle", "refresh")  # the change is meant
    bot.bot.wait_until(
        lambda status: (
            "evaluator/kept_here" in str(status["swap"].get("changed")) and status["swap"]["result"] == "refused"
        )
    )
    answer = get(bot, "tentacle.diff", name="kept_here")
    assert [(one["path"], one["plus"]) for one in answer["files"]] == [("__init__.py", 1)]
    shown = partial(ask, bot, "GET", "/tentacles/evaluator/kept_here", Accept="text/html")
    bot.bot.wait_until(lambda _: "On disk, not running" in shown()[2])  # when nothing is being exchanged any more
    text = shown()[2]
    assert "+import socket" in text
    status, done = post(bot, "tentacle.apply", when="candle", how="replace")
    assert (status, done["result"]) == (200, "refused")
    assert "socket needs the permission" in done["message"]
    post(bot, "tentacle.remove", name="kept_here")


# What people who mean ill send

KINDS = ("NOT_A_ZIP", "OVERLAP", "RATIO", "PARENT", "ABSOLUTE", "BACKSLASH", "NUL", "SPECIAL_FILE", "NESTED", "NATIVE")
SOME_ATTACKS = [one for one in attacks() if one.reason.name in KINDS]


@pytest.mark.parametrize("attack", SOME_ATTACKS, ids=lambda one: one.name)
def test_a_hostile_zip_is_refused_in_a_sentence(bot: RunningPage, attack: Any) -> None:
    status, kept = send(bot, attack.data)
    assert status == 200
    status, refused = post(bot, "tentacle.install.look", upload=kept["upload"])
    assert (status, refused["detail"].startswith("the file is refused: ")) == (409, True)
    assert str(bot.bot.home) not in refused["detail"]
    assert post(bot, "tentacle.install.look", upload=kept["upload"])[0] == 404  # it is gone


def multipart(*parts: tuple[str, bytes], boundary: str = "b") -> bytes:
    """Return a form; a part is the inside of its Content-Disposition, and its content."""
    whole = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return whole + f"--{boundary}--\r\n".encode()


FILE = 'name="file"; filename="x.zip"'
NESTED = b'--i\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n--i--\r\n'
BOMBS: Mapping[str, tuple[bytes, int]] = {
    "larger than a file may be": (multipart((FILE, b"x" * (uploads.LARGEST + 1))), 413),
    "a field of a megabyte": (multipart(('name="url"', b"x" * 2**20)), 413),
    "a thousand parts": (multipart(*[('name="way"', b"file")] * 1000), 422),
    "parts without a name": (multipart(("x=y", b"z")), 422),
    "a form inside of a form": (
        b"--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n" + NESTED + b"\r\n--b--\r\n",
        422,
    ),
    "no end": (b'--b\r\nContent-Disposition: form-data; name="way"\r\n\r\nfile', 422),
    "no form at all": (b"\x00" * 1000, 422),
    "a name that leads elsewhere": (multipart(('name="file"; filename="../../../etc/cron.d/x"', b"no zip")), 409),
    "an absolute name": (multipart(('name="file"; filename="/etc/passwd"', b"no zip")), 409),
    "an empty file": (multipart((FILE, b"")), 422),
}


@pytest.mark.parametrize(("body", "status"), BOMBS.values(), ids=BOMBS)
def test_a_hostile_form_is_cut_off_and_leaves_nothing(bot: RunningPage, body: bytes, status: int) -> None:
    given, text = sent(bot, "/tentacles/install/look", body, Content_Type="multipart/form-data; boundary=b")
    assert given == status, text
    assert [path.name for path in (bot.bot.home / uploads.FOLDER).iterdir()] == []


def test_a_length_that_is_too_large_is_refused_before_the_body_comes(bot: RunningPage) -> None:
    place = urlsplit(bot.address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=LIMIT_S)
    connection.putrequest("POST", "/uploads")
    for name, value in {**bot.headers(), "Content-Type": "application/zip", "Content-Length": str(2**40)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("role", ["view", "trade"])
def test_nobody_but_an_admin_sends_files(bot: RunningPage, role: str) -> None:
    assert send(bot, archive(), role=role)[0] == 403
    assert not any((bot.bot.home / uploads.FOLDER).glob("*"))


def test_files_of_a_kind_that_no_package_has_are_not_taken(bot: RunningPage) -> None:
    assert send(bot, archive(), kind="text/html")[0] == 422


@pytest.mark.parametrize("name", ["../../../etc/passwd", "..", "x" * 32, "0" * 31, "0" * 32 + "/../x"])
def test_the_name_of_an_upload_leads_nowhere(bot: RunningPage, name: str) -> None:
    assert post(bot, "tentacle.install.look", upload=name)[0] == 422


def test_few_files_wait_and_the_next_is_told_so(bot: RunningPage) -> None:
    names = [send(bot, b"no zip")[1]["upload"] for _ in range(uploads.MOST_WAITING)]
    status, refused = send(bot, b"no zip")
    assert (status, "files wait already" in refused["detail"]) == (409, True)
    for name in names:
        assert post(bot, "tentacle.install.look", upload=name)[0] == 409  # looked at, refused, and gone
    assert send(bot, b"no zip")[0] == 200


def test_what_a_tentacle_of_a_folder_lacks_is_looked_at_and_granted_on_its_page(bot: RunningPage) -> None:
    wants = {"permissions": '["threads"]', "requires": '{ python = ["wavy"] }'}
    write_tentacle(bot.bot.home, "evaluator", "lacking", manifest=wants)
    bot.bot.call("tentacle", "refresh")
    page = partial(ask, bot, "GET", "/tentacles/evaluator/lacking", Accept="text/html")
    assert "Look at what it lacks" in page()[2]

    def form(path: str, *fields: tuple[str, str]) -> tuple[int, str]:
        body = urlencode([("name", "evaluator/lacking"), *fields]).encode()
        return sent(bot, path, body, Content_Type="application/x-www-form-urlencoded", Accept="text/html")

    status, text = form("/tentacles/install/lacks")
    assert status == 200 and 'value="threads" required' in text and 'value="package:wavy==1.0" required' in text
    (known,) = re.findall(r'name="packages_hash" value="(h1:\w+)"', text)
    given = [("confirmed", "yes"), ("packages_hash", known), ("permission", "threads")]
    status, text = form("/tentacles/install/grant", *given)
    assert status == 422 and "package:wavy==1.0 not granted" in text
    status, text = form("/tentacles/install/grant", *given, ("permission", "package:wavy==1.0"))
    assert status == 200 and "It lacks" not in text
    bot.bot.wait_until(lambda status: status["tentacles"].get("evaluator/lacking", {}).get("hash12", "") != "")
    assert "Look at what it lacks" not in page()[2]
    status, text = form("/tentacles/install/lacks")
    assert status == 200 and "It has every permission and package that it wants." in text
    assert '<button type="submit" class="danger" name="permissions" value="threads">' in page()[2]
    assert form("/do/tentacle.revoke", ("permissions", "threads"))[0] == 422  # nobody was asked
    assert form("/do/tentacle.revoke", ("confirmed", "yes"), ("permissions", "threads"))[0] in (200, 303)
    text = page()[2]
    assert "Look at what it lacks" in text and "not granted" in text and "/do/tentacle.revoke" not in text
    post(bot, "tentacle.remove", name="lacking")
