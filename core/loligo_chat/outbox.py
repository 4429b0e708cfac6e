"""Pages of chats: those of `loligo.api.notify`, with buttons, or in place of a message that was sent before.

What people are told is kept and outlives the bot; what answers a question is not: who asked would have it much too
late, and the questions behind its buttons are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loligo.api import notify
from loligo.api.notify import AGAIN, Refused, RetryLater
from loligo_chat.access import Place
from loligo_chat.replies import Button

__all__ = ["AGAIN", "Outbox", "Page", "Refused", "RetryLater"]


@dataclass(slots=True, kw_only=True, eq=False)
class Page(notify.Page):
    """One message in the platform's markup. `edits` is the id of the message that it replaces; `picture` a PNG."""

    buttons: Sequence[Sequence[Button]] = ()
    edits: str = ""
    picture: bytes = b""

    @property
    def shown(self) -> str:
        return AGAIN + self.text if self.is_unsure and not self.edits else self.text


class Outbox(notify.Outbox[Place, Page]):
    """Pages of all chats of one account."""
