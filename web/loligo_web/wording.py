"""Numbers, times and names as people read them. Money keeps its digits; what is not known is a dash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

DASH = "\u2013"
MINUS = "\u2212"
_WORDS = {word.lower(): word for word in ("RSI", "EMA", "SMA", "MACD", "ATR", "DCA", "API")}
_KINDS = {
    "evaluator": "Evaluators",
    "strategy": "Strategies",
    "trading_mode": "Trading modes",
    "risk_rule": "Risk rules",
    "feed": "Feeds",
    "venue": "Venues",
    "interface": "Interfaces",
    "notifier": "Notifiers",
    "automation": "Automations",
}
Number = Decimal | float | int | str | None


def money(value: Number, digits: int = 2) -> str:
    """Return an amount with its thousands grouped by thin spaces."""
    number = _number(value)
    if number is None:
        return DASH
    text = f"{abs(number):,.{digits}f}".replace(",", "\u202f")
    return f"{MINUS}{text}" if number < 0 and text.strip("0.\u202f") else text


def signed(value: Number, digits: int = 2) -> str:
    number = _number(value)
    text = money(value, digits)
    return f"+{text}" if number is not None and number > 0 and text.strip("0.\u202f") else text


def percent(value: Number, digits: int = 1) -> str:
    """Return a fraction as percent."""
    number = _number(value)
    return DASH if number is None else f"{money(number * 100, digits)} %"


def signed_percent(value: Number, digits: int = 2) -> str:
    number = _number(value)
    return DASH if number is None else f"{signed(number * 100, digits)} %"


def quantity(value: Number) -> str:
    """Return every digit that is there, and no zeros behind them."""
    number = _number(value)
    if number is None:
        return DASH
    text = f"{Decimal(str(value)).normalize():,f}".replace(",", "\u202f")
    return text.replace("-", MINUS)


def price(value: Number) -> str:
    """Return a price with as many digits as its size needs."""
    number = _number(value)
    if number is None:
        return DASH
    size = abs(number)
    digits = 2 if size >= 10 else 4 if size >= 0.1 else 8
    return money(value, digits)


def tone(value: Number, step: float = 0.0) -> str:
    """Return "up", "down" or "" for a number, which is shown in such steps."""
    number = _number(value)
    return "" if not number or abs(number) < step / 2 else "up" if number > 0 else "down"


def capitalize(text: str) -> str:
    """Return a text as a sentence begins; Jinja's own makes names in it small."""
    return text[:1].upper() + text[1:]


def title(name: str) -> str:
    """Return the name of a tentacle as people write it: ema_cross is EMA cross."""
    words = [_WORDS.get(word, word) for word in str(name).replace("-", "_").split("_") if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def kind(name: str) -> str:
    return _KINDS.get(name, title(name))


def clock(text: str) -> str:
    """Return an ISO time to the minute; the browser shows it in the zone of its user."""
    return str(text)[:16].replace("T", " ")


def instant(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def duration(seconds: Number) -> str:
    """Return seconds in the largest unit that leaves no more than one digit behind the point."""
    number = _number(seconds)
    if number is None:
        return DASH
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if number >= 2 * size or number == size:
            return f"{number / size:.1f}".removesuffix(".0") + f" {name}"
    return f"{number:g} s"


def milliseconds(text: str) -> int:
    """Return ISO 8601 as milliseconds since 1970."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def setting(value: Any) -> str:
    """Return the value of a setting."""
    if value is None or value == {} or value == []:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def market(instrument: str | None) -> str:
    """Return an instrument without its venue."""
    return str(instrument or DASH).rpartition(":")[2]


def place(path: str) -> str:
    """Return a place of the configuration as people say it: desks.trend.evaluators is desk trend."""
    parts = str(path).split(".")
    return f"desk {parts[1]}" if parts[0] == "desks" and len(parts) > 1 else " ".join(parts)


def share_of(value: Number, limit: Number) -> float:
    """Return how much of a limit is used, 0 to 100."""
    used, most = _number(value), _number(limit)
    return 0.0 if used is None or not most else min(100.0, max(0.0, abs(used) / abs(most) * 100))


def _number(value: Number) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    return number if number == number and abs(number) != float("inf") else None


FILTERS: Mapping[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        money,
        signed,
        percent,
        signed_percent,
        quantity,
        price,
        tone,
        capitalize,
        title,
        kind,
        clock,
        duration,
        instant,
        market,
        setting,
        place,
        share_of,
    )
}
