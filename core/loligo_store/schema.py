"""Tables of the journal and of its projections. Migrations bring every database to exactly this shape.

Money and quantities are decimal text, because SQLite has no exact number; lists are JSON text. `ts` and everything
in `_ns` is integer ns UTC. In projections `seq` is that of the event behind the row (the last one where a row
changes, then `first_seq` is the first), and `cause` the seq of what led to it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = "0005"  # the newest migration

metadata = MetaData()


def json_text(value: Any) -> str:
    """Return a value as it lies in a JSON column."""
    return msgspec.json.encode(value).decode()


class AsText(TypeDecorator[Any]):
    """Values kept as text that reads back equal."""

    impl = Text
    cache_ok = True

    def __init__(self, write: Callable[[Any], str], read: Callable[[Any], Any]) -> None:
        super().__init__()
        self.write, self.read = write, read

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.write(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.read(value)


_KINDS: dict[str, Any] = {
    "integer": BigInteger().with_variant(Integer(), "sqlite"),  # as a key, SQLite's own row id
    "text": Text(),
    "boolean": Boolean(),
    "real": Float(53),
    "decimal": AsText(str, Decimal),
    "json": AsText(json_text, msgspec.json.decode),
    "bytes": LargeBinary(),
}


def _table(name: str, key: str, columns: str, *indexes: str) -> Table:
    """Return a table with columns such as "decimal: price quantity; text: code"; a "?" after a name allows NULL. `key`
    names the columns of the primary key, each of `indexes` those of one index."""
    made: list[Any] = []
    for part in columns.split("; "):
        kind, names = part.split(": ")
        for column in names.split():
            plain, null = column.rstrip("?"), column.endswith("?")
            is_key = plain in key.split()
            made.append(Column(plain, _KINDS[kind], primary_key=is_key, autoincrement=False, nullable=null))
    made += [Index(f"ix_{name}_{index.split()[0]}", *index.split()) for index in indexes]
    return Table(name, metadata, *made)


def _log(name: str, columns: str, *indexes: str) -> Table:
    """A projection with one row per event, never changed."""
    return _table(name, "seq", f"integer: seq ts cause; text: desk; {columns}", "desk seq", *indexes)


# Payloads come last, so that reading a block's head does not touch its overflow pages.
_payload = "integer: item_count checksum; bytes: payload"
journal_block = _table("journal_block", "first_seq", f"integer: first_seq last_seq last_ts; {_payload}")
segment_block = _table("segment_block", "first_seq hub", f"integer: first_seq; text: hub; {_payload}")  # of that block
journal_start = _table("journal_start", "first_seq", "integer: first_seq retention_days?")  # one row, as the next one
snapshot = _table("snapshot", "next_seq", "integer: next_seq checksum; bytes: state")
projection_cursor = _table("projection_cursor", "next_seq", "integer: next_seq")  # one row, made by the first migration

# Columns of projections stand in the order of the fields that fill them. `reason` says why an order was rejected or
# canceled, `day` counts whole days since 1970-01-01 UTC.
_terms = "decimal: quantity limit_price? trigger_price? trail_rate?; text: time_in_force; integer: expires_at_ns"
_marks = "boolean: is_reduce_only is_post_only; text: group_id parent_id; decimal: leverage; text: code tag"
_state = "integer: created_at_ns; text: state; decimal: filled; text: reason; integer: first_seq seq ts"
_order_names = "text: id desk account instrument side kind role"
orders = _table("orders", "id", f"{_order_names}; {_terms}; {_marks}; {_state}", "desk first_seq")
_fill = "text: order_id fill_id; decimal: price quantity fee; text: fee_asset; boolean: is_maker; text: code"
fills = _log("fills", _fill, "order_id", "fill_id")
_held = "text: desk account instrument; decimal: quantity average_entry realised fees funding"
positions = _table("positions", "desk instrument", f"{_held}; integer: opened_at_ns seq ts")
_traded = "text: account instrument side; decimal: quantity entry_price exit_price; integer: opened_at_ns closed_at_ns"
trades = _log(
    "trades", f"{_traded}; decimal: gross fees funding net; text: exit_role entry_order_id; real: quote_rate?"
)
equity = _log("equity", "text: account; real: equity? drawdown? exposure?")
evaluations = _table("evaluations", "seq", "integer: seq ts; text: instrument timeframe; json: evaluations")
_signal = "text: direction; real: strength?; text: code; json: numbers; real: stop_price? target_price?"
decisions = _log("decisions", f"text: instrument; {_signal}; json: board")
_why_not = "integer: day; text: desk instrument by code; integer: count first_seq seq ts"
declined = _table("declined", "day desk instrument by code", _why_not, "desk first_seq")
refusals = _log("refusals", "text: instrument rule tier code; json: numbers")
checks = _log("checks", "text: rule tier outcome code; json: numbers")
_booked = "integer: seq line ts cause; text: desk kind ref account book asset; decimal: amount"
ledger = _table("ledger", "seq line", _booked)
incidents = _log("incidents", "text: kind; json: fields")
_told = "text: command_id; integer: ts; text: kind target; integer: level; text: instrument by"
commands = _table("commands", "command_id", f"{_told}; boolean: is_done?; text: message; integer: first_seq seq")
_ended = "integer: number ts; text: by why when how; json: changed steps; text: result text; integer: took_ms seq"
swaps = _table("swaps", "number ts", _ended)
notes = _table("notes", "seq", "integer: seq ts; text: kind subject by text; json: facts", "kind seq")
_counts = "integer: day marks answers orders rejected trades failures"
_worth = "real: exposure equity? low? high? fall? fees? turnover?; integer: first_seq seq ts"
desk_days = _table("desk_days", "desk day", f"text: desk; {_counts}; {_worth}")
_named = "integer: number; text: phase; json: slots; text: text; integer: first_seq first_ts seq ts"
generations = _table("generations", "number", _named)
