"""The log: bound context, no secrets, nothing on stdout."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars, clear_contextvars

from loligo import log


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    target = io.StringIO()
    log.configure(level="debug", format="json", stream=target)
    return target


def test_line_has_the_bound_context_its_part_and_a_utc_time(stream: io.StringIO) -> None:
    with bound_contextvars(run="r1", desk="trend", seq=7, cause=5):
        log.get_logger("engine").info("order sent", quantity=2)
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order sent",
        "level": "info",
        "part": "engine",
        "run": "r1",
        "desk": "trend",
        "seq": 7,
        "cause": 5,
        "quantity": 2,
    }


@pytest.mark.parametrize("name", ["api_key", "apiKey", "secret", "db_password", "token", "passphrase", "Authorization"])
def test_value_under_the_name_of_a_secret_is_masked_at_any_depth(stream: io.StringIO, name: str) -> None:
    log.get_logger("x").info("request", headers=[{"deep": {name: "Hu5hHu5h"}}], **{name: "Hu5hHu5h"})
    assert "Hu5h" not in stream.getvalue()
    assert json.loads(stream.getvalue())[name] == log.MASK


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /x?token=abc&y=1", "GET /x?token=***&y=1"),
        ("Settings(api_key='abc', size=2)", "Settings(api_key=***, size=2)"),
        ("authorization: Bearer abc.def", "authorization: ***"),
        ("postgresql://bot:abc@db/x", "postgresql://bot:***@db/x"),
        ("token bucket is full", "token bucket is full"),
    ],
)
def test_secrets_in_texts_are_masked(text: str, masked: str) -> None:
    assert log.masked(text) == masked


def test_registered_secret_is_masked_in_error_texts_too(stream: io.StringIO) -> None:
    log.register_secret("Zq9-registered")
    try:
        raise ValueError("cannot sign with Zq9-registered")
    except ValueError:
        log.get_logger("x").exception("failed")
    assert "cannot sign with ***" in stream.getvalue()
    assert "Zq9" not in stream.getvalue()


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    log.configure(level="warning", format="json", stream=stream)
    log.get_logger("x").info("quiet")
    log.get_logger("x").warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_warnings_of_libraries_come_along(stream: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.pool").warning("pool of %s is full", "db")
    line = json.loads(stream.getvalue())
    assert (line["part"], line["level"], line["event"]) == ("sqlalchemy.pool", "warning", "pool of db is full")


def test_log_never_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get_logger("x").error("problem")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "problem" in captured.err
