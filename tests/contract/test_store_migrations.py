"""Every database ends at the schema of the code: new ones, older ones; newer ones are left alone."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from loligo.errors import JournalError
from loligo_store.database import writing
from loligo_store.journal import Journal
from loligo_store.migrate import MIGRATIONS, migrate
from loligo_store.projections import PROJECTIONS
from loligo_store.projector import Projector
from loligo_store.schema import SCHEMA_VERSION, metadata
from tests.fakes.records import story


def differences(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_the_migrated_schema_equals_the_metadata(engine: Engine) -> None:
    migrate(engine)
    assert differences(engine) == []


def test_the_comparison_sees_a_column_that_lacks(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE commands DROP COLUMN message")
    assert [found[0] for found in differences(engine)] == ["add_column"]


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    assert list(rows) == [SCHEMA_VERSION]


def test_the_newest_migration_is_the_version_of_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_an_older_database_is_migrated(engine: Engine) -> None:
    with engine.begin() as connection:  # alembic knows it, and no migration has run
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    migrate(engine)
    assert differences(engine) == []


def everything(projector: Projector) -> dict[str, list[dict[str, Any]]]:
    projector.catch_up()
    return {name: projector.rows(name) for name in PROJECTIONS}


def to_first_version(engine: Engine) -> None:
    """Make a database look as the first version left it."""
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP TABLE swaps")
        connection.exec_driver_sql("DROP TABLE generations")
        connection.exec_driver_sql("DROP TABLE notes")
        connection.exec_driver_sql("DROP TABLE desk_days")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")


def test_read_models_of_a_whole_journal_are_made_again_when_some_are_new(engine: Engine) -> None:
    migrate(engine)
    journal = Journal(engine)
    for record in story():
        journal.append(record)
    journal.commit()
    expected = everything(Projector(engine))
    to_first_version(engine)
    again = Projector(engine)
    assert everything(again) == expected
    assert [row["number"] for row in again.rows("generations")] == [1]


def to_third_version(engine: Engine) -> None:
    """Make a database look as the third version left it, with a journal that retention has cut."""
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE desk_days DROP COLUMN fall")
        connection.exec_driver_sql("ALTER TABLE generations DROP COLUMN first_ts")
        connection.exec_driver_sql("UPDATE journal_start SET first_seq = 9")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")


def test_generations_of_a_cut_journal_get_the_time_that_the_read_models_know(engine: Engine) -> None:
    migrate(engine)
    of_row = "(number, phase, slots, text, first_seq, first_ts, seq, ts) VALUES"
    with writing(engine) as connection:
        connection.exec_driver_sql(f"INSERT INTO generations {of_row} (1, 'good', '[]', '', 1, 0, 1, 100)")
        connection.exec_driver_sql(f"INSERT INTO generations {of_row} (2, 'good', '[]', '', 5, 0, 8, 900)")
        for seq, ts in ((3, 400), (4, 500), (7, 800)):
            values = f"({seq}, {ts}, 1, 'trend', 'paper', 1.0, 0.0, 0.0)"
            connection.exec_driver_sql(f"INSERT INTO equity VALUES {values}")
        of_day = "(desk, day, marks, answers, orders, rejected, trades, failures, exposure, first_seq, seq, ts) VALUES"
        connection.exec_driver_sql(f"INSERT INTO desk_days {of_day} ('trend', 3, 0, 0, 0, 0, 0, 0, 0.0, 1, 2, 3)")
    to_third_version(engine)
    again = Projector(engine)
    assert [(row["number"], row["first_ts"], row["ts"]) for row in again.rows("generations")] == [
        (1, 100, 100),  # good at once
        (2, 500, 900),  # the mark before it
    ]
    assert [(row["day"], row["fall"]) for row in again.rows("desk_days")] == [(3, None)]
    assert differences(engine) == []


def test_a_newer_database_is_refused_and_left_alone(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(JournalError, match=f"schema 9999 and this Loligo knows up to {SCHEMA_VERSION}.*Update Loligo"):
        migrate(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"


_MIGRATING = """
import sys
from sqlalchemy import event
from loligo_store.database import open_engine
from loligo_store.migrate import migrate
engine = open_engine(sys.argv[1])

def die(connection, cursor, statement, *_):
    if "CREATE TABLE orders" in statement:
        print("here", flush=True)
        sys.stdin.read()  # until killed, within the transaction

event.listen(engine, "after_cursor_execute", die)
migrate(engine)
"""


def test_a_process_killed_within_a_migration_leaves_nothing_behind(database_url: str, engine: Engine) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _MIGRATING, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "here\n"
    child.kill()
    child.communicate(timeout=30)
    assert inspect(engine).get_table_names() == []
    migrate(engine)
    assert differences(engine) == []


def test_an_open_database_at_the_head_does_not_load_alembic(database_url: str, engine: Engine) -> None:
    migrate(engine)
    check = (
        "import sys; from loligo_store.journal import Journal; Journal(sys.argv[1]).close();"
        " print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check, database_url], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
