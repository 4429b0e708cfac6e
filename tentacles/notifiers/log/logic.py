"""Writes messages for people into the bot's structured log: level as given, the numbers as fields.

A level that is none of info, warning and problem is written as a problem, so that nothing is lost by a typing error. A
log is at hand at once, so what rules say of quiet hours, bundles and limits does not apply.
"""

from __future__ import annotations

import structlog

from loligo.api import Message
from loligo.api.notify import rule_for

from .settings import Settings

_LEVELS = {"info": "info", "warning": "warning", "problem": "error"}
_OWN_FIELDS = frozenset({"event", "level", "seq", "desk"})


class LogNotifier:
    def __init__(self, settings: Settings) -> None:
        self._rules = settings.rules
        self._log = structlog.get_logger("notifier.log")

    async def notify(self, message: Message) -> None:
        if rule_for(self._rules, message) is None:
            return
        # A message's own field must not replace the ones that every log line has.
        fields = {f"field_{key}" if key in _OWN_FIELDS else key: value for key, value in message.fields.items()}
        write = getattr(self._log, _LEVELS.get(message.level, "error"))
        write(message.text, seq=message.seq, desk=message.desk, **fields)
