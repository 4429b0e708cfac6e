"""What Dockerfile and compose.yaml say, done without docker: wheel, commands, environment, health check.

An image is not built here; README says so. The wheel is that of the working tree, installed where nothing else of ours
is, and the commands are those of the files.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from ruamel.yaml import YAML

from tests.fakes.wheels import make_site
from tests.scenario.bots import LIMIT_S, ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
PAUSE_S = 0.05


def instructions() -> list[tuple[str, str]]:
    """Return what the Dockerfile says, line by line, of all stages."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for line in text.splitlines() if line for word, _, rest in [line.partition(" ")]]


def of_image(word: str) -> list[str]:
    """Return what the last stage says under a word."""
    said = instructions()
    last = max(index for index, (name, _) in enumerate(said) if name == "FROM")
    return [rest for name, rest in said[last:] if name == word]


def service() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())["services"]["loligo"]
    return found


def test_the_container_has_no_rights_and_no_public_port() -> None:
    compose = service()
    assert of_image("USER") == [compose["user"]] == ["10001:10001"]
    assert compose["read_only"] is True
    assert compose["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in compose["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in compose["ports"])
    assert compose["volumes"] == [f"bot:{of_image('VOLUME')[0]}"]
    assert compose["stop_signal"] == of_image("STOPSIGNAL")[0] == "SIGTERM"
    assert "privileged" not in compose
    assert "network_mode" not in compose


def test_what_is_built_is_pinned_and_nothing_private_goes_along() -> None:
    told = " ".join(rest for _, rest in instructions())
    assert "--require-hashes -r requirements.lock" in told
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"  # all but what is named
    named = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert not named & {".env", ".git", "state", "data", "logs", "reports", "tests"}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_lock_becomes_constraints_without_losing_a_pin() -> None:
    pattern = re.search(r"s/(.+)/\\1/p", next(rest for _, rest in instructions() if "constraints.txt" in rest))
    assert pattern is not None
    lock = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
    found = [match[1] for line in lock if (match := re.match(pattern[1], line))]
    assert len(found) == len(lock) > 50
    assert all(re.fullmatch(r"\S+==\S+", each) for each in found)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel of this tree; what it requires is that of the tests."""
    root = tmp_path_factory.mktemp("image")
    wheels = root / "dist"
    build = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    subprocess.run(build, check=True, timeout=LIMIT_S)
    site = make_site(root / "environment")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    python = root / "environment" / "bin" / "python"
    (wheel,) = wheels.glob("loligo-*.whl")
    install = (*PIP, "--python", str(python), "install", "--no-deps", "--ignore-installed", str(wheel))
    subprocess.run(install, check=True, timeout=LIMIT_S)
    return root / "environment" / "bin"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(image: Path, port: int, tmp_path: Path) -> dict[str, str]:
    """The environment of image and service, with a folder and a port of the test's."""
    said = dict(pair.split("=", 1) for rest in of_image("ENV") for pair in shlex.split(rest))
    said |= {name: value.replace("8321", str(port)) for name, value in service()["environment"].items()}
    said |= {"LOLIGO_HOME": str(tmp_path / "bot"), "HOME": str(tmp_path), "PATH": f"{image}:{os.environ['PATH']}"}
    return said


@pytest.fixture
def container(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = json.loads(of_image("CMD")[0])
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        yield process
        process.kill()


def healthy(environment: dict[str, str]) -> int:
    """Return how the health check ends."""
    check = json.loads(of_image("HEALTHCHECK")[0].partition("CMD ")[2])
    return subprocess.run(check, env=environment, capture_output=True, timeout=LIMIT_S).returncode


@pytest.mark.slow
def test_a_container_comes_up_is_reached_and_ends(
    container: subprocess.Popen[bytes], environment: dict[str, str], port: int, tmp_path: Path
) -> None:
    link, until = tmp_path / "bot" / "state" / "web" / "first-start.txt", time.monotonic() + LIMIT_S
    while not link.exists():
        assert container.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < until
        time.sleep(PAUSE_S)
    with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=LIMIT_S) as answer:
        assert answer.status == 200
    assert link.read_text().startswith(f"http://127.0.0.1:{port}/join/")  # people can open it as it stands
    assert healthy(environment) == 0
    container.send_signal(signal.SIGTERM)
    assert container.wait(int(service()["stop_grace_period"].removesuffix("s"))) == 0
    assert healthy(environment) == 1
