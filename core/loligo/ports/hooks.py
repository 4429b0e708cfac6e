"""The hook specifications: how a tentacle hands over what it has, and what it is told.

Hooks carry registration, lifecycle and observation; the engine never calls one per input. Each is described in
`tentacles/README.md` and has a test; `tests/architecture` fails when either is missing. pluggy itself is the host's:
this module only marks functions, with the attributes that pluggy reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from loligo.model.events import Record
from loligo.ports.tentacles import Factory

PROJECT = "loligo"

_F = TypeVar("_F")


def hookspec(function: _F) -> _F:
    """Mark a function as a hook specification."""
    setattr(function, f"{PROJECT}_spec", {"firstresult": False, "historic": False})
    return function


def hookimpl(function: _F) -> _F:
    """Mark a function of a tentacle as the implementation of the hook of the same name."""
    setattr(
        function,
        f"{PROJECT}_impl",
        {
            "wrapper": False,
            "hookwrapper": False,
            "optionalhook": False,
            "tryfirst": False,
            "trylast": False,
            "specname": None,
        },
    )
    return function


@hookspec
def evaluator() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of an evaluator."""


@hookspec
def strategy() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of a strategy."""


@hookspec
def trading_mode() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of a trading mode."""


@hookspec
def risk_rule() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of a risk rule."""


@hookspec
def feed() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of a feed."""


@hookspec
def venue() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of a venue."""


@hookspec
def interface() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of an interface."""


@hookspec
def notifier() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of a notifier."""


@hookspec
def automation() -> Factory:  # type: ignore[empty-body]
    """Hand over the factory of an automation."""


@hookspec
def bot_started(desks: Sequence[str]) -> None:
    """Learn that the engine accepts inputs, with the names of its desks."""


@hookspec
def bot_stopping(reason: str) -> None:
    """Learn that the bot is about to end; records of what is still at work may follow."""


@hookspec
def records_committed(records: Sequence[Record]) -> None:
    """Learn of records that are now durable in the journal, in order; must return quickly."""


KINDS: tuple[str, ...] = (
    "evaluator",
    "strategy",
    "trading_mode",
    "risk_rule",
    "feed",
    "venue",
    "interface",
    "notifier",
    "automation",
)
__all__ = [*KINDS, "KINDS", "PROJECT", "bot_started", "bot_stopping", "hookimpl", "hookspec", "records_committed"]
