"""When each generation began, in its row.

Where the journal is whole all read models are made again from it. Where retention has cut it, a generation that was
good at once began when it was last heard of; of the others the mark of equity before is known, which comes every hour
(`engine.equity_every_s`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MADE_OF_JOURNAL = (
    "orders fills positions trades equity evaluations decisions declined refusals checks ledger incidents commands"
    " swaps generations notes desk_days"
)
AS_KNOWN = """
    UPDATE generations SET first_ts = CASE WHEN seq = first_seq THEN ts ELSE coalesce(
        (SELECT max(equity.ts) FROM equity WHERE equity.seq < generations.first_seq), ts
    ) END
"""


def upgrade() -> None:
    op.execute("CREATE TABLE generations_before AS SELECT * FROM generations")
    op.drop_table("generations")
    op.create_table(
        "generations",
        sa.Column("number", BigInt, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("phase", "slots", "text")),
        *(
            sa.Column(name, BigInt, autoincrement=False, nullable=False)
            for name in ("first_seq", "first_ts", "seq", "ts")
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    first_seq = op.get_bind().execute(sa.text("SELECT first_seq FROM journal_start")).scalar()
    if first_seq == 1:
        for table in MADE_OF_JOURNAL.split():
            op.execute(f"DELETE FROM {table}")
        op.execute("UPDATE projection_cursor SET next_seq = 1")
    else:
        columns = "number, phase, slots, text, first_seq, seq, ts"
        op.execute(f"INSERT INTO generations ({columns}, first_ts) SELECT {columns}, ts FROM generations_before")
        op.execute(AS_KNOWN)
    op.drop_table("generations_before")
