"""Timeframes ("1m", "4h", "1d", "1w") and integer-nanosecond time, always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from loligo.errors import ConfigError

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
WEEK_NS = 7 * DAY_NS
# Weeks open on Monday 00:00 UTC, as on every crypto venue that ccxt serves; the Unix epoch was a Thursday.
_WEEK_PHASE_NS = 4 * DAY_NS

_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS, "w": WEEK_NS}


@lru_cache(maxsize=256)
def timeframe_ns(timeframe: str) -> int:
    """Return the length of a timeframe in nanoseconds. ConfigError if it is not a number and one of s m h d w."""
    match = re.fullmatch(r"([1-9]\d*)([smhdw])", timeframe)
    if match is None:
        raise ConfigError(f'timeframe "{timeframe}": expected a number and one of s m h d w, such as "5m" or "1d"')
    return int(match[1]) * _UNITS_NS[match[2]]


def period_start_ns(ts_ns: int, timeframe: str) -> int:
    """Return the open time of the period of `timeframe` that contains `ts_ns`."""
    length_ns = timeframe_ns(timeframe)
    phase_ns = _WEEK_PHASE_NS if length_ns % WEEK_NS == 0 else 0
    return (ts_ns - phase_ns) // length_ns * length_ns + phase_ns


def iso(ts_ns: int) -> str:
    """Return a UTC instant as ISO 8601 text, to the second when it falls on one, else to the nanosecond."""
    seconds, rest_ns = divmod(ts_ns, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest_ns:09d}Z" if rest_ns else f"{text}Z"


def ns_from_iso(text: str) -> int:
    """Return the nanoseconds of an ISO 8601 instant or date; without a zone it is UTC. ConfigError if unreadable."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(f'time "{text}": expected ISO 8601, such as 2019-07-01 or 2019-07-01T12:00:00Z') from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_NS + moment.microsecond * 1000
