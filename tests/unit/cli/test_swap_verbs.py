"""Verbs that ask a running bot to take something up: what they send, what they print, how they end."""

from __future__ import annotations

import errno
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loligo_bot.cli.swap_verbs import followed

from .conftest import Call
from .test_operator_verbs import AnsweringBot


def report(result: str, **more: Any) -> dict[str, Any]:
    said = {"result": result, "number": 2, "text": "because", "steps": ["shadowing"], "duration_ms": 1_500.0}
    return {"ok": result == "good", "swap": {**said, **more}, "error": "because"}


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[AnsweringBot]:
    bot = AnsweringBot(tmp_path)
    bot.start()
    yield bot
    bot.end()


def test_terms_and_reason_of_apply_are_sent(call: Call, bot: AnsweringBot, tmp_path: Path) -> None:
    bot.answer = report("good")
    terms = ["--why", "calmer", "--when", "flat", "--as", "shadow", "--inputs", "9", "--wait", "7"]
    assert call("--home", str(tmp_path), "tentacle", "apply", *terms).code == 0
    (request,) = bot.heard
    assert request.pop("by").startswith("cli:")
    sent = {"do": "apply", "why": "calmer", "when": "flat", "as": "shadow", "inputs": 9, "patience_s": 7.0}
    assert request == sent


@pytest.mark.parametrize(
    ("option", "word", "hint"), [("--as", "shadows", "shadow"), ("--when", "flatt", "flat"), ("--when", "", "now")]
)
def test_a_term_that_there_is_not_is_a_fault_of_the_call_and_is_not_sent(
    call: Call, bot: AnsweringBot, tmp_path: Path, option: str, word: str, hint: str
) -> None:
    refused = call("--home", str(tmp_path), "tentacle", "apply", option, word)
    assert (refused.code, refused.out, bot.heard) == (2, "", [])
    assert f"{option} {word}: expected one of" in refused.err
    assert hint in refused.err


def test_one_waits_for_a_day_at_most(call: Call, bot: AnsweringBot, tmp_path: Path) -> None:
    refused = call("--home", str(tmp_path), "tentacle", "apply", "--wait", "inf")
    assert (refused.code, "--wait" in refused.err, bot.heard) == (2, True, [])


@pytest.mark.parametrize(
    ("result", "fault", "code"),
    [
        ("good", "", 0),
        ("shadowed", "", 0),
        ("unchanged", "", 4),
        ("refused", "TentacleError", 1),
        ("refused", "ConfigError", 3),
        ("rolled_back", "", 1),
        ("superseded", "", 1),
    ],
)
def test_end_of_a_swap_is_an_exit_code(
    call: Call, bot: AnsweringBot, tmp_path: Path, result: str, fault: str, code: int
) -> None:
    bot.answer = report(result, fault=fault)
    done = call("--home", str(tmp_path), "tentacle", "apply")
    assert done.code == code
    assert "  shadowing\n" in done.out
    assert f"{result.replace('_', ' ')} in 1.5 s: because" in done.out


def test_one_that_waits_is_told_and_goes_on(call: Call, bot: AnsweringBot, tmp_path: Path) -> None:
    bot.answer = {"ok": True, "at_work": {"number": 3, "phase": "waiting", "when": "flat"}}
    done = call("--home", str(tmp_path), "tentacle", "apply")
    assert done.code == 0
    assert done.out.startswith("generation 3 waits until all desks are flat; it goes on by itself")


def test_change_that_was_not_begun_for_a_wrong_configuration_ends_like_one(
    call: Call, bot: AnsweringBot, tmp_path: Path
) -> None:
    bot.answer = {"ok": False, "kind": "ConfigError", "error": "desks.trend.capital is missing"}
    done = call("--home", str(tmp_path), "tentacle", "apply", "--when", "flat")
    assert (done.code, "desks.trend.capital is missing" in done.err) == (3, True)


def test_verbs_say_nothing_of_a_bot_that_does_not_run(tmp_path: Path) -> None:
    assert followed(tmp_path, "tentacle off rsi", 0.1) is None


def test_verbs_that_may_not_ask_the_bot_of_another_user_say_so_behind_what_they_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", connect)
    told = followed(tmp_path, "tentacle off rsi", 0.1)
    assert told is not None and not told["ok"]
    assert f"may not be asked: it is another user's: '{tmp_path}'" in told["lines"][0]


def test_verbs_say_what_the_running_bot_made_of_a_change(bot: AnsweringBot, tmp_path: Path) -> None:
    bot.answer = report("refused")
    (tmp_path / "tentacle_registry.json").write_text("{}")
    told = followed(tmp_path, "tentacle off rsi", 0.25)
    assert told is not None
    assert (told["ok"], told["lines"][0], told["lines"][-1]) == (False, "the running bot:", "refused in 1.5 s: because")
    (request,) = bot.heard
    assert (request["why"], request["follows"], request["ago_s"]) == ("tentacle off rsi", True, 0.25)
    assert request["registry"] == hashlib.sha256(b"{}").hexdigest()  # so that the bot need not wait for it to settle
