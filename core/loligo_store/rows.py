"""Answers questions from the projections: rows as plain dictionaries, and the seq behind an order, fill or command."""

from __future__ import annotations

from sqlalchemy import Engine, func, select, union_all

from loligo.errors import JournalError
from loligo_store.projections import PROJECTIONS, Row
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
        if projection not in PROJECTIONS:
            raise JournalError(f'there is no projection "{projection}": expected one of {", ".join(PROJECTIONS)}')
        chosen = PROJECTIONS[projection]
        table, query = chosen.table, select(chosen.table) if chosen.view is None else chosen.view
        columns = query.selected_columns
        wanted = (where or {}) | ({} if desk is None else {"desk": desk})
        if unknown := [name for name in (*wanted, *(above or ()), *(below or ())) if name not in columns]:
            raise JournalError(f'projection "{projection}" has no "{unknown[0]}": it has {", ".join(columns.keys())}')
        for name, value in wanted.items():
            query = query.where(columns[name].in_(value) if isinstance(value, tuple) else columns[name] == value)
        query = query.where(*(columns[name] > value for name, value in (above or {}).items()))
        query = query.where(*(columns[name] < value for name, value in (below or {}).items()))
        position = table.c[position_of(projection)]
        newest_first = [column.desc() for column in (position, *table.primary_key)]
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(*newest_first).limit(limit)).mappings().all()
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
