"""What is said in a chat, before any platform's markup: a title, lines, buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loligo.api import Message

SIGNS = {"info": "", "warning": "⚠ "}  # any other level is a problem
_PROBLEM = "⛔ "


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """`token` is what comes back when it is pressed: letters, digits, - and _, at most 32."""

    label: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. Rows of `buttons` stand below its last page."""

    title: str = ""
    lines: Sequence[str] = ()
    buttons: Sequence[Sequence[Button]] = ()
    level: str = "info"


def message_reply(message: Message) -> Reply:
    """Return a message of the bot as it is told: text, numbers, and where to ask why."""
    title = SIGNS.get(message.level, _PROBLEM) + message.text
    lines = [", ".join(f"{name} {value}" for name, value in message.fields.items())] if message.fields else []
    if message.seq:
        lines.append(f"/why_{message.seq}")
    return Reply(title=title, lines=lines, level=message.level)


def problem(text: str, lines: Sequence[str] = ()) -> Reply:
    return Reply(title=_PROBLEM + text, lines=lines, level="problem")
