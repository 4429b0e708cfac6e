"""What is said in a chat, before any platform's markup: a title, lines, buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loligo.api import Message
from loligo.api.notify import Kind, rendered

SIGNS = {"info": "", "warning": "⚠ "}  # any other level is a problem
_PROBLEM = "⛔ "


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """`token` is what comes back when it is pressed: letters, digits, - and _, at most 32."""

    label: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. Rows of `buttons` stand below its last page, `picture`, a PNG, above its first."""

    title: str = ""
    lines: Sequence[str] = ()
    buttons: Sequence[Sequence[Button]] = ()
    level: str = "info"
    picture: bytes = b""


def message_reply(message: Message, words: str = "") -> Reply:
    """Return a message of the bot as it is told: in these words, or the default ones, and where to ask why."""
    first, *lines = (words or rendered(message)).splitlines()
    title = SIGNS.get(message.level, _PROBLEM) + first
    if message.kind == Kind.CONSENT_ASKED:  # buttons do not outlive the bot
        lines.append("/consent_give_{question} or /consent_deny_{question}".format_map(message.fields))
    if message.kind == Kind.VERDICT:
        lines.append("/experiments")
    if message.seq:
        lines.append(f"/why_{message.seq}")
    return Reply(title=title, lines=lines, level=message.level)


def problem(text: str, lines: Sequence[str] = ()) -> Reply:
    return Reply(title=_PROBLEM + text, lines=lines, level="problem")
