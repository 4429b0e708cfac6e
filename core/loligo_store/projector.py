"""Keeps the projections up with the journal and rebuilds them.

What must hold: rows and cursor change in one transaction, and only while the cursor still stands where the batch was
read from, so that neither a crash nor a second projector doubles or drops a row. Rows of logs are made before the
transaction begins, so that the journal's writer waits for the writing only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, tuple_, update

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.events import Record
from loligo_store.database import checkpoint, insert_sql, writing
from loligo_store.migrate import migrate
from loligo_store.projections import PROJECTIONS, Key, Projection, Row
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from loligo_store.schema import journal_start, projection_cursor

_KEYS_AT_ONCE = 200  # bounds the parameters of one query
_KINDS = dict.fromkeys(kind for projection in PROJECTIONS.values() for kind in projection.of)
_TAKERS = {kind: [name for name, projection in PROJECTIONS.items() if kind in projection.of] for kind in _KINDS}
_Seen = list[tuple[Any, Record]]  # events, each with its record


class Projector(ProjectionReader):
    """The read side of one journal and what keeps it new. One serves one thread; several may stand side by side."""

    def __init__(self, engine: Engine) -> None:
        migrate(engine)
        super().__init__(engine)
        self._journal = JournalReader(engine)
        self._inserts = {name: insert_sql(engine, projection.table) for name, projection in PROJECTIONS.items()}

    def catch_up(self, *, batch_records: int = 2_000) -> int:
        """Project what the journal has beyond the cursor; return how many records that were."""
        return sum(self.steps(batch_records))

    def steps(self, batch_records: int, recent: Callable[[int], Iterable[Record]] = lambda cursor: ()) -> Iterator[int]:
        """Do the same in one transaction after the other; yield how many records each of them took. `recent` may have
        the durable records from a seq on at hand, which need not be read from the database then."""
        is_behind = True
        while is_behind:
            is_behind, cursor = False, self._cursor()
            records = iter(recent(cursor) or self._journal.records(cursor))
            while batch := list(islice(records, batch_records)):
                if not self._write(batch, cursor):  # another projector was first: go on where it stands
                    is_behind = True
                    break
                cursor = batch[-1].next_seq
                yield len(batch)

    def rebuild(self, *, batch_records: int = 2_000) -> int:
        """Drop all rows and make them again from the journal; return how many records were read.

        JournalError, with every row left as it is, once retention has cut a part of the journal: what was cut cannot be
        made again, and an order or a count that began there would come out wrong.
        """
        with writing(self._engine) as connection:
            # First the cursor: a projector at work holds it, so this waits for it and it then starts anew; retention
            # heeds it, so nothing more is cut before the rows are made.
            connection.execute(update(projection_cursor).values(next_seq=1))
            self._check_whole(connection)
            for projection in PROJECTIONS.values():
                connection.execute(delete(projection.table))
        return self.catch_up(batch_records=batch_records)

    def checkpoint(self) -> None:
        """Tidy the database up, which its writers otherwise do in the middle of a commit; from any thread."""
        checkpoint(self._engine)

    def _check_whole(self, connection: Connection) -> None:
        start = connection.execute(select(journal_start)).one()
        if start.first_seq > 1:
            raise JournalError(
                f"the tables cannot be made again: everything before seq {start.first_seq} was cut from the journal by"
                f" retention of {start.retention_days} days. They keep their rows; if those are damaged, restore the"
                " database from a backup"
            )

    def _cursor(self) -> int:
        with self._engine.connect() as connection:
            cursor: int = connection.execute(select(projection_cursor)).scalar_one()
        last_seq = self._journal.last_seq
        if cursor > last_seq + 1:
            raise JournalCorrupt(
                f"projections stand at seq {cursor} and the journal ends at {last_seq}: restore the end of the"
                " journal from a backup, or rebuild the projections from what is left"
            )
        return cursor

    def _write(self, batch: Sequence[Record], cursor: int) -> bool:
        """Project a batch that was read at `cursor`; return False, and write nothing, when that has moved since."""
        seen: dict[str, _Seen] = {name: [] for name in PROJECTIONS}
        for record in batch:
            for event in (record, record.input, *record.events):
                for name in _TAKERS.get(type(event), ()):
                    seen[name].append((event, record))
        logs = {name: _log_rows(PROJECTIONS[name], events) for name, events in seen.items()}
        with writing(self._engine, is_remade=True) as connection:
            move = update(projection_cursor).filter_by(next_seq=cursor).values(next_seq=batch[-1].next_seq)
            if connection.execute(move).rowcount != 1:
                return False
            for name, projection in PROJECTIONS.items():
                if projection.fold is not None:
                    _fold(connection, projection, projection.fold, seen[name])
                elif logs[name]:
                    connection.exec_driver_sql(self._inserts[name], logs[name])
        return True


def _log_rows(projection: Projection, seen: _Seen) -> list[tuple[Any, ...]]:
    of = projection.of
    return [] if projection.fold else [tuple(row) for event, _ in seen for row in of[type(event)](event)]


def _fold(connection: Connection, projection: Projection, fold: Any, seen: _Seen) -> None:
    keys = [projection.of[type(event)](event) for event, _ in seen]
    rows = _taken_out(connection, projection.table, list(dict.fromkeys(keys)))
    for key, (event, record) in zip(keys, seen, strict=True):
        row = fold(rows.get(key), event, record)
        if row is not None:
            rows[key] = row
    if rows:
        connection.execute(projection.table.insert(), list(rows.values()))


def _taken_out(connection: Connection, table: Table, keys: list[Key]) -> dict[Key, Row]:
    """Return the rows with these keys, deleted: the same transaction puts them back as they are then."""
    columns = list(table.primary_key)
    rows: dict[Key, Row] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = tuple_(*columns).in_(keys[start : start + _KEYS_AT_ONCE])
        for row in connection.execute(delete(table).where(some).returning(table)).mappings():
            rows[tuple(row[column] for column in columns)] = dict(row)
    return rows
