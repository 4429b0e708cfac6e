"""Secrets that a person types, unseen, at the terminal; from a pipe where none is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from loligo.errors import ConfigError


def asking(words: str = "Passphrase of the vault: ") -> Callable[[], str] | None:
    """Return what asks a person for a secret, None where nobody sits at a terminal."""
    return (lambda: typed(words)) if _has_terminal() else None


def typed(words: str) -> str:
    """Return what a person types. ConfigError for the end of input."""
    from getpass import getpass

    try:
        return getpass(words)
    except EOFError as exc:
        raise ConfigError("nothing was typed") from exc


def typed_twice(words: str, again: str = "The same again: ") -> str:
    """Return what a person types two times. ConfigError when the two differ."""
    first = typed(words)
    if typed(again) != first:
        raise ConfigError("the two are not the same; nothing was changed")
    return first


def given_or_typed(words: str, ask: Callable[[str], str] = typed) -> str:
    """Return what standard input holds, less the end of its line, or what a person types where that is a terminal."""
    return ask(words) if sys.stdin.isatty() else sys.stdin.read().rstrip("\r\n")


def _has_terminal() -> bool:
    """Say whether somebody sees a question: standard input may be a pipe meanwhile."""
    if not sys.stderr.isatty():
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return sys.stdin.isatty()
    return True
