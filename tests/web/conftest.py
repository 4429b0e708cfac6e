"""One bot with its page for all tests of this folder that ask a real one; among its tentacles is one that means ill."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from loligo_web.access import passwords
from tests.fakes.tentacle_folder import write_tentacle
from tests.scenario.bots import BotFolder
from tests.web.running import RunningPage, running_page

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"  # ends texts and attributes of either quotes


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords in this process with less work; bots in processes of their own do it as they should."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPage]:
    with running_page(tmp_path_factory.mktemp("page") / "bot", with_hostile_texts) as page:
        yield page


def with_hostile_texts(folder: BotFolder) -> None:
    """Put the attack into every text that comes with a tentacle."""
    texts = dict.fromkeys(("summary", "author", "changelog"), json.dumps(ATTACK))
    write_tentacle(folder.home, "evaluator", "hostile", manifest=texts, files={"README.md": ATTACK})
    done = folder.call("tentacle", "refresh")
    assert done.code == 0, done.out
