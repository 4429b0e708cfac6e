"""What was traded as a file: for a spreadsheet, or for whoever does the taxes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Desk, OfInstrument, ReportFile, Span, plain, shaped
from loligo_bot.door.trading import FillRow, OrderRow, TradeRow
from loligo_lab.csv_table import csv_table
from loligo_store.rows import ProjectionReader

Table = Literal["trades", "fills", "orders"]
_ROWS: dict[Table, type[BaseModel]] = {"trades": TradeRow, "fills": FillRow, "orders": OrderRow}


class TradedAsked(Span):
    """Which table, and of it which rows."""

    table: Table = Field(
        default="trades", description="trades: closed round trips; fills: every execution with its fee; orders"
    )
    desk: Desk = None
    instrument: OfInstrument = None


def traded(inside: Inside, given: TradedAsked) -> ReportFile:
    named = [given.table, *(part for part in (given.desk, given.since, given.until) if part)]
    name = "-".join("".join(sign if sign.isalnum() else "-" for sign in part) for part in named)
    return ReportFile(name=f"{name}.csv", media_type="text/csv", content=traded_csv(inside.rows, given))


def traded_csv(reader: ProjectionReader, given: TradedAsked) -> str:
    """Return all rows that are asked for, the oldest first; amounts as exact decimals, times in UTC as ISO 8601."""
    model = _ROWS[given.table]
    above, below = given.bounds()
    where = {name: value for name in ("desk", "instrument") if (value := getattr(given, name)) is not None}
    rows = [shaped(model, row) for row in reader.rows(given.table, where=where, above=above, below=below)]
    columns = list(model.model_fields)
    texts = [name for name, one in model.model_fields.items() if one.annotation in (str, str | None)]
    return csv_table(columns, ([_cell(getattr(row, name)) for name in columns] for row in rows), texts)


def _cell(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


OFFERS: tuple[Offer, ...] = (
    reading("trades.export", "trades, fills or orders as a CSV file, all of them", TradedAsked, ReportFile, traded),
)
