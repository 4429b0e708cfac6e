"""Answers questions from the projections: rows as plain dictionaries, and the seq behind an order, fill or command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, select

from loligo.errors import JournalError
from loligo.store.database import reading
from loligo.store.projections import PROJECTIONS, Projection, Row
from loligo.store.schema import commands, fills, orders


class ProjectionReader:
    """The read side. Rows are as new as the last `catch_up` of a projector."""

    def __init__(self, engine: Engine, projections: Mapping[str, Projection] = PROJECTIONS) -> None:
        self._engine = engine
        self._projections = projections

    def rows(
        self,
        projection: str,
        *,
        desk: str | None = None,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        before_seq: int | None = None,
    ) -> list[Row]:
        """Return rows, newest last; with `limit` the newest of them.

        `where` names columns that must be equal; the times bound `ts`, both ends included; `before_seq` pages backwards
        by `first_seq` where the table has it, else by `seq`. JournalError for an unknown projection or column.
        """
        chosen = self._chosen(projection)
        columns, table = chosen.view.selected_columns, chosen.table.c
        equal = {**(where or {}), **({} if desk is None else {"desk": desk})}
        for name in equal:
            if name not in columns:
                raise JournalError(f'projection "{projection}" has no "{name}": it has {", ".join(columns.keys())}')
        query = chosen.view.where(*[columns[name] == value for name, value in equal.items()])
        position = table["first_seq" if "first_seq" in table else "seq"]
        if since_ns is not None:
            query = query.where(table.ts >= since_ns)
        if until_ns is not None:
            query = query.where(table.ts <= until_ns)
        if before_seq is not None:
            query = query.where(position < before_seq)
        newest_first = [column.desc() for column in (position, *chosen.table.primary_key)]
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(*newest_first).limit(limit)).mappings().all()
        return [dict(row) for row in reversed(found)]

    def seq_of(self, ident: str) -> int | None:
        """Return the seq at which an order was submitted, a fill reported or a command given; None if unknown."""
        places = (
            (orders.c.id, orders.c.first_seq),
            (fills.c.fill_id, fills.c.seq),
            (commands.c.command_id, commands.c.first_seq),
        )
        with reading(self._engine) as connection:
            for column, seq in places:
                query = select(seq).where(column == ident).order_by(seq).limit(1)
                found = connection.execute(query).scalar()
                if found is not None:
                    return int(found)
        return None

    def _chosen(self, projection: str) -> Projection:
        if projection not in self._projections:
            known = ", ".join(self._projections)
            raise JournalError(f'there is no projection "{projection}": expected one of {known}')
        return self._projections[projection]
