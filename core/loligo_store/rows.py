"""Answers questions from the projections: rows as plain dictionaries, and the seq behind an order, fill or command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Select, distinct, func, select, union_all

from loligo.errors import JournalError
from loligo_store.projections import PROJECTIONS, Projection, Row
from loligo_store.schema import commands, fills, orders, projection_cursor


def position_of(projection: str) -> str:
    """Return the column by which the rows of a projection are in order."""
    return "first_seq" if "first_seq" in PROJECTIONS[projection].table.c else "seq"


class ProjectionReader:
    """The read side. Rows are as new as the last `catch_up` of a projector."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(
        self,
        projection: str,
        *,
        desk: str | None = None,
        limit: int | None = None,
        where: Row | None = None,
        above: Row | None = None,
        below: Row | None = None,
    ) -> list[Row]:
        """Return rows, newest last; with `limit` the newest of them.

        `where` names columns that must be equal, or one of those in a tuple; `above` and `below` bound columns, not
        inclusive. JournalError for an unknown projection or column.
        """
        chosen = _projection(projection)
        query = select(chosen.table) if chosen.view is None else chosen.view
        wanted = (where or {}) | ({} if desk is None else {"desk": desk})
        return self._found(projection, _bound(projection, query, wanted, above or {}, below or {}).limit(limit))

    def alone(
        self,
        projection: str,
        desks: Sequence[str],
        columns: Sequence[str],
        *,
        limit: int,
        where: Row,
        above: Row,
        below: Row,
    ) -> list[Row]:
        """Return the rows of a log of some desks whose `columns` no row of another of these desks has, newest last.

        `where`, `above`, `below` and `limit` are those of `rows`. JournalError for an unknown projection or column.
        """
        table = _projection(projection).table
        wanted = where | {"desk": tuple(desks)}
        query = _bound(projection, select(func.max(table.c.seq)), wanted, above, below)
        alike = query.group_by(*(table.c[name] for name in columns)).having(func.count(distinct(table.c.desk)) == 1)
        newest = alike.order_by(func.max(table.c.seq).desc()).limit(limit)
        return self._found(projection, select(table).where(table.c.seq.in_(newest)))

    def _found(self, projection: str, query: Select[Any]) -> list[Row]:
        """Return what a query finds, newest last."""
        table = PROJECTIONS[projection].table
        newest_first = [column.desc() for column in (table.c[position_of(projection)], *table.primary_key)]
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(*newest_first)).mappings().all()
        return [dict(row) for row in reversed(found)]

    def count(self, projection: str, *, desk: str) -> int:
        """Return how many rows a desk has."""
        table = PROJECTIONS[projection].table
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).where(table.c.desk == desk)).scalar_one()

    def cursor(self) -> int:
        """Return the seq of the first event that the rows do not know yet."""
        with self._engine.connect() as connection:
            found: int = connection.execute(select(projection_cursor.c.next_seq)).scalar_one()
        return found

    def newest(self, projection: str, column: str = "seq") -> int:
        """Return the highest number in a column, 0 when there are no rows."""
        highest = func.max(PROJECTIONS[projection].table.c[column])
        with self._engine.connect() as connection:
            found: int | None = connection.execute(select(highest)).scalar_one()
        return found or 0

    def seq_of(self, ident: str) -> int | None:
        """Return the seq at which an order was submitted, a fill reported or a command given; None if unknown."""
        found = union_all(
            select(orders.c.first_seq).where(orders.c.id == ident),
            select(fills.c.seq).where(fills.c.fill_id == ident),
            select(commands.c.first_seq).where(commands.c.command_id == ident),
        )
        with self._engine.connect() as connection:
            return min(connection.execute(found).scalars(), default=None)


def _projection(name: str) -> Projection:
    if name not in PROJECTIONS:
        raise JournalError(f'there is no projection "{name}": expected one of {", ".join(PROJECTIONS)}')
    return PROJECTIONS[name]


def _bound(projection: str, query: Select[Any], where: Row, above: Row, below: Row) -> Select[Any]:
    """Return a query of some rows only. JournalError for an unknown column."""
    chosen = PROJECTIONS[projection]
    columns = chosen.table.c if chosen.view is None else chosen.view.selected_columns
    if unknown := [name for name in (*where, *above, *below) if name not in columns]:
        raise JournalError(f'projection "{projection}" has no "{unknown[0]}": it has {", ".join(columns.keys())}')
    for name, value in where.items():
        query = query.where(columns[name].in_(value) if isinstance(value, tuple) else columns[name] == value)
    query = query.where(*(columns[name] > value for name, value in above.items()))
    return query.where(*(columns[name] < value for name, value in below.items()))
