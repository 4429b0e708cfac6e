"""Records of the journal as plain data with names, for programs that know none of our types; what they are about.

A value says its type under "type"; money is text, times are integer ns UTC.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from loligo.api import Record

KNOWN_TAGS = {
    **dict.fromkeys(("submitted", "held", "reported", "cancel", "amend", "reports"), "orders"),
    **dict.fromkeys(("position", "posted", "trade_closed"), "positions"),
    **dict.fromkeys(("signal", "declined", "requested", "checked", "approved", "refused"), "decisions"),
    **dict.fromkeys(("risk_acted", "resumed", "kill_switch", "command", "command_handled", "consent_asked"), "risk"),
    **dict.fromkeys(
        ("swap", "tentacle_failed", "generation", "shadow", "shadow_stopped", "settled", "swap_ended"), "tentacles"
    ),
    **dict.fromkeys(("candle", "trade", "quote", "book", "external", "funding", "status", "warm_up"), "market"),
    **dict.fromkeys(("timer_set", "timer", "time"), "time"),
    "noted": "notes",
    "evaluated": "evaluations",
    "equity": "equity",
}


def topics_of(record: Record) -> frozenset[str]:
    """Return what a record is about."""
    return _topics(frozenset({type(record.input), *map(type, record.events)}))


@lru_cache(1024)
def _topics(kinds: frozenset[type]) -> frozenset[str]:
    return frozenset(KNOWN_TAGS[tag] for kind in kinds if (tag := _tag(kind)) in KNOWN_TAGS)


@lru_cache(512)
def _tag(kind: Any) -> str:
    config = kind.__struct_config__
    return str(config.tag) if config.tag is not None else ""


def plain(value: Any) -> Any:
    """Return a value of the model as dicts, lists, text and numbers."""
    if isinstance(value, msgspec.Struct):
        tag = _tag(type(value))
        named = {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"type": tag, **named} if tag else named
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Decimal) else value


def plain_text(record: Record) -> str:
    """Return a record as one line of JSON."""
    return msgspec.json.encode(plain(record)).decode()
