"""Read models of swaps and generations.

Where the journal is whole all read models are made again from it, so that what ran before this version is in them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MADE_OF_JOURNAL = (
    "orders fills positions trades equity evaluations decisions declined refusals checks ledger incidents commands"
)


def upgrade() -> None:
    op.create_table(
        "swaps",
        sa.Column("number", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("when", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("took_ms", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number", "ts"),
    )
    op.create_table(
        "generations",
        sa.Column("number", BigInt, autoincrement=False, nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("slots", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    first_seq = op.get_bind().execute(sa.text("SELECT first_seq FROM journal_start")).scalar()
    if first_seq == 1:
        for table in MADE_OF_JOURNAL.split():
            op.execute(f"DELETE FROM {table}")
        op.execute("UPDATE projection_cursor SET next_seq = 1")
