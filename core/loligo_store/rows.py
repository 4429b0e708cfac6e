"""Answers questions from the projections: rows as plain dictionaries, and the seq behind an order, fill or command."""

from __future__ import annotations

from sqlalchemy import Engine, select, union_all

from loligo.errors import JournalError
from loligo_store.projections import PROJECTIONS, Row
from loligo_store.schema import commands, fills, orders


class ProjectionReader:
    """The read side. Rows are as new as the last `catch_up` of a projector."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(
        self, projection: str, *, desk: str | None = None, limit: int | None = None, where: Row | None = None
    ) -> list[Row]:
        """Return rows, newest last; with `limit` the newest of them.

        `where` names columns that must be equal. JournalError for an unknown projection or column.
        """
        if projection not in PROJECTIONS:
            raise JournalError(f'there is no projection "{projection}": expected one of {", ".join(PROJECTIONS)}')
        chosen = PROJECTIONS[projection]
        table, query = chosen.table, select(chosen.table) if chosen.view is None else chosen.view
        columns = query.selected_columns
        for name, value in ((where or {}) | ({} if desk is None else {"desk": desk})).items():
            if name not in columns:
                raise JournalError(f'projection "{projection}" has no "{name}": it has {", ".join(columns.keys())}')
            query = query.where(columns[name] == value)
        position = table.c["first_seq" if "first_seq" in table.c else "seq"]
        newest_first = [column.desc() for column in (position, *table.primary_key)]
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(*newest_first).limit(limit)).mappings().all()
        return [dict(row) for row in reversed(found)]

    def seq_of(self, ident: str) -> int | None:
        """Return the seq at which an order was submitted, a fill reported or a command given; None if unknown."""
        found = union_all(
            select(orders.c.first_seq).where(orders.c.id == ident),
            select(fills.c.seq).where(fills.c.fill_id == ident),
            select(commands.c.first_seq).where(commands.c.command_id == ident),
        )
        with self._engine.connect() as connection:
            return min(connection.execute(found).scalars(), default=None)
