"""How a command ends: the one table from errors to exit codes, which scripts rely on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from loligo.errors import ConfigError, InboxClosed, LoligoError, NotFound, NotRunning, Undecided, VenueError


class ExitCode(IntEnum):
    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_RUNNING = 4  # or nothing to do
    NETWORK = 5  # exchange or network
    PERMISSION = 6  # or a signature was refused
    RISK = 7  # a risk limit or the kill switch is in force
    UNDECIDED = 8  # an A/B test has no verdict yet: --check, or a promotion
    INTERRUPTED = 130  # by Ctrl-C (SIGINT), as shells have it; a service manager's SIGTERM is an ordinary stop


class NothingToDo(LoligoError):
    """What the command works on does not exist yet."""


class RiskInForce(LoligoError):
    """The kill switch or a risk limit keeps the bot from doing what was asked."""


_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (  # the first that fits counts
    (ConfigError, ExitCode.CONFIGURATION),
    (NotRunning, ExitCode.NOT_RUNNING),
    (NothingToDo, ExitCode.NOT_RUNNING),
    (NotFound, ExitCode.NOT_RUNNING),
    (InboxClosed, ExitCode.NOT_RUNNING),
    (VenueError, ExitCode.NETWORK),
    (Undecided, ExitCode.UNDECIDED),
    (RiskInForce, ExitCode.RISK),
    (PermissionError, ExitCode.PERMISSION),
    (LoligoError, ExitCode.FAILURE),
    (ConnectionError, ExitCode.NETWORK),
    (TimeoutError, ExitCode.NETWORK),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (OSError, ExitCode.FAILURE),
)


def exit_code_of_swap(report: Mapping[str, Any]) -> ExitCode:
    """Return how a command ends whose change a running bot took up, or did not."""
    from loligo.model.command import SwapResult

    if report["result"] == SwapResult.UNCHANGED:
        return ExitCode.NOT_RUNNING
    if report["result"] in (SwapResult.GOOD, SwapResult.SHADOWED):
        return ExitCode.OK
    return ExitCode.CONFIGURATION if report.get("fault") == "ConfigError" else ExitCode.FAILURE


def exit_code_of(error: BaseException) -> ExitCode | None:
    """Return how a command ends with this error, None for one that is a fault of the program itself."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
