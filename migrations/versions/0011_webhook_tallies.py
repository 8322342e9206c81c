"""How many events were acknowledged and not stored, and which were ignored.

Revision ID: 0011_webhook_tallies
"""

from __future__ import annotations

import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011_webhook_tallies"
down_revision = "0010_shared_charges"
branch_labels = None
depends_on = None


def exact(length: int) -> sa.types.TypeEngine[str]:
    """A string that tells upper from lower case on every database."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, "mysql", "mariadb")


def instant() -> sa.types.TypeEngine[datetime.datetime]:
    """A time in UTC with microseconds."""
    precise = mysql.DATETIME(fsp=6)
    return sa.DateTime(timezone=True).with_variant(precise, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "accrue_webhook_tallies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("updated_at", instant(), nullable=False),
        sa.Column("processor", exact(32), nullable=False),
        sa.Column("endpoint", exact(64), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accrue_webhook_tallies"),
        sa.UniqueConstraint(
            "processor",
            "endpoint",
            "reason",
            "day",
            name="uq_accrue_webhook_tallies_processor_endpoint_reason_day",
        ),
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_accrue_webhook_events_ignored",
            "accrue_webhook_events",
            ["received_at", "id"],
            postgresql_where=sa.text("outcome = 'ignored'"),
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("ix_accrue_webhook_events_ignored", "accrue_webhook_events")
    op.drop_table("accrue_webhook_tallies")
