"""Packages from the web: followed to limits of time, size and trust, and never beyond."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.tree import tree_hash
from loligo_kit.download import Patience, SourceUnavailable
from loligo_kit.pack import pack_files
from loligo_kit.package import Limits
from loligo_kit.sources import fetch
from tests.fakes.archives import HONEST_FILES
from tests.fakes.package_server import PackageServer, package_server

PACKAGE = pack_files(HONEST_FILES)
TREE = tree_hash(HONEST_FILES)
SHORT = Patience(wait_s=0.3, total_s=0.3)


def test_redirects_are_followed_to_a_limit(server: PackageServer) -> None:
    server.gives("/wave.zip", PACKAGE)
    for n in range(1, 7):
        server.gives(f"/{n}", b"", status=302, Location=f"/{n - 1}" if n > 1 else "wave.zip")
    assert fetch(f"{server.url}/5").files == HONEST_FILES
    with pytest.raises(SourceUnavailable, match="more than 5 redirects"):
        fetch(f"{server.url}/6")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("file:///etc/passwd", "expected an address such as https"),
        ("ftp://example.org/x", "expected an address such as https"),
        ("http://me:pw@127.0.0.1/", "holds a user or a password"),
        ("http://[x/", "which is no address"),
        ("http://127.0.0.1:99999/", "not a URL: Port out of range"),
        ("/\xe9", "expected an address such as https"),
    ],
)
def test_a_redirect_leads_to_the_web_only(server: PackageServer, target: str, told: str) -> None:
    url = server.gives("/wave.zip", b"", status=301, Location=target)
    with pytest.raises(TentacleError, match=told):
        fetch(url)


@pytest.mark.parametrize(
    ("length", "told"),
    [("2000", r"2,000 bytes, at most 1,000; nothing was fetched"), ("", r"more than 1,000 bytes; nothing was kept")],
)
def test_a_body_beyond_the_limit_is_not_fetched(server: PackageServer, length: str, told: str) -> None:
    url = server.gives("/wave.zip", bytes(2_000), Content_Length=length)
    with pytest.raises(TentacleError, match=told):
        fetch(url, limits=Limits(archive_bytes=1_000))


def test_an_endless_body_ends_at_the_limit(server: PackageServer) -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not server.stopped.is_set():
            handler.wfile.write(bytes(65_536))

    with pytest.raises(TentacleError, match="more than 100,000 bytes"):
        fetch(server.does("/wave.zip", pour), limits=Limits(archive_bytes=100_000))


def test_a_server_that_trickles_is_left_at_the_deadline(server: PackageServer) -> None:
    url = server.does("/wave.zip", server.trickle)
    with pytest.raises(SourceUnavailable, match=r"no answer in 0\.3 s"):
        fetch(url, patience=Patience(wait_s=10, total_s=0.3))


def test_a_body_that_trickles_without_a_length_is_not_taken_for_whole(server: PackageServer) -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(PACKAGE)
        server.stopped.wait()

    with pytest.raises(SourceUnavailable, match=r"no answer in 0\.3 s"):
        fetch(server.does("/wave.zip", trickle), patience=Patience(wait_s=10, total_s=0.3))


def test_a_server_that_says_nothing_is_left_after_one_wait(server: PackageServer) -> None:
    url = server.does("/wave.zip", lambda handler: server.stopped.wait())
    with pytest.raises(SourceUnavailable, match="no answer in"):
        fetch(url, patience=Patience(wait_s=0.2, total_s=60))


@pytest.mark.parametrize(
    ("told", "status", "headers"),
    [
        ("answered 404", 404, {}),
        ("answered 206", 206, {}),
        ("answered 302", 302, {}),
        ("answered 300", 300, {"Location": "/other"}),
        ("sent as 'gzip'", 200, {"Content_Encoding": "gzip"}),
        ("the connection broke after", 200, {"Content_Length": str(len(PACKAGE) + 1)}),
    ],
)
def test_a_bad_answer_is_named(server: PackageServer, told: str, status: int, headers: dict[str, str]) -> None:
    url = server.gives("/wave.zip", PACKAGE, status=status, **headers)
    with pytest.raises(TentacleError, match=told):
        fetch(url)


def test_nobody_at_the_address_is_unavailable(server: PackageServer) -> None:
    url = server.gives("/wave.zip", PACKAGE)
    port = int(url.split(":")[2].split("/")[0])
    with pytest.raises(SourceUnavailable, match="ConnectionRefusedError"):
        fetch(f"http://127.0.0.2:{port}/wave.zip", patience=SHORT)


@pytest.mark.parametrize("url", ["https:///wave.zip", "http://127.0.0.1/a b.zip", "http://127.0.0.1/\nx", "http://[x/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(TentacleError, match=r"expected an address such as https://|not a URL: Invalid IPv6 URL"):
        fetch(url)


def test_the_path_and_the_query_are_asked_for(server: PackageServer) -> None:
    for path in ("/", "/wave.zip?version=1&x=2", "/?y"):
        server.gives(path, PACKAGE)
    for url in ("", "/wave.zip?version=1&x=2#part", "?y"):
        assert fetch(server.url + url).tree_hash == TREE


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(TentacleError, match="holds a user or a password") as refused:
        fetch("https://me:secret@example.org/wave.zip")
    assert "secret" not in str(refused.value)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1, made by openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate for a TLS server")
    path = tmp_path / "server.pem"
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(path)]
    subprocess.run(["openssl", *command.split(), *files], capture_output=True, check=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "key.pem").read_bytes())
    return path


def test_https_is_verified_and_never_left_for_http(certificate: Path, server: PackageServer) -> None:
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    plain = server.gives("/wave.zip", PACKAGE)
    with package_server(own) as secure:
        url = secure.gives("/wave.zip", PACKAGE)
        down = secure.gives("/down", b"", status=302, Location=plain)
        moved = secure.gives("/moved", b"", status=302, Location="/wave.zip")
        assert fetch(url, tls=trusting).tree_hash == fetch(moved, tls=trusting).tree_hash == TREE
        with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(url)
        with pytest.raises(TentacleError, match="which is not encrypted; nothing was fetched"):
            fetch(down, tls=trusting)
    assert server.seen == []
