"""Structured logging: one line per fact, with run, desk, seq and cause bound by whoever knows them; secrets masked.

What must hold: nothing is ever written to stdout (that is for data), and no registered secret and no value under a
secret's name leaves in a line, at any depth and in error texts too. Times here are of the wall clock.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO, cast

import structlog

Level = Literal["debug", "info", "warning", "error", "critical"]
Format = Literal["console", "json"]
MASK = "***"

_NAME = (
    r"(?:api[_-]?key|api[_-]?secret|secret|passw(?:or)?d|passphrase|token|private[_-]?key|authorization"
    r"|webhook[_-]?url)"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_IN_TEXT = re.compile(rf"({_NAME}\w*[\"']?\s*[=:]\s*)(?:bearer\s+)?(\"[^\"]*\"|'[^']*'|[^\s,;&)}}\]]+)", re.IGNORECASE)
_IN_URL = re.compile(r"(\w://[^/\s:@]*:)[^/\s@]+(?=@)")
_registered: list[str] = []


def register_secret(value: str) -> None:
    """Mask `value` wherever it turns up in a log line from now on."""
    if value and value not in _registered:
        _registered.append(value)
        _registered.sort(key=len, reverse=True)  # a secret may hold a shorter one


def is_secret_name(name: str) -> bool:
    """Say whether a key of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def masked(value: Any, name: str = "") -> Any:
    """Return `value` without secrets; containers are copied, what is no plain data becomes its masked text."""
    if name and is_secret_name(name) and value is not None:
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner) for inner in value]
    return _masked_text(value if isinstance(value, str) else str(value))


def configure(*, level: Level = "info", format: Format = "console", stream: TextIO | None = None) -> None:
    """Send the log of the whole process to `stream`, else to stderr.

    Lines of other libraries come along, from warnings upwards.
    """
    target = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            lambda _logger, _method, event: cast("dict[str, Any]", masked(event)),
            _renderer(format, target),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,  # a later `configure` must reach the loggers that modules already hold
    )
    logging.basicConfig(handlers=[_Bridge()], level=max(number, logging.WARNING), force=True)


def get_logger(part: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a part of the bot; every line says which one it came from."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(part=part))


class _Bridge(logging.Handler):
    """Carries what libraries say through `logging` into our log, from warnings upwards."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _renderer(format: Format, target: TextIO) -> structlog.typing.Processor:
    if format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=target.isatty() and "NO_COLOR" not in os.environ, pad_event_to=36)


def _masked_text(text: str) -> str:
    for secret in _registered:
        text = text.replace(secret, MASK)
    return _IN_URL.sub(rf"\1{MASK}", _IN_TEXT.sub(rf"\1{MASK}", text))
