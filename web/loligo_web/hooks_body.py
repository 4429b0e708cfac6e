"""What a webhook says, from its body: JSON or a line of text. What is not known is passed over, for alerts carry much.

    {"action": "buy", "instrument": "{{exchange}}:{{ticker}}", "time": "{{timenow}}", "id": "...", "secret": "..."}
    buy at the close

Placeholders and content types: https://www.tradingview.com/support/solutions/43000529348 and 43000531021
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loligo.api import BadArguments

# Names by which others call the same; the first one that is there counts.
_INSTRUMENT = ("instrument", "symbol", "ticker")
_KIND = ("kind", "action", "market_position", "side")
_VALUE = ("value", "score")
_TEXT = ("text", "message", "comment")
_TTL = ("ttl_s", "ttl")
_TIME = ("time", "timenow", "timestamp")
_ID = ("id", "alert_id")
_LINE_KINDS = frozenset({"buy", "sell", "long", "short", "flat", "close", "exit"})
LONGEST_NUMBER = 40
LONGEST_ID = 200
_MS_FROM = 1e11  # a number of seconds is smaller than that for three thousand years


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`arguments` are for the verb signal.publish; `sent_s` is the sender's own time."""

    arguments: dict[str, Any]
    id: str = ""
    sent_s: float | None = None
    secret: str = ""


def said_in(body: bytes) -> Said:
    """Return what a body says. BadArguments when it is no text, or JSON that is broken or no object."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError as exc:
        raise BadArguments("the body is no text in UTF-8") from exc
    if not text:
        raise BadArguments("the body is empty: expected JSON, or a line such as buy")
    if text[0] not in "{[":
        first = text.split()[0].lower().rstrip(":,.!")
        return Said(arguments={"kind": first if first in _LINE_KINDS else "signal", "text": text})
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadArguments(f"the body begins like JSON and is none: {exc}") from exc
    if not isinstance(found, dict):
        raise BadArguments("the body: expected a JSON object")
    inner = found.get("data")
    return _from_fields({**found, **inner} if isinstance(inner, dict) else found)


def _from_fields(fields: dict[str, Any]) -> Said:
    arguments: dict[str, Any] = {"kind": _word(fields, _KIND).lower() or "signal", "text": _word(fields, _TEXT)}
    instrument, venue = _word(fields, _INSTRUMENT), _word(fields, ("exchange",))
    if instrument:
        arguments["instrument"] = f"{venue}:{instrument}" if venue and ":" not in instrument else instrument
    for name, names in (("value", _VALUE), ("ttl_s", _TTL)):
        if (given := _first(fields, names)) is not None:
            arguments[name] = _number(name, given)
    return Said(
        arguments=arguments,
        id=_word(fields, _ID)[:LONGEST_ID],
        sent_s=_seconds(_first(fields, _TIME)),
        secret=_word(fields, ("secret",)),
    )


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _word(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    given = _first(fields, names)
    if given is None:
        return ""
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        return str(given).strip()
    raise BadArguments(f"{names[0]}: expected a text", {names[0]: "expected a text"})


def _number(name: str, given: Any) -> float:
    try:
        if isinstance(given, bool) or len(str(given)) > LONGEST_NUMBER:
            raise ValueError
        return float(given)
    except (TypeError, ValueError) as exc:
        told = f"expected a number, not {str(given)[:LONGEST_NUMBER]!r}"
        raise BadArguments(f"{name}: {told}", {name: told}) from exc


def _seconds(given: Any) -> float | None:
    """Return a time as seconds since 1970: ISO 8601 as {{timenow}} writes it, seconds, or milliseconds."""
    if given is None:
        return None
    try:
        number = float(given)
        return number / 1000 if number > _MS_FROM else number
    except (TypeError, ValueError):
        pass  # not a number: then it is to be a date
    try:
        at = datetime.fromisoformat(str(given)[:LONGEST_NUMBER])
    except ValueError as exc:
        told = f"expected a time such as 2026-11-22T09:30:00Z, not {str(given)[:LONGEST_NUMBER]!r}"
        raise BadArguments(f"time: {told}", {"time": told}) from exc
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
