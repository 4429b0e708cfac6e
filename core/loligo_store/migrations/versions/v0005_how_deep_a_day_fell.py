"""How deep each desk fell within each day.

Where the journal is whole all read models are made again from it. Where retention has cut it, days of before know their
lowest and highest mark, and not which came first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MADE_OF_JOURNAL = (
    "orders fills positions trades equity evaluations decisions declined refusals checks ledger incidents commands"
    " swaps generations notes desk_days"
)


def upgrade() -> None:
    op.add_column("desk_days", sa.Column("fall", sa.Float(53), nullable=True))
    first_seq = op.get_bind().execute(sa.text("SELECT first_seq FROM journal_start")).scalar()
    if first_seq == 1:
        for table in MADE_OF_JOURNAL.split():
            op.execute(f"DELETE FROM {table}")
        op.execute("UPDATE projection_cursor SET next_seq = 1")
