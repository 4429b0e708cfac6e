"""Keeps the projections up with the journal and rebuilds them.

What must hold: rows and cursors change in one transaction, and only while the cursors still stand where the batch was
read from, so that neither a crash nor a second projector doubles or drops a row. Rows of logs are made before the
transaction begins, so that the journal's writer waits for the writing only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from loligo.errors import JournalCorrupt
from loligo.model.events import Record
from loligo.store.database import insert_sql, reading, writing
from loligo.store.migrate import migrate
from loligo.store.projections import PROJECTIONS, Key, Projection, Row
from loligo.store.reader import JournalReader
from loligo.store.rows import ProjectionReader
from loligo.store.schema import projection_cursor

_CURSOR = projection_cursor.c
_KEYS_AT_ONCE = 200  # bounds the parameters of one query
_Seen = list[tuple[Any, Record]]  # events, each with its record


class _CursorMoved(Exception):
    """Someone else projected the batch first."""


class Projector(ProjectionReader):
    """The read side of one journal and what keeps it new. One serves one thread; several may stand side by side."""

    def __init__(self, engine: Engine, projections: Mapping[str, Projection] = PROJECTIONS) -> None:
        migrate(engine)
        super().__init__(engine, projections)
        self._journal = JournalReader(engine)

    def catch_up(self, *, batch_records: int = 2_000) -> int:
        """Project what the journal has beyond the cursors; return how many records that were."""
        cursors = self._cursors()
        records = self._journal.records(min(cursors.values()))
        count = 0
        while batch := list(islice(records, batch_records)):
            try:
                cursors = self._write(batch, cursors)
            except _CursorMoved:
                return count + self.catch_up(batch_records=batch_records)
            count += len(batch)
        return count

    def rebuild(self, *, batch_records: int = 2_000) -> int:
        """Drop all rows and make them again from the journal; return how many records were read."""
        with writing(self._engine) as connection:
            # First the cursors: a projector at work holds them, so this waits for it and it then starts anew.
            connection.execute(delete(projection_cursor).where(_CURSOR.name.in_(list(self._projections))))
            for projection in self._projections.values():
                connection.execute(delete(projection.table))
        return self.catch_up(batch_records=batch_records)

    def _cursors(self) -> dict[str, int]:
        """Return where each projection stands; a new one, or one that a migration dropped, at the beginning."""
        with reading(self._engine) as connection:
            stored = {row.name: row.next_seq for row in connection.execute(select(projection_cursor))}
        missing = [(name, 1) for name in self._projections if name not in stored]
        if missing:
            insert = insert_sql(self._engine, projection_cursor)
            with writing(self._engine) as connection:
                connection.exec_driver_sql(f"{insert} ON CONFLICT DO NOTHING", missing)
        cursors = {name: stored.get(name, 1) for name in self._projections}
        furthest, last_seq = max(cursors.values()), self._journal.last_seq
        if furthest > last_seq + 1:
            raise JournalCorrupt(
                f"projections stand at seq {furthest} and the journal ends at {last_seq}: restore the end of the"
                " journal from a backup, or rebuild the projections from what is left"
            )
        return cursors

    def _write(self, batch: Sequence[Record], cursors: dict[str, int]) -> dict[str, int]:
        seen = self._sorted_out(batch, cursors)
        after = {name: max(cursor, batch[-1].next_seq) for name, cursor in cursors.items()}
        rows = {name: _log_rows(p, seen[name]) for name, p in self._projections.items() if p.fold is None}
        with writing(self._engine) as connection:
            _move(connection, cursors, after)
            for name, projection in self._projections.items():
                if rows.get(name):
                    connection.exec_driver_sql(insert_sql(self._engine, projection.table), rows[name])
                elif projection.fold is not None and seen[name]:
                    _fold(connection, projection, projection.fold, seen[name])
        return after

    def _sorted_out(self, batch: Sequence[Record], cursors: dict[str, int]) -> dict[str, _Seen]:
        """Return what each projection has to look at: events of its kinds, from its own cursor on."""
        seen: dict[str, _Seen] = {name: [] for name in self._projections}
        takers: dict[type, list[tuple[int, Any]]] = {}
        for name, projection in self._projections.items():
            for kind in projection.of:
                takers.setdefault(kind, []).append((cursors[name], seen[name].append))
        for record in batch:
            for event in (record, record.input, *record.events):
                for cursor, take in takers.get(type(event), ()):
                    if record.seq >= cursor:
                        take((event, record))
        return seen


def _log_rows(projection: Projection, seen: _Seen) -> list[Any]:
    of = projection.of
    return [tuple(row) for event, _ in seen for row in of[type(event)](event)]


def _move(connection: Connection, cursors: dict[str, int], after: dict[str, int]) -> None:
    for name, next_seq in cursors.items():
        place = update(projection_cursor).where(_CURSOR.name == name, _CURSOR.next_seq == next_seq)
        if connection.execute(place.values(next_seq=after[name])).rowcount != 1:
            raise _CursorMoved


def _fold(connection: Connection, projection: Projection, fold: Any, seen: _Seen) -> None:
    keys = [projection.of[type(event)](event) for event, _ in seen]
    rows = _stored(connection, projection.table, list(dict.fromkeys(keys)))
    for key, (event, record) in zip(keys, seen, strict=True):
        row = fold(rows.get(key), event, record)
        if row is not None:
            rows[key] = row
    if rows:
        connection.execute(_upsert(connection, projection.table), list(rows.values()))


def _stored(connection: Connection, table: Table, keys: list[Key]) -> dict[Key, Row]:
    key_columns = list(table.primary_key)
    rows: dict[Key, Row] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        query = select(table).where(tuple_(*key_columns).in_(keys[start : start + _KEYS_AT_ONCE]))
        for row in connection.execute(query).mappings():
            rows[tuple(row[column] for column in key_columns)] = dict(row)
    return rows


def _upsert(connection: Connection, table: Table) -> Any:
    insert = (sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert)(table)
    changed = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
