"""The journal, its market data and snapshots, and the first projections."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "checks",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_checks_desk", "checks", ["desk", "seq"], unique=False)
    op.create_table(
        "commands",
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("level", BigInt, autoincrement=False, nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("command_id"),
    )
    op.create_table(
        "decisions",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("strength", sa.Float(precision=53), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("stop_price", sa.Float(precision=53), nullable=True),
        sa.Column("target_price", sa.Float(precision=53), nullable=True),
        sa.Column("board", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_decisions_desk", "decisions", ["desk", "seq"], unique=False)
    op.create_table(
        "declined",
        sa.Column("day", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("count", BigInt, autoincrement=False, nullable=False),
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("day", "desk", "instrument", "by", "code"),
    )
    op.create_index("ix_declined_desk", "declined", ["desk", "first_seq"], unique=False)
    op.create_table(
        "equity",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("equity", sa.Float(precision=53), nullable=True),
        sa.Column("drawdown", sa.Float(precision=53), nullable=True),
        sa.Column("exposure", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_equity_desk", "equity", ["desk", "seq"], unique=False)
    op.create_table(
        "evaluations",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("evaluations", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "fills",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("fill_id", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("fee", sa.Text(), nullable=False),
        sa.Column("fee_asset", sa.Text(), nullable=False),
        sa.Column("is_maker", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_fills_desk", "fills", ["desk", "seq"], unique=False)
    op.create_index("ix_fills_fill_id", "fills", ["fill_id"], unique=False)
    op.create_index("ix_fills_order_id", "fills", ["order_id"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_incidents_desk", "incidents", ["desk", "seq"], unique=False)
    op.create_table(
        "journal_block",
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("last_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("last_ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("item_count", BigInt, autoincrement=False, nullable=False),
        sa.Column("checksum", BigInt, autoincrement=False, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("first_seq"),
    )
    op.create_table(
        "journal_start",
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("retention_days", BigInt, autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("first_seq"),
    )
    op.execute("INSERT INTO journal_start (first_seq) VALUES (1)")
    op.create_table(
        "ledger",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("line", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "line"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("limit_price", sa.Text(), nullable=True),
        sa.Column("trigger_price", sa.Text(), nullable=True),
        sa.Column("trail_rate", sa.Text(), nullable=True),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("expires_at_ns", BigInt, autoincrement=False, nullable=False),
        sa.Column("is_reduce_only", sa.Boolean(), nullable=False),
        sa.Column("is_post_only", sa.Boolean(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=False),
        sa.Column("leverage", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("created_at_ns", BigInt, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filled", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_orders_desk", "orders", ["desk", "first_seq"], unique=False)
    op.create_table(
        "positions",
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("average_entry", sa.Text(), nullable=False),
        sa.Column("realised", sa.Text(), nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.Column("funding", sa.Text(), nullable=False),
        sa.Column("opened_at_ns", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("desk", "instrument"),
    )
    op.create_table(
        "projection_cursor",
        sa.Column("next_seq", BigInt, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("next_seq"),
    )
    op.execute("INSERT INTO projection_cursor (next_seq) VALUES (1)")
    op.create_table(
        "refusals",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_refusals_desk", "refusals", ["desk", "seq"], unique=False)
    op.create_table(
        "segment_block",
        sa.Column("first_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("item_count", BigInt, autoincrement=False, nullable=False),
        sa.Column("checksum", BigInt, autoincrement=False, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("first_seq", "hub"),
    )
    op.create_table(
        "snapshot",
        sa.Column("next_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("checksum", BigInt, autoincrement=False, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("next_seq"),
    )
    op.create_table(
        "trades",
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("ts", BigInt, autoincrement=False, nullable=False),
        sa.Column("cause", BigInt, autoincrement=False, nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("entry_price", sa.Text(), nullable=False),
        sa.Column("exit_price", sa.Text(), nullable=False),
        sa.Column("opened_at_ns", BigInt, autoincrement=False, nullable=False),
        sa.Column("closed_at_ns", BigInt, autoincrement=False, nullable=False),
        sa.Column("gross", sa.Text(), nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.Column("funding", sa.Text(), nullable=False),
        sa.Column("net", sa.Text(), nullable=False),
        sa.Column("exit_role", sa.Text(), nullable=False),
        sa.Column("entry_order_id", sa.Text(), nullable=False),
        sa.Column("quote_rate", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_trades_desk", "trades", ["desk", "seq"], unique=False)
