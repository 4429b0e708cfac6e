"""Read models of the days of desks and of what was noted beside the engine.

Where the journal is whole all read models are made again from it, so that the days before this version are in them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MADE_OF_JOURNAL = (
    "orders fills positions trades equity evaluations decisions declined refusals checks ledger incidents commands"
    " swaps generations"
)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, BigInt, autoincrement=False, nullable=False)


def upgrade() -> None:
    op.create_table(
        "notes",
        _integer("seq"),
        _integer("ts"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject", "by", "text", "facts")),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_notes_kind", "notes", ["kind", "seq"])
    op.create_table(
        "desk_days",
        sa.Column("desk", sa.Text(), nullable=False),
        *map(_integer, ("day", "marks", "answers", "orders", "rejected", "trades", "failures")),
        sa.Column("exposure", sa.Float(53), nullable=False),
        *(sa.Column(name, sa.Float(53), nullable=True) for name in ("equity", "low", "high", "fees", "turnover")),
        *map(_integer, ("first_seq", "seq", "ts")),
        sa.PrimaryKeyConstraint("desk", "day"),
    )
    first_seq = op.get_bind().execute(sa.text("SELECT first_seq FROM journal_start")).scalar()
    if first_seq == 1:
        for table in MADE_OF_JOURNAL.split():
            op.execute(f"DELETE FROM {table}")
        op.execute("UPDATE projection_cursor SET next_seq = 1")
