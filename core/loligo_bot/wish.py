"""A wish: who wants registry and configuration taken up, why and in which way; and the report of what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from loligo.errors import ConfigError
from loligo.model.command import SwapEnded, SwapResult
from loligo.registry.faults import did_you_mean

FILES = "files"  # who wants it when a file has changed
NOT_WATCHED = "swap.watch is off: `loligo tentacle apply` lets it take this up"
LONGEST_TEXT, MOST_STEPS = 1_000, 100  # of what goes into the journal


class When(StrEnum):
    NOW = "now"
    CANDLE = "candle"  # after the next candle
    FLAT = "flat"  # when no desk holds anything


class How(StrEnum):
    REPLACE = "replace"
    SHADOW = "shadow"  # compare, then let it go
    EXPERIMENT = "experiment"  # not there yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants. What is None is as the configuration says."""

    by: str = FILES
    why: str = ""
    when: When | None = None
    how: How | None = None
    inputs: int | None = None  # so many to be compared in shadow
    ago_s: float = 0.0  # since the files were changed for it
    registry: str = ""  # hash of the registry file as who wants it left it, whole; "" says nothing

    @property
    def has_terms(self) -> bool:
        return (self.when, self.how, self.inputs) != (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapReport:
    """How a wish ended; `changed` names what was to be exchanged, `text` is for a person."""

    result: SwapResult
    number: int
    changed: tuple[str, ...] = ()
    text: str = ""
    steps: tuple[str, ...] = ()
    duration_ms: float = 0.0
    by: str = FILES
    why: str = ""
    when: str = ""
    how: str = ""
    fault: str = ""  # the class of the error that it ended with
    off: Mapping[str, str] = field(default_factory=dict)  # what is wanted and stays off, by kind/name, and why

    @property
    def is_done(self) -> bool:
        return self.result in (SwapResult.GOOD, SwapResult.UNCHANGED, SwapResult.SHADOWED)

    def for_journal(self) -> SwapEnded:
        """Return the input that tells the history of it."""
        return SwapEnded(
            ts=0,
            number=self.number,
            by=self.by[:LONGEST_TEXT],
            why=self.why[:LONGEST_TEXT],
            when=self.when,
            how=self.how,
            changed=tuple(line[:LONGEST_TEXT] for line in self.changed),
            steps=tuple(line[:LONGEST_TEXT] for line in self.steps[:MOST_STEPS]),
            result=self.result,
            text=self.text[:LONGEST_TEXT],
            took_ms=round(self.duration_ms),
        )


def wish_of(request: dict[str, Any]) -> Wish:
    """Return the wish in a request of the control socket. ConfigError for terms that do not exist."""
    inputs = request.get("inputs")
    if inputs is not None and (not isinstance(inputs, int) or isinstance(inputs, bool) or inputs < 1):
        raise ConfigError(f"inputs = {inputs!r}: expected a whole number of at least 1")
    return Wish(
        by=str(request.get("by") or "cli"),
        why=str(request.get("why") or ""),
        when=_one_of(When, "when", request.get("when")),
        how=_one_of(How, "as", request.get("as")),
        inputs=inputs,
        ago_s=float(request.get("ago_s") or 0.0),
        registry=str(request.get("registry") or ""),
    )


def how_far(attempt: Mapping[str, Any]) -> str:
    """Return in words where a swap is that has not ended, by its status; nothing: its turn has not come yet."""
    if not attempt:
        return "it waits for its turn and goes on by itself, see `loligo status`"
    until = {"candle": " until the next candle", "flat": " until all desks are flat"}.get(str(attempt.get("when")), "")
    phase = f"waits{until}" if attempt["phase"] == "waiting" else f"is in phase {attempt['phase']}"
    return f"generation {attempt['number']} {phase}; it goes on by itself, see `loligo status`"


def file_hash(file: Path) -> str:
    """Return what `Wish.registry` holds; "" when there is no such file."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


_Term = TypeVar("_Term", When, How)


def _one_of(kind: type[_Term], name: str, given: Any) -> _Term | None:
    if given is None:
        return None
    known = [str(each) for each in kind]
    if given not in known:
        hint = did_you_mean(str(given), known)
        raise ConfigError(f'{name} = "{given}": expected one of {", ".join(known)}{hint}')
    return kind(given)
