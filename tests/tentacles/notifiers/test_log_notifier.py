"""The log notifier: each message is one structured log line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import capture_logs

from loligo.api import Factory, MakeContext, Message


def logged(load_tentacle: Callable[[str], ModuleType], message: Message) -> Any:
    factory: Factory = load_tentacle("notifiers/log").notifier()
    with capture_logs() as lines:
        asyncio.run(factory.create(factory.settings(), MakeContext()).notify(message))
    (line,) = lines
    return line


@pytest.mark.parametrize(
    ("level", "log_level"), [("info", "info"), ("warning", "warning"), ("problem", "error"), ("oops", "error")]
)
def test_message_is_logged_at_its_level_with_its_fields(
    load_tentacle: Callable[[str], ModuleType], level: str, log_level: str
) -> None:
    message = Message(level=level, text="stop hit", seq=42, desk="btc", fields={"price": "98.10"})
    assert logged(load_tentacle, message) == {
        "log_level": log_level,
        "event": "stop hit",
        "seq": 42,
        "desk": "btc",
        "price": "98.10",
    }


def test_message_fields_never_replace_those_of_the_line(load_tentacle: Callable[[str], ModuleType]) -> None:
    message = Message(level="info", text="fill", seq=7, desk="btc", fields={"seq": "1", "event": "x"})
    line = logged(load_tentacle, message)
    assert (line["event"], line["seq"], line["field_seq"], line["field_event"]) == ("fill", 7, "1", "x")
